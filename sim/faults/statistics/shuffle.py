"""Random orders of huge populations, of which any piece can be had at any time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shuffle"]

_WHOLE = 1 << 16  # up to here the whole order is drawn
_ROUNDS = 8


@dataclass(frozen=True)
class Shuffle:
    """A random order of 0 to ``size - 1``; its first n are a simple sample without replacement.

    Orders of small populations are NumPy's; those of large ones a keyed permutation: Feistel
    rounds over ``a * b >= size`` numbers [Black and Rogaway 2002], outsiders walked on. Nothing
    is kept: who stops after n and comes back with the same seed goes on with the next.

    Parameters
    ----------
    size : int
        Numbers.
    seed : tuple of int
        Equal seeds give equal orders.
    """

    size: int
    seed: tuple[int, ...]

    def __getitem__(self, piece: slice) -> NDArray[np.int64]:
        first, last, _ = piece.indices(self.size)
        if self.size <= _WHOLE:
            return self._order[first:last]
        found = self._round_trip(np.arange(first, max(first, last), dtype=np.uint64))
        outside = found >= self.size
        while outside.any():
            found[outside] = self._round_trip(found[outside])
            outside = found >= self.size
        return found.astype(np.int64)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.random.default_rng(self.seed).permutation(self.size)

    @cached_property
    def _keys(self) -> NDArray[np.uint64]:
        return np.random.default_rng(self.seed).integers(1 << 64, size=_ROUNDS, dtype=np.uint64)

    def _round_trip(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        a = np.uint64(math.isqrt(self.size - 1) + 1)
        b = np.uint64(-(-self.size // int(a)))
        low, high = numbers % a, numbers // a
        for at, key in enumerate(self._keys):
            if at % 2:
                high = (high + _mixed(low ^ key) % b) % b
            else:
                low = (low + _mixed(high ^ key) % a) % a
        return high * a + low


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finaliser of SplitMix64 [Steele et al. 2014]."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
