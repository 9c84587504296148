"""Piecewise-linear tables over input slew and load: their knots, and the values that fit best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boards.liberty import Table

__all__ = ["DELAY", "ENERGY", "INPUT_ENERGY", "TRANSITION", "Grid"]

_LIGHTEST_PF = 0.0005  # where the loads of the PDK's tables begin
_ROUNDS = 40
_GOOD = 0.07  # a table that is met so well needs no further round
_EASE = 1e-3  # keeps a point that happens to be met in play
_FIRM = 1e-8

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Knots of a quantity, the same for all cells but for the largest load.

    Parameters
    ----------
    slews_ns : tuple of float
        Input slews.
    steps : tuple of float
        Loads as exponents: 0 is 0.5 fF, 1 the largest load of the pin, as on a log axis. Empty
        where nothing is loaded.
    floor : float
        Value (ns or pJ) below which errors count absolutely: there a relative one says nothing.
    finest : float
        Finest step that values are rounded to, in thousandths (ps or fJ).
    """

    slews_ns: tuple[float, ...]
    steps: tuple[float, ...]
    floor: float
    finest: float

    def loads_pf(self, max_load_pf: float) -> tuple[float, ...]:
        """Return the loads of the knots for a pin of `max_load_pf`."""
        top = max(max_load_pf, 2 * _LIGHTEST_PF) / _LIGHTEST_PF
        return tuple(_LIGHTEST_PF * top**step for step in self.steps) or (0.0,)

    def read(self, text: str, max_load_pf: float = 0.0) -> Table:
        """Return the table that `write` wrote."""
        loads = self.loads_pf(max_load_pf)
        numbers = [float(word) / 1000 for word in text.split()]
        rows = tuple(
            tuple(numbers[at : at + len(loads)]) for at in range(0, len(numbers), len(loads))
        )
        return Table(self.slews_ns, loads, rows)

    def write(self, values: Values) -> str:
        """Return one table's `values` in thousandths, slew by slew, with three digits."""
        return " ".join(self._round(float(value) * 1000) for value in values)

    def _round(self, value: float) -> str:
        digits = 2 - int(np.floor(np.log10(abs(value)))) if value else 0
        return f"{round(value, min(digits, -round(np.log10(self.finest)))) + 0.0:g}"

    def fit(
        self, tables: Sequence[Table], max_loads_pf: Sequence[float], counts: Sequence[float]
    ) -> Values:
        """Return the values at the knots, of small relative errors.

        Lawson's algorithm: least squares over and over, the weight of every point multiplied with
        its error, until no error of the table is above `_GOOD`; else the best round is kept.

        Parameters
        ----------
        tables : sequence of Table
            All of one shape; errors are taken at their own points.
        max_loads_pf : sequence of float
            Largest load of each.
        counts : sequence of float
            What the error of each point of a table counts, slew by slew.

        Returns
        -------
        array, shape (tables, slews * loads)
            In ns or pJ.
        """
        wanted = np.array([table.values for table in tables]).reshape(len(tables), -1)
        size = np.maximum(np.abs(wanted), self.floor) / np.asarray(counts)
        pairs = zip(tables, max_loads_pf, strict=True)
        basis = np.array([self._basis(table, load) for table, load in pairs]) / size[:, :, None]
        return _lawson(basis, wanted / size)

    def _basis(self, table: Table, max_load_pf: float) -> Values:
        """Return what each knot counts at each point of `table`; shape (points, knots)."""
        slews = _hats(self.slews_ns, table.rows)
        loads = _hats(self.loads_pf(max_load_pf), table.columns)
        basis: Values = np.einsum("si,lj->slij", slews, loads)
        return basis.reshape(len(slews) * len(loads), -1)


def _lawson(basis: Values, wanted: Values) -> Values:
    weights = np.ones_like(wanted)
    knots = basis.shape[2]
    best, least = np.zeros((len(basis), knots)), np.full(len(basis), np.inf)
    for _ in range(_ROUNDS):
        left = np.flatnonzero(least > _GOOD)
        if not len(left):
            break
        here, target, weight = basis[left], wanted[left], weights[left]
        weighted = (here * weight[:, :, None]).transpose(0, 2, 1)
        normal = weighted @ here + _FIRM * np.eye(knots)
        found = np.linalg.solve(normal, weighted @ target[:, :, None])
        errors = np.abs((here @ found)[:, :, 0] - target)
        better = errors.max(1) < least[left]
        best[left[better]], least[left[better]] = found[better, :, 0], errors.max(1)[better]
        weight = np.maximum(weight * (errors + _EASE), 1e-6)
        weights[left] = weight / weight.mean(1, keepdims=True)
    return best


def _hats(knots: Sequence[float], points: Sequence[float]) -> Values:
    """Return the share of every knot in the interpolation at every point; (points, knots)."""
    if len(knots) == 1:
        return np.ones((len(points), 1))
    at, x = np.asarray(knots), np.asarray(points)
    left = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    share = (x - at[left]) / (at[left + 1] - at[left])
    hats = np.zeros((len(x), len(at)))
    rows = np.arange(len(x))
    hats[rows, left], hats[rows, left + 1] = 1 - share, share
    return hats


# Chosen by trial so that the fewest tables of the PDK leave 10 %.
DELAY = Grid((0.01, 0.1, 0.4, 1.4), (0.05, 0.4, 0.65, 0.85, 1.0), 0.02, 1.0)
TRANSITION = Grid((0.02, 0.45, 1.2), (0.0, 0.56, 0.93), 0.02, 1.0)
ENERGY = Grid((0.01, 0.2, 1.5), (0.0, 0.45, 0.75, 0.9), 0.0005, 0.01)
INPUT_ENERGY = Grid((0.01, 0.053, 1.5), (), 0.0005, 0.01)
