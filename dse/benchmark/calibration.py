"""How far the figures of the whole project are off: predictors, methods, and what is only stated.

Nothing is measured here. Every number comes from a data file, and the page names the command that
makes that file again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.target import load_target
from dse.calibrate import fitted_configs
from dse.explore.limits import Limits
from dse.explore.model import AcceleratorModel
from dse.workloads import load_workload
from surrogates.additive import fits, is_current

from .pairs import PairTable
from .subspace import SUBSPACE, TARGET, WORKLOAD, read_table

__all__ = ["ErrorRow", "Fit", "Independent", "error_row", "fit_rows", "method_rows"]

Floats = NDArray[np.float64]

MEASURED = ("lut", "ff", "dsp", "bram", "clock_mhz")
"""Figures of the sub-space that are measured; its power is estimated from simulated activity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """Errors of one figure over some designs: what was said over what was found, less one.

    Members
    -------
    figure, group : str
        What, and of which designs.
    designs : int
        How many.
    mean, mean_absolute, p95, worst : float
        Mean with its sign; mean and 95th percentile of the size; the largest, with its sign.
    """

    figure: str
    group: str
    designs: int
    mean: float
    mean_absolute: float
    p95: float
    worst: float


def error_row(figure: str, group: str, said: Floats, found: Floats) -> ErrorRow:
    """Return the errors of `said` against `found`; nothing against nothing is no error."""
    said, found = np.asarray(said, dtype=float), np.asarray(found, dtype=float)
    none = found == 0
    errors = np.where(none, (said > 0.5).astype(float), said / np.where(none, 1.0, found) - 1)
    sizes = np.abs(errors)
    return ErrorRow(
        figure=figure,
        group=group,
        designs=len(errors),
        mean=float(errors.mean()),
        mean_absolute=float(sizes.mean()),
        p95=float(np.percentile(sizes, 95)),
        worst=float(errors[np.argmax(sizes)]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What ``additive.json`` says of its own fit: mean absolute errors on the designs fitted to.

    A group that was fitted to other features than today's is not `current` and not used.
    """

    family: str
    group: str
    designs: int
    errors: Mapping[str, float]
    current: bool


def fit_rows() -> list[Fit]:
    """Return one row per family and group, the family's clock last."""
    rows = []
    for family, entry in sorted(fits().items()):
        for name, group in sorted(entry["groups"].items()):
            rows.append(_fit(family, name, group, group["error"], is_current(group)))
        if clock := entry.get("clock"):
            rows.append(_fit(family, "clock", clock, {"clock_mhz": clock["error"]}, True))
    return rows


def _fit(
    family: str, name: str, entry: Mapping[str, Any], errors: Mapping[str, float], current: bool
) -> Fit:
    return Fit(
        family=family,
        group=name,
        designs=entry["designs"],
        errors=dict(errors),
        current=current,
    )


class Independent:
    """The routed small engines that the predictor was not fitted to, as far as they are measured.

    Parameters
    ----------
    table : mapping of int to mapping, optional
        Rows of ``subspace.csv`` by index; read from the file by default.
    """

    def __init__(self, table: Mapping[int, Mapping[str, str]] | None = None) -> None:
        rows = read_table() if table is None else table
        fitted = {_key(config) for config in fitted_configs()}
        self.fitted = [
            i for i in sorted(rows) if _key(SUBSPACE.decode(SUBSPACE.point(i))) in fitted
        ]
        self.indices = np.array([i for i in sorted(rows) if i not in self.fitted], dtype=np.int64)
        self._rows = rows

    @property
    def measured(self) -> int:
        """Designs in the table, those fitted to included."""
        return len(self._rows)

    @cached_property
    def _model(self) -> AcceleratorModel:
        trace = load_workload(WORKLOAD).trace()
        return AcceleratorModel(SUBSPACE, trace, load_target(TARGET), Limits())

    def said(self, figure: str) -> Floats:
        """Return what the model predicts for every design."""
        everywhere = {"power_mw": self._model.figures["power_mw"], **self._model.predicted}
        none = np.zeros(len(SUBSPACE))  # a resource that no group of the family takes
        return np.asarray(everywhere.get(figure, none), dtype=float)[self.indices]

    def found(self, figure: str) -> Floats:
        """Return what the table has for every design."""
        return np.array([float(self._rows[int(i)][figure]) for i in self.indices])

    def groups(self) -> NDArray[np.str_]:
        """Return dataflow and multiplier of every design."""
        points = [SUBSPACE.point(int(i)) for i in self.indices]
        return np.array([f"{p['dataflow']}/{p['multiplier']}" for p in points], dtype=np.str_)

    def rows(self, figures: Sequence[str]) -> Iterator[ErrorRow]:
        """Yield the errors of each figure over all designs, then by dataflow and multiplier."""
        if not len(self.indices):
            return
        groups = self.groups()
        for figure in figures:
            said, found = self.said(figure), self.found(figure)
            yield error_row(figure, "all", said, found)
            for group in np.unique(groups):
                here = groups == group
                yield error_row(figure, str(group), said[here], found[here])


def _key(config: Any) -> tuple[Any, ...]:
    return tuple(asdict(config).values())


def method_rows(table: PairTable) -> list[ErrorRow]:
    """Return the errors of a method by target and figure, in order of first appearance."""
    grouped: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for pair in table.pairs:
        grouped.setdefault((pair.target, pair.figure), []).append((pair.said, pair.found))
    return [
        error_row(figure, target, *(np.array(side) for side in zip(*pairs, strict=True)))
        for (target, figure), pairs in grouped.items()
    ]
