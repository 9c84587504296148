"""Which designs are learned from and which are asked about: at random, larger ones, new kinds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

from .table import Table

__all__ = ["Split", "by_generator", "by_size", "random_split"]

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of a table.

    Members
    -------
    name : str
        What the test asks for.
    train, validate, test : array of int
        Disjoint. Models are chosen, and intervals made, by `validate`.
    """

    name: str
    train: Rows
    validate: Rows
    test: Rows


def random_split(table: Table, seed: int, *, test: float = 0.2) -> Split:
    """Return a split by designs."""
    order = np.random.default_rng(seed).permutation(len(table)).astype(np.int64)
    count = max(1, round(len(table) * test))
    if len(table) < 2 * count + 2:
        raise ConfigError(f"{len(table)} designs are too few to split; measure more")
    return Split(
        f"random, seed {seed}", order[2 * count :], order[count : 2 * count], order[:count]
    )


def by_size(table: Table, seed: int, *, generator: str = "matrix", most: int = 64) -> Split:
    """Return a split whose test designs are arrays of more than `most` elements, all others not."""
    elements = np.array(
        [int(d.knobs.get("rows", 0)) * int(d.knobs.get("cols", 0)) for d in table.designs]
    )
    test = np.flatnonzero((table.generators == generator) & (elements > most))
    return _rest(table, f"{generator}, more than {most} elements", test, seed, elements <= most)


def by_generator(table: Table, seed: int) -> Iterator[Split]:
    """Return for each generator the split that learns from all others."""
    for name in np.unique(table.generators):
        test = np.flatnonzero(table.generators == name)
        yield _rest(table, f"unseen generator {name}", test, seed)


def _rest(
    table: Table, name: str, test: Rows, seed: int, allowed: NDArray[np.bool_] | None = None
) -> Split:
    """Return a split whose test is given; a tenth of the others validate."""
    usable = np.ones(len(table), dtype=np.bool_) if allowed is None else allowed.copy()
    usable[test] = False
    rest = np.random.default_rng(seed).permutation(np.flatnonzero(usable)).astype(np.int64)
    count = max(1, len(rest) // 10)
    if not len(test) or len(rest) < 2:
        raise ConfigError(f"{name}: {len(test)} designs to test, {len(rest)} to learn from")
    return Split(name, rest[count:], rest[:count], test.astype(np.int64))
