"""Jobs whose operands are replayed: what each phase of a block asks of the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hw.matrix.plan import Plan

__all__ = ["Passes", "PhaseTerms", "passes_of", "phase_terms"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]

_AHEAD = 48  # words that a reader of the memory is ahead of the engine, about


class PhaseTerms(NamedTuple):
    """Terms of jobs whose A stays while columns of B pass, as arrays over designs.

    ``*_a`` counts words of A, ``*_b`` words of B and ``*_r`` result rows that share the memory
    with them. ``start`` is the first pass over a column tile, in which A loads (infinite where
    nothing is replayed); ``end`` the same in the last block; ``turn`` the last pass of a block
    and the first of the next; ``swap`` the change from one column tile of B to the next.
    ``*_pass`` and ``*_cycles`` are what these take when nothing waits; ``block`` counts words and
    bytes of a block.
    """

    start_pass: Floats
    end_a: Floats
    end_b: Floats
    end_r: Floats
    end_pass: Floats
    turns: Floats
    turn_a: Floats
    turn_b: Floats
    turn_r: Floats
    turn_cycles: Floats
    block_a: Floats
    block_b: Floats
    block_out: Floats
    block_cycles: Floats
    swaps: Floats
    swap_b: Floats
    swap_r: Floats
    swap_cycles: Floats


class Passes(NamedTuple):
    """One pass of a block over a column tile.

    Members
    -------
    a_words, b_words : array
        Words of A that it takes, and words of B that the memory, serving both in turn, loads
        meanwhile.
    early_rows, rows : array
        Rows of results that leave while it still loads, and all of them.
    cycles : array
        What it takes when nothing waits.
    """

    a_words: Any
    b_words: Any
    early_rows: Any
    rows: Any
    cycles: Any


def passes_of(
    m: Ints, k: Ints, ws: NDArray[np.bool_], plan: Plan, knobs: Columns, *, last: bool
) -> Passes:
    """Return the passes of all blocks, or of the last."""
    size, gap = (plan.last_block, plan.gap_last) if last else (plan.block, plan.gap)
    rows = knobs["rows"]
    panel = np.minimum(m, rows)
    base, edge = size - 1 + gap, (k - 1) % rows + 1
    ws_cycles = (plan.k_tiles - 1) * np.maximum(base, rows) + np.maximum(base, edge)
    a_words = size * np.where(ws, plan.k_tiles, k)
    return Passes(
        a_words=a_words,
        b_words=np.minimum(np.minimum(a_words, knobs["b_depth"] + _AHEAD + k), plan.b_words),
        early_rows=np.where(ws, 0, (size - 1) * panel),
        rows=np.where(ws, size, size * panel),
        cycles=np.where(ws, ws_cycles, size * np.maximum(k, gap)),
    )


def phase_terms(
    m: Ints,
    k: Ints,
    n: Ints,
    ws: NDArray[np.bool_],
    knobs: Columns,
    plan: Plan,
    first: Passes,
    replayed: NDArray[np.bool_],
) -> PhaseTerms:
    """Return the terms; where not `replayed` they are zero or add nothing."""
    element = -(-knobs["accum_bits"] // 8)
    last = passes_of(m, k, ws, plan, knobs, last=True)
    left_b = plan.b_words - first.b_words
    turns = np.where(replayed, plan.blocks - 1, 0)
    near = np.minimum(2, plan.col_tiles)
    room = np.maximum(0, knobs["a_depth"] - first.a_words + _AHEAD)
    panel = np.where(ws, plan.block, np.minimum(m, knobs["rows"]))
    fields = (
        np.where(replayed, first.cycles, np.inf),
        np.where(replayed, last.a_words, 0),
        np.where(replayed, np.minimum(first.b_words, plan.col_tiles * k), 0),
        np.where(replayed, last.early_rows, 0),
        last.cycles,
        turns,
        np.maximum(0, first.a_words - room),
        np.minimum(near * k, left_b / np.maximum(1, turns)),
        near * first.rows,
        near * first.cycles,
        first.a_words,
        plan.col_tiles * k,
        first.rows * n * element,
        plan.col_tiles * first.cycles,
        np.where(ws | ~replayed, 0, left_b / k),
        np.maximum(0, k - np.maximum(0, knobs["b_depth"] - k + _AHEAD)),
        2 * panel,
        2 * np.maximum(k, plan.gap),
    )
    shape = replayed.shape
    return PhaseTerms(
        *(np.ascontiguousarray(np.broadcast_to(f, shape), dtype=np.float64) for f in fields)
    )
