"""What each group loses in each format while all else is as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, did_you_mean
from sim.quality.assignment import Assignment

from .groups import GROUPS, Group
from .readings import Meter

__all__ = [
    "WIDE_WINDOW",
    "Sensitivities",
    "known_formats",
    "measure_sensitivities",
    "sensitivity_plans",
]

Floats = NDArray[np.float64]

WIDE_WINDOW = 24
"""Windows of so many bits and more lose less than can be told apart (docs/quality.md)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensitivities:
    """Divergences and losses by group and format, in nats per token.

    Members
    -------
    groups : tuple of Group
        Rows.
    formats : tuple of str
        Columns.
    divergence, divergence_error, loss, loss_error : array of float
        ``[groups, formats]``; of the divergence, which is the less noisy, choices are made.
    base : str
        Assignment that everything else has.
    source : str
        As of `Meter`.
    """

    groups: tuple[Group, ...]
    formats: tuple[str, ...]
    divergence: Floats
    divergence_error: Floats
    loss: Floats
    loss_error: Floats
    base: str
    source: str

    def of(self, groups: Sequence[Group], formats: Sequence[str]) -> Floats:
        """Return the divergences of these groups and formats, ``[groups, formats]``."""
        for name in formats:
            if name not in self.formats:
                raise ConfigError(
                    f"format {name!r} has no sensitivities{did_you_mean(name, self.formats)}"
                )
        rows = [self.groups.index(group) for group in groups]
        columns = [self.formats.index(name) for name in formats]
        return np.asarray(self.divergence[np.ix_(rows, columns)])


def sensitivity_plans(
    meter: Meter,
    formats: Sequence[str],
    *,
    groups: Sequence[Group] = GROUPS,
    base: str = "float64",
    window: int | None = None,
) -> Iterator[tuple[Group, str, Assignment]]:
    """Yield what has to be measured for each group and format, format by format."""
    default = Assignment.parse(base)
    if default.operators:
        raise ConfigError(f"base={base!r} is a mixture; use one format, or float64")
    for name in formats:
        arithmetic = meter.arithmetic(name, window)
        for group in groups:
            operators = {group.name: arithmetic}
            yield group, name, Assignment(default=default.default, operators=operators)


def known_formats(meter: Meter, formats: Sequence[str]) -> tuple[str, ...]:
    """Return those of `formats` that were measured in every group, in a quire."""
    missing = {
        name for _, name, plan in sensitivity_plans(meter, formats) if meter.known(plan) is None
    }
    return tuple(name for name in formats if name not in missing)


def measure_sensitivities(
    meter: Meter,
    formats: Sequence[str],
    *,
    groups: Sequence[Group] = GROUPS,
    base: str = "float64",
    window: int | None = None,
    done: Callable[[int, int], None] = lambda index, count: None,
) -> Sensitivities:
    """Return the table, measuring what the meter has not read before.

    Where a window of `WIDE_WINDOW` bits or more was not measured, the quire is taken in its place.

    Parameters
    ----------
    meter : Meter
        Takes and keeps the readings.
    formats : sequence of str
        Formats.
    groups : sequence of Group
        Groups.
    base : str
        Format of everything else; differences to it are returned.
    window : int or None
        Window of bounded accumulators in bits; None is a quire.
    done : callable
        Told after each cell how many of how many there are.
    """
    plans = list(sensitivity_plans(meter, formats, groups=groups, base=base, window=window))
    quires = list(sensitivity_plans(meter, formats, groups=groups, base=base))
    wide = window is not None and window >= WIDE_WINDOW
    cells = []
    for index, ((_, _, plan), (_, _, quire)) in enumerate(zip(plans, quires, strict=True), 1):
        found = meter.known(plan)
        cells.append(found or meter.read(quire if wide else plan))
        done(index, len(plans))
    floor = None if base == "float64" else meter.read(Assignment.parse(base))
    shape = (len(formats), len(groups))
    table = {
        name: np.array([getattr(cell, name) for cell in cells], dtype=float).reshape(shape).T
        for name in ("divergence", "divergence_error", "loss", "loss_error")
    }
    if floor is not None:
        table["divergence"] = table["divergence"] - floor.divergence
        table["loss"] = table["loss"] - floor.loss
    return Sensitivities(
        groups=tuple(groups), formats=tuple(formats), base=base, source=meter.source, **table
    )
