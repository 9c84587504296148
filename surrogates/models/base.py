"""What every model offers: it learns from rows of a table, and predicts others."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from surrogates.data.table import Table

__all__ = ["Floats", "Model", "Rows", "mape"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class Model(Protocol):
    """Predicts one resource of a design.

    Members
    -------
    name : str
        What it is called where models are compared.
    """

    name: str

    def fit(self, table: Table, rows: Rows, resource: str) -> None:
        """Learn from the designs `rows`."""

    def predict(self, table: Table, rows: Rows) -> Floats:
        """Return what the designs `rows` take, ``[rows]``, 0 or more."""


def mape(predicted: Floats, measured: Floats) -> float:
    """Return the mean absolute relative error of designs that take any; NaN if none does."""
    some = measured > 0
    return float(np.mean(np.abs(predicted[some] / measured[some] - 1))) if some.any() else np.nan
