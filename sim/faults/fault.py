"""Faults: where, what, when and for how long; as arrays, since campaigns have millions of them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .sites import PLACE, Sites

__all__ = [
    "ALWAYS",
    "FAULT",
    "FLIP",
    "MODELS",
    "SINGLE",
    "STUCK_0",
    "STUCK_1",
    "exhaustive",
    "faults_at",
    "pattern",
]

FLIP: Final = 0
STUCK_0: Final = 1
STUCK_1: Final = 2
MODELS: Final = ("flip", "stuck-at-0", "stuck-at-1")

ALWAYS: Final = 0xFFFFFFFF
"""Length of a fault that never ends."""
SINGLE: Final = 1
"""Pattern of one bit."""

FAULT = np.dtype(
    [("cycle", "<u4"), ("length", "<u4"), ("model", "u1"), ("pattern", "<u2"), ("place", PLACE)]
)
"""One fault.

cycle : first cycle that sees it. A cycle begins after its clock edge: inputs of that cycle are
    applied, the design settles, outputs are looked at, the next edge ends it.
model : `FLIP` of a flip-flop or memory bit changes the state at the beginning of `cycle`, once (a
    single-event upset). `FLIP` of a net inverts it in `length` cycles (a transient; the longest
    that one cycle can see). `STUCK_0` and `STUCK_1` hold a net, or a flip-flop's output, for
    `length` cycles: `ALWAYS` is permanent, less is intermittent.
pattern : bit ``4 * r + c`` also hits bit ``bit + c`` of row ``row + r``: multi-bit upsets of
    neighbours in a word, or in a memory's rows. What lies outside the word is not hit. 1 is a
    single bit.
place : `PLACE` of the lowest bit of the lowest row.
"""


def pattern(*cells: tuple[int, int]) -> int:
    """Return the pattern of (row, bit) offsets, each from 0 to 3."""
    found = 0
    for row, bit in cells:
        if not (0 <= row < 4 and 0 <= bit < 4):
            raise ValueError(f"offset ({row}, {bit}) is outside 4 by 4")
        found |= 1 << (4 * row + bit)
    return found


def faults_at(
    sites: Sites,
    numbers: NDArray[np.integer],
    cycles: NDArray[np.integer],
    *,
    model: int = FLIP,
    length: int = 1,
    pattern: int = SINGLE,
) -> NDArray[np.void]:
    """Return `FAULT` of each pair of site number and cycle."""
    found = np.zeros(len(numbers), dtype=FAULT)
    found["cycle"], found["length"] = cycles, length
    found["model"], found["pattern"] = model, pattern
    found["place"] = sites.places(numbers)
    return found


def exhaustive(sites: Sites, cycles: range, *, model: int = FLIP) -> NDArray[np.void]:
    """Return a fault of one cycle at every site in every one of `cycles`, in order of cycles."""
    numbers = np.tile(np.arange(len(sites)), len(cycles))
    when = np.repeat(np.asarray(cycles), len(sites))
    return faults_at(sites, numbers, when, model=model)
