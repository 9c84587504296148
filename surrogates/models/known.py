"""The additive model: count times module cost, where modules were measured before."""

from __future__ import annotations

import numpy as np

from surrogates.data.table import Table

from .base import Floats, Rows
from .linear import Ridge

__all__ = ["Additive"]


class Additive:
    """Equal modules take what they took; of others `Ridge` says what they take.

    Equal text is mapped alike, so that an array of another size, of elements that are known, is
    known but for its edges.
    """

    name = "additive"

    def __init__(self) -> None:
        self._rest = Ridge()
        self._known: dict[str, float] = {}

    def fit(self, table: Table, rows: Rows, resource: str) -> None:
        self._rest.fit(table, rows, resource)
        own = table.own[resource]
        known = [at for at in table.modules_of(rows).tolist() if np.isfinite(own[at])]
        self._known = {table.modules[at]: float(own[at]) for at in known}

    def modules(self, table: Table) -> Floats:
        """Return what each module of a table takes by itself."""
        guessed = self._rest.modules(table)
        pairs = zip(table.modules, guessed, strict=True)
        return np.array([self._known.get(digest, guess) for digest, guess in pairs])

    def predict(self, table: Table, rows: Rows) -> Floats:
        return np.asarray(table.counts[rows] @ self.modules(table))
