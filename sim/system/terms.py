"""What a GEMM costs a design before its clock and memory are known: counts of cycles and words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.matrix.closed_form import flight_cycles, issue_cycles
from hw.matrix.plan import Plan, plan_arrays

from .shapes import GemmShapes

__all__ = ["KNOBS", "JobTerms", "PhaseTerms", "job_terms", "shape_terms"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]

KNOBS = ("rows", "cols", "dataflow", "a_depth", "b_depth", "result_rows", "pipeline", "accum_bits")
"""Knobs that decide the terms; the width of operands only scales the bytes."""

QUEUE = 16
"""Result rows that may wait in the memory's queue, as in `MemoryTiming`."""

_AHEAD = 48  # words that a reader of the memory is ahead of the engine, about


class PhaseTerms(NamedTuple):
    """Of jobs whose operands are replayed: what each phase of a block asks of the memory.

    All per job; ``*_a`` counts cycles of A's stream, ``*_b`` B words and ``*_r`` result rows that
    share the memory with it. ``start`` is the first pass over the columns, in which A loads;
    ``end`` the same in the last block; ``turn`` the last pass of a block and the first of the
    next; ``swap`` the change from one column tile of B to the next. ``*_pass`` and ``*_cycles``
    are what these take when nothing waits; ``block`` counts words and bytes of a block.
    """

    start_a: Floats
    start_b: Floats
    start_r: Floats
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


class JobTerms(NamedTuple):
    """Terms of one shape on every design, as arrays over designs.

    Members
    -------
    stall_free : array
        Cycles if no stream ever waits.
    steps : array
        Cycles in which the array takes operands: what remains of `stall_free` is fill and drain.
    drain : array
        Cycles from the last operands to the last row, of those in `stall_free`.
    a_words, b_words, out_bytes : array
        Traffic.
    early_bytes, queued_bytes : array
        Results that are not yet written when the last operands are issued, and when the last row
        has left.
    port_a, port_b : array
        Words of the stream that needs one in every cycle; 0 where it is the other, or neither.
    beside_a, beside_b, rows_a, rows_b : array
        Words of the other stream and rows that share the memory with it.
    streamed, queued : bool
        Whether on some design A is streamed again for each column tile (`port_a` counts), and
        whether more rows may wait at the end than the memory's queue holds.
    phases : PhaseTerms or None
        None where on no design anything is replayed.
    """

    stall_free: Floats
    steps: Floats
    drain: Floats
    a_words: Floats
    b_words: Floats
    out_bytes: Floats
    early_bytes: Floats
    queued_bytes: Floats
    port_a: Floats
    port_b: Floats
    beside_a: Floats
    beside_b: Floats
    rows_a: Floats
    rows_b: Floats
    streamed: bool
    queued: bool
    phases: PhaseTerms | None


def job_terms(shapes: GemmShapes, knobs: Columns) -> list[JobTerms]:
    """Return the terms of every shape; `knobs` holds equally long arrays for each of `KNOBS`."""
    dims = zip(shapes.m, shapes.k, shapes.n, strict=True)
    return [shape_terms(m, k, n, knobs) for m, k, n in dims]


