"""Linear in what a module is made of: weights that are 0 or more, by least relative squares."""

from __future__ import annotations

import numpy as np

from surrogates.data.table import Table

from .base import Floats, Rows

__all__ = ["Ridge"]

_PULL = 1e-3


class Ridge:
    """A module's own resources as a sum over its summary; a design's as that over its modules.

    Relative errors count, those of small modules less (`floor` is added to what they take), and
    weights are drawn to zero by as much as keeps them finite. None is negative: a prediction for a
    larger design than any seen is larger.

    Parameters
    ----------
    floor : float
        In the resource's unit.
    """

    name = "ridge"

    def __init__(self, floor: float = 4.0) -> None:
        self._floor = floor
        self._weights: Floats = np.zeros(0)

    def fit(self, table: Table, rows: Rows, resource: str) -> None:
        from scipy.optimize import nnls

        modules = table.modules_of(rows)
        own = table.own[resource][modules]
        known = np.isfinite(own)
        x, y = table.summaries[modules][known], own[known]
        weight = 1 / (y + self._floor)
        scale = np.maximum(x.max(axis=0, initial=0.0), 1e-9)
        left = np.vstack([x / scale * weight[:, None], _PULL * np.eye(x.shape[1])])
        found, _ = nnls(left, np.concatenate([y * weight, np.zeros(x.shape[1])]))
        self._weights = found / scale

    def modules(self, table: Table) -> Floats:
        """Return what each module of a table takes by itself."""
        return np.asarray(table.summaries @ self._weights)

    def predict(self, table: Table, rows: Rows) -> Floats:
        return np.asarray(table.counts[rows] @ self.modules(table))
