"""Patterns of wrong results, harvested from a campaign: which words of a tile, and how wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

__all__ = ["WRONG", "Pattern", "Patterns", "harvest", "single_bits"]

WRONG = np.dtype(
    [("fault", "<u4"), ("beat", "<u4"), ("field", "<u2"), ("want", "<i8"), ("got", "<i8")]
)
"""One wrong number at a data output.

fault : index of the fault among those injected.
beat : which of the port's words that counted, from 0.
field : which number of the word, from the least significant.
want, got : the number without the fault and with it.
"""

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """What one fault did to a tile of results.

    Members
    -------
    rows, columns : array of int, ``[wrong]``
        Places in the tile.
    xor : array of int64, ``[wrong]``
        Bits that were wrong, as two's complement of `bits` bits.
    difference : array of int64, ``[wrong]``
        Wrong number less the right one.
    weight : float
        How many faults it stands for.
    """

    rows: Places
    columns: Places
    xor: NDArray[np.int64]
    difference: NDArray[np.int64]
    weight: float = 1.0

    @property
    def words(self) -> int:
        return len(self.rows)

    @property
    def wrong_bits(self) -> int:
        return int(sum(int(x).bit_count() for x in self.xor))


@dataclass(frozen=True, slots=True)
class Patterns:
    """All patterns of a campaign.

    Members
    -------
    patterns : tuple of Pattern
        One for each fault that made a result wrong.
    bits : int
        Width of a result.
    rows, columns : int
        Size of the tile.
    """

    patterns: tuple[Pattern, ...]
    bits: int
    rows: int
    columns: int

    @property
    def weights(self) -> NDArray[np.float64]:
        """Probability of each pattern, given that there is one."""
        weights = np.array([pattern.weight for pattern in self.patterns])
        return np.asarray(weights / weights.sum())

    def share_of(self, holds: Callable[[Pattern], bool]) -> float:
        """Return the share of the faults whose pattern `holds` something."""
        return float(self.weights @ np.array([holds(p) for p in self.patterns], dtype=float))


def harvest(
    wrong: NDArray[np.void],
    place: Callable[[Places, Places], tuple[Places, Places]],
    *,
    bits: int,
    rows: int,
    columns: int,
    weights: NDArray[np.float64] | None = None,
) -> Patterns:
    """Return the patterns in a record of wrong numbers.

    Parameters
    ----------
    wrong : array of `WRONG`
        In any order; numbers that are right are left out.
    place : callable
        ``(beats, fields) -> (rows, columns)`` in the tile; what lies outside belongs to no tile
        and is left out.
    bits : int
        Width of a result.
    rows, columns : int
        Size of the tile.
    weights : array of float, ``[faults]``
        How many faults each of the campaign's stands for; 1 if not given.
    """
    if not 1 <= bits <= 63:
        raise ConfigError(f"bits={bits}: results of 1 to 63 bits can be harvested")
    wrong = wrong[wrong["want"] != wrong["got"]]
    r, c = place(wrong["beat"].astype(np.int64), wrong["field"].astype(np.int64))
    inside = (r >= 0) & (r < rows) & (c >= 0) & (c < columns)
    wrong, r, c = wrong[inside], r[inside], c[inside]
    order = np.argsort(wrong["fault"], kind="stable")
    wrong, r, c = wrong[order], r[order], c[order]
    faults, firsts = np.unique(wrong["fault"], return_index=True)
    pieces = np.split(np.arange(len(wrong)), firsts[1:]) if len(faults) else []
    xor = (wrong["want"] ^ wrong["got"]) & ((1 << bits) - 1)
    found = tuple(
        Pattern(
            r[at],
            c[at],
            xor[at],
            (wrong["got"] - wrong["want"])[at],
            1.0 if weights is None else float(weights[fault]),
        )
        for fault, at in zip(faults.tolist(), pieces, strict=True)
    )
    return Patterns(found, bits, rows, columns)


def single_bits(bits: int, rows: int, columns: int) -> Patterns:
    """Return what a software model takes: every single bit of the first result, equally often.

    Where in the output a tile lies is drawn afterwards, so that every result is hit alike.
    """
    zero = np.zeros(1, np.int64)
    return Patterns(
        tuple(Pattern(zero, zero, zero + (1 << bit), zero) for bit in range(bits)),
        bits,
        rows,
        columns,
    )
