"""Promising designs that the budget left behind: the modelled front less what was measured."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .record import TrialResult
from .tables import Row

__all__ = ["not_routed"]

_MOST = 12  # designs listed; the whole modelled front is in model_front.csv
_ENDING = "_predicted"
_LONGEST_NAME = 60
_DROPPED = ("--json", "--no-resume", "--resume")

Costs = NDArray[np.float64]


def not_routed(
    modelled: Sequence[Mapping[str, str]],
    results: Sequence[TrialResult],
    info: Mapping[str, Any],
    run: str,
) -> list[Row]:
    """Return what is worth measuring next, the most promising first, at most a dozen.

    A design is promising by how far it lies beyond those measured, and beyond those listed above
    it: the factor by which their predicted figures would have to improve to equal it in all
    objectives at once. Like is compared with like, predicted with predicted.

    Parameters
    ----------
    modelled : sequence of mappings
        Rows of ``model_front.csv`` as text, ``layer`` first.
    results : sequence of TrialResult
        Every trial.
    info : mapping
        ``run.json``: objectives, knobs and command.
    run : str
        Name of the run.
    """
    knobs = info["space"]["knobs"]
    tried = {tuple(str(result.knobs[knob]) for knob in knobs) for result in results}
    left = [
        row
        for row in modelled
        if row["layer"] == "1" and tuple(row[knob] for knob in knobs) not in tried
    ]
    axes = [(_predicted(o["column"]), o["maximise"]) for o in info["objectives"]]
    if not left or not all(name in left[0] for name, _ in axes):
        return []
    known = [
        [result.metrics.value(name) for name, _ in axes]
        for result in results
        if all(name in result.metrics for name, _ in axes)
    ]
    signs = np.array([-1.0 if maximise else 1.0 for _, maximise in axes])
    costs = signs * _logs([[float(row[name]) for name, _ in axes] for row in left])
    chosen = _spread(costs, signs * _logs(np.reshape(known, (-1, len(axes)))))
    return [_row(left[index], knobs, info, run) for index in chosen]


def _predicted(column: str) -> str:
    return column.rpartition("_")[0] + _ENDING


def _logs(figures: ArrayLike) -> Costs:
    """Return logarithms; what takes no time at all is equal to what takes next to none."""
    logs: Costs = np.log(np.maximum(np.asarray(figures, dtype=float), 1e-12))
    return logs


def _spread(costs: Costs, known: Costs) -> list[int]:
    """Return indices into `costs`, each time the one farthest beyond all known and chosen."""
    beyond = np.full(len(costs), np.inf)
    for cost in known:
        beyond = np.minimum(beyond, (cost - costs).max(axis=1))
    chosen: list[int] = []
    while len(chosen) < _MOST and (beyond > 0).any():
        chosen.append(int(np.argmax(beyond)))
        beyond = np.minimum(beyond, (costs[chosen[-1]] - costs).max(axis=1))
    return chosen


def _row(
    row: Mapping[str, str], knobs: Sequence[str], info: Mapping[str, Any], run: str
) -> dict[str, Any]:
    point = {knob: row[knob] for knob in knobs}
    figures = {name: value for name, value in row.items() if name.endswith(_ENDING)}
    return {**point, **figures, "command": _command(point, str(info.get("command", "")), run)}


def _command(point: Mapping[str, str], search: str, run: str) -> str:
    """Return the command that measures `point` in a run of its own.

    It is the run's own command, without what it held these knobs at; of other options that are
    given twice, the last one holds.
    """
    name = "-".join([run[:_LONGEST_NAME], *point.values()])
    values = {knob: _as_typed(value) for knob, value in point.items()}
    if not search.startswith("dse search"):  # started from Python: what was passed is not known
        fixed = ", ".join(f"{knob!r}: {_literal(value)}" for knob, value in values.items())
        return f"dse.search(..., name={name!r}, budget=1, fixed={{{fixed}}})"
    words = [word for word in _without_knobs(shlex.split(search), values) if word not in _DROPPED]
    fixes = [word for knob, value in values.items() for word in ("--fix", f"{knob}={value}")]
    return shlex.join([*words, "--budget", "1", "--name", name, *fixes])


def _without_knobs(words: Iterable[str], knobs: Collection[str]) -> Iterator[str]:
    """Yield the words of a command without its --fix of `knobs`, and without --bits if need be."""
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if option not in ("--fix", "--bits"):
            yield word
            continue
        value = value if equals else next(rest, "")
        knob = "operand_bits" if option == "--bits" else value.partition("=")[0].replace("-", "_")
        if knob not in knobs:
            yield from (option, value)


def _as_typed(value: str) -> str:
    return value.lower() if value in ("True", "False") else value


def _literal(value: str) -> str:
    if value in ("true", "false"):
        return value.capitalize()
    return value if value.lstrip("-").isdecimal() else repr(value)