def shape_terms(m: ArrayLike, k: ArrayLike, n: ArrayLike, knobs: Columns) -> JobTerms:
    """Return the terms of jobs ``(m, k) @ (k, n)``: of one on many designs, or of many on one."""
    m, k, n = (np.asarray(size, dtype=np.int64) for size in (m, k, n))
    ws = np.asarray(knobs["dataflow"]) == "ws"
    shape = np.broadcast_shapes(m.shape, ws.shape)
    rows, cols, pipeline = knobs["rows"], knobs["cols"], knobs["pipeline"]
    names = ("rows", "cols", "dataflow", "a_depth", "b_depth", "result_rows", "pipeline")
    plan = plan_arrays(m, k, n, **{name: knobs[name] for name in names})
    steps, last, tail = issue_cycles(m, k, plan, rows=rows, ws=ws)
    drain = tail + flight_cycles(rows, cols, pipeline, ws) + 1
    element = -(-knobs["accum_bits"] // 8)
    last_rows = np.where(ws, np.where(plan.k_tiles > 1, plan.last_block, 1), (m - 1) % rows + 1)
    last_row_bytes = (n - (plan.col_tiles - 1) * cols) * element
    crit_b = np.where(ws, plan.block <= rows, plan.block == 1)
    crit_a = ~crit_b & ~plan.resident
    early = plan.out_rows - last_rows
    replayed = np.broadcast_to(~crit_b & ~crit_a, shape)

    def floats(value: Any) -> Floats:
        return _floats(value, shape)

    return JobTerms(
        stall_free=floats(last + drain),
        steps=floats(steps),
        drain=floats(drain),
        a_words=floats(plan.a_words),
        b_words=floats(plan.b_words),
        out_bytes=floats(m * n * element),
        early_bytes=floats(last_rows * last_row_bytes),
        queued_bytes=floats(np.minimum(QUEUE, plan.out_rows) * last_row_bytes),
        port_a=floats(np.where(crit_a, plan.a_words, 0)),
        port_b=floats(np.where(crit_b, plan.b_words, 0)),
        beside_a=floats(np.where(crit_a, plan.b_words, 0)),
        beside_b=floats(np.where(crit_b, plan.a_words, 0)),
        rows_a=floats(np.where(crit_a, early, 0)),
        rows_b=floats(np.where(crit_b, early, 0)),
        streamed=bool(crit_a.any()),
        queued=bool((last_rows > QUEUE).any()),
        phases=_phases(m, k, n, ws, knobs, plan, replayed) if replayed.any() else None,
    )


def _phases(
    m: Ints,
    k: Ints,
    n: Ints,
    ws: NDArray[np.bool_],
    knobs: Columns,
    plan: Plan,
    replayed: NDArray[np.bool_],
) -> PhaseTerms:
    rows, element = knobs["rows"], -(-knobs["accum_bits"] // 8)
    spacing = np.maximum(k, plan.gap)
    block, last = (
        _block(size, gap, k, ws, plan, rows, np.minimum(m, rows))
        for size, gap in ((plan.block, plan.gap), (plan.last_block, plan.gap_last))
    )
    ahead = knobs["b_depth"] + _AHEAD + k
    start_b = np.minimum(np.minimum(block.a_words, ahead), plan.b_words)
    left_b = plan.b_words - start_b
    turns = np.where(replayed, plan.blocks - 1, 0)
    near = np.minimum(2, plan.col_tiles)
    room = np.maximum(0, knobs["a_depth"] - block.a_words + _AHEAD)
    swaps = np.where(ws | ~replayed, 0, left_b / k)
    swap_b = np.maximum(0, k - np.maximum(0, knobs["b_depth"] - k + _AHEAD))
    fields = (
        np.where(replayed, block.a_words, 0),
        np.where(replayed, start_b, 0),
        np.where(replayed, block.early_rows, 0),
        block.cycles,
        np.where(replayed, last.a_words, 0),
        np.where(replayed, np.minimum(start_b, plan.col_tiles * k), 0),
        np.where(replayed, last.early_rows, 0),
        last.cycles,
        turns,
        np.maximum(0, block.a_words - room),
        np.minimum(near * k, left_b / np.maximum(1, turns)),
        near * block.rows,
        near * block.cycles,
        block.a_words,
        plan.col_tiles * k,
        block.rows * n * element,
        plan.col_tiles * block.cycles,
        swaps,
        swap_b,
        2 * np.where(ws, plan.block, np.minimum(m, rows)),
        2 * spacing,
    )
    return PhaseTerms(*(_floats(field, replayed.shape) for field in fields))


class _Block(NamedTuple):
    """One pass of a block over a column tile."""

    a_words: Any
    rows: Any
    early_rows: Any  # that leave while the pass still loads
    cycles: Any


def _block(
    size: Any, gap: Any, k: Ints, ws: NDArray[np.bool_], plan: Plan, rows: Any, panel: Any
) -> _Block:
    base, edge = size - 1 + gap, (k - 1) % rows + 1
    ws_cycles = (plan.k_tiles - 1) * np.maximum(base, rows) + np.maximum(base, edge)
    return _Block(
        a_words=size * np.where(ws, plan.k_tiles, k),
        rows=np.where(ws, size, size * panel),
        early_rows=np.where(ws, 0, (size - 1) * panel),
        cycles=np.where(ws, ws_cycles, size * np.maximum(k, gap)),
    )


def _floats(value: Any, shape: tuple[int, ...]) -> Floats:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(value, dtype=np.float64), shape))
