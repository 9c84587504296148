"""What was said of the designs of a run against what was found, and what nothing was found for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from boards.metrics import Fidelity

from .columns import Column, is_figure, parse_column, predicted_pairs
from .run import Run
from .source import Source
from .text import is_finite

__all__ = ["Parity", "Unmeasured", "host_shares", "parities", "relative_error", "unmeasured"]

_ROUTED = "routed_"
_UNCERTAINTY = "power_uncertainty_mw"
_POWERED = ("power", "energy", "joule")
_STATED = re.compile(r"\+-(\d+%)")
_NONE = "none stated; no error was measured in this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """One figure said in one way and found in another, on every design that has both.

    Members
    -------
    said, found : Column
        The two columns.
    said_by, found_by : Source
        Who filled them.
    points : tuple of (design, said, found)
        In the columns' unit.
    """

    said: Column
    found: Column
    said_by: Source
    found_by: Source
    points: tuple[tuple[str, float, float], ...]

    @property
    def errors(self) -> tuple[float, ...]:
        """What was said over what was found, less one: above zero where too much was said."""
        return tuple(relative_error(said, found) for _, said, found in self.points)

    @property
    def mean(self) -> float:
        """Mean error, with its sign."""
        return sum(self.errors) / len(self.errors)

    @property
    def mean_absolute(self) -> float:
        """Mean of the errors' sizes."""
        return sum(map(abs, self.errors)) / len(self.errors)

    @property
    def worst(self) -> tuple[str, float]:
        """The design with the largest error, and that error."""
        errors = zip((design for design, *_ in self.points), self.errors, strict=True)
        return max(errors, key=lambda item: abs(item[1]))


def relative_error(said: float, found: float) -> float:
    """Return `said` over `found`, less one; 0 where both are nothing."""
    return said / found - 1 if found else float(said > 0.5)


def parities(run: Run) -> list[Parity]:
    """Return every comparison that the run's figures allow.

    Predicted against what was found later, modelled against measured, and resources summed over
    modules against the whole design after routing.
    """
    pairs = [*predicted_pairs(run.columns), *_modelled_pairs(run), *_routed_pairs(run)]
    return [parity for pair in pairs if (parity := _parity(run, *pair)).points]


def _modelled_pairs(run: Run) -> list[tuple[str, str]]:
    measured = {c.stem: c.name for c in _columns(run) if c.fidelity == Fidelity.MEASURED}
    modelled = (c for c in _columns(run) if c.fidelity == Fidelity.MODELLED)
    return [(column.name, measured[column.stem]) for column in modelled if column.stem in measured]


def _routed_pairs(run: Run) -> list[tuple[str, str]]:
    routed = [name for name in run.columns if name.startswith(_ROUTED)]
    pairs = [(name.replace(_ROUTED, "engine_", 1), name) for name in routed]
    return [pair for pair in pairs if pair[0] in run.columns]


def _columns(run: Run) -> Iterator[Column]:
    return (parse_column(name) for name in run.columns if is_figure(name))


def _parity(run: Run, said: str, found: str) -> Parity:
    points = tuple(
        (row["design"], row[said], row[found])
        for row in run.designs
        if is_finite(row[said]) and is_finite(row[found])
    )
    return Parity(
        said=parse_column(said),
        found=parse_column(found),
        said_by=run.source(said),
        found_by=run.source(found),
        points=points,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """Figures from one source that nothing in the run measures.

    Members
    -------
    source : Source
        Who said them.
    ranges : tuple of (Column, lowest, highest)
        The figures over the measured designs.
    conditions : str
        What all of them rest on: coefficients and their source.
    uncertainty : str
        What is stated of it, in words.
    """

    source: Source
    ranges: tuple[tuple[Column, float, float], ...]
    conditions: str
    uncertainty: str


def unmeasured(run: Run) -> list[Unmeasured]:
    """Return the modelled and estimated figures of measured designs that have no measured twin."""
    twins = {parity.said.name for parity in parities(run)}
    wanted = (Fidelity.MODELLED, Fidelity.ESTIMATED)
    columns = [
        column
        for column in _columns(run)
        if column.fidelity in wanted and column.name not in twins and column.stem != _UNCERTAINTY
    ]
    groups = groupby(columns, key=lambda c: (run.source(c.name), run.conditions(c.name)))
    return [
        Unmeasured(
            source=source,
            ranges=ranges,
            conditions=conditions,
            uncertainty=_uncertainty(run, ranges, conditions),
        )
        for (source, conditions), found in groups
        if (ranges := tuple(_ranges(run, found)))
    ]


def _ranges(run: Run, columns: Iterable[Column]) -> Iterator[tuple[Column, float, float]]:
    for column in columns:
        values = [row[column.name] for row in _measured(run) if is_finite(row[column.name])]
        if values:
            yield column, min(values), max(values)


def _measured(run: Run) -> list[dict[str, Any]]:
    return run.front + run.dominated


def _uncertainty(run: Run, ranges: tuple[tuple[Column, float, float], ...], conditions: str) -> str:
    """Return the uncertainty that the conditions state, or that the power of the tile has."""
    if stated := _STATED.search(conditions):
        return f"±{stated[1]}, one sigma"
    if not any(word in column.stem for column, *_ in ranges for word in _POWERED):
        return _NONE
    if (shares := _power_shares(run)) is None:
        return _NONE
    low, high = (f"{share:.0%}" for share in shares)
    return f"±{low if low == high else f'{low} to {high}'} of the tile's power, one sigma"


def _power_shares(run: Run) -> tuple[float, float] | None:
    """Return the uncertainty of the tile's power as shares, over the measured designs."""
    shares = []
    for row in _measured(run):
        by_stem = {parse_column(name).stem: value for name, value in row.items() if value}
        sigma, power = by_stem.get(_UNCERTAINTY), by_stem.get("tile_power_mw")
        if is_finite(sigma) and is_finite(power):
            shares.append(sigma / power)
    return (min(shares), max(shares)) if shares else None


def host_shares(run: Run) -> tuple[float, float] | None:
    """Return the least and the largest share of the time that operators on the host take."""
    shares = [share for d in run.details.values() if (share := _host_share(d.trace)) is not None]
    return (min(shares), max(shares)) if shares else None


def _host_share(trace: Mapping[str, Any]) -> float | None:
    operators = trace.get("operators", ())
    total = sum(op["ms"] for op in operators)
    return sum(op["ms"] for op in operators if op["block"] == "host") / total if total else None
