"""What a GEMM costs a design before its clock and memory are known: counts of cycles and words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hw.matrix.closed_form import flight_cycles, issue_cycles
from hw.matrix.plan import Plan, plan_arrays

from .shapes import GemmShapes

__all__ = ["KNOBS", "JobTerms", "PhaseTerms", "job_terms"]

Floats = NDArray[np.float64]

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
    next. ``pass_`` counts cycles that passes take when nothing waits, ``block`` words and bytes
    of a block, ``swap`` the change from one column tile of B to the next.
    """

    start_a: Floats
    start_b: Floats
    start_r: Floats
    end_b: Floats
    pass_: Floats
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


def job_terms(shapes: GemmShapes, knobs: Mapping[str, NDArray[Any]]) -> list[JobTerms]:
    """Return the terms of every shape; `knobs` holds equally long arrays for each of `KNOBS`."""
    ws = np.asarray(knobs["dataflow"]) == "ws"
    return [
        _terms(int(m), int(k), int(n), ws, knobs)
        for m, k, n in zip(shapes.m, shapes.k, shapes.n, strict=True)
    ]


def _terms(
    m: int, k: int, n: int, ws: NDArray[np.bool_], knobs: Mapping[str, NDArray[Any]]
) -> JobTerms:
    rows, cols, pipeline = knobs["rows"], knobs["cols"], knobs["pipeline"]
    names = ("rows", "cols", "dataflow", "a_depth", "b_depth", "result_rows", "pipeline")
    plan = plan_arrays(m, k, n, **{name: knobs[name] for name in names})
    steps, last, tail = issue_cycles(np.asarray(m), np.asarray(k), plan, rows=rows, ws=ws)
    drain = tail + flight_cycles(rows, cols, pipeline, ws) + 1
    element = -(-knobs["accum_bits"] // 8)
    last_rows = np.where(ws, np.where(plan.k_tiles > 1, plan.last_block, 1), (m - 1) % rows + 1)
    last_row_bytes = (n - (plan.col_tiles - 1) * cols) * element
    crit_b = np.where(ws, plan.block <= rows, plan.block == 1)
    crit_a = ~crit_b & ~plan.resident
    early = plan.out_rows - last_rows
    replayed = ~crit_b & ~crit_a

    def floats(value: Any) -> Floats:
        return _floats(value, ws.shape)

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
    m: int,
    k: int,
    n: int,
    ws: NDArray[np.bool_],
    knobs: Mapping[str, NDArray[Any]],
    plan: Plan,
    replayed: NDArray[np.bool_],
) -> PhaseTerms:
    rows, element = knobs["rows"], -(-knobs["accum_bits"] // 8)
    panel = np.where(ws, plan.block, np.minimum(m, rows))
    panels = np.where(ws, 1, plan.block)
    spacing = np.maximum(k, plan.gap)
    a_block = np.where(ws, plan.block * plan.k_tiles, plan.block * k)
    pass_ = np.where(ws, _ws_pass(k, plan, rows), plan.block * spacing)
    ahead = knobs["b_depth"] + _AHEAD + k
    start_b = np.minimum(np.minimum(a_block, ahead), plan.b_words)
    turns = np.where(replayed, plan.blocks - 1, 0)
    near = np.minimum(2, plan.col_tiles)
    turn_a = np.maximum(0, a_block - np.maximum(0, knobs["a_depth"] - a_block + _AHEAD))
    swaps = np.where(ws | ~replayed, 0, np.maximum(0, plan.b_words - start_b) / k)
    swap_b = np.maximum(0, k - np.maximum(0, knobs["b_depth"] - k + _AHEAD))
    fields = (
        np.where(replayed, a_block, 0),
        np.where(replayed, start_b, 0),
        np.where(replayed, (panels - 1) * panel, 0),
        np.where(replayed, np.minimum(start_b, plan.col_tiles * k), 0),
        pass_,
        turns,
        turn_a,
        near * k,
        near * panels * panel,
        near * pass_,
        a_block,
        plan.col_tiles * k,
        panels * panel * n * element,
        plan.col_tiles * pass_,
        swaps,
        swap_b,
        2 * panel,
        2 * spacing,
    )
    return PhaseTerms(*(_floats(field, ws.shape) for field in fields))


def _ws_pass(k: int, plan: Plan, rows: Any) -> Any:
    """Return the cycles in which a block passes one column tile, weight stationary."""
    base, edge = plan.block - 1 + plan.gap, (k - 1) % rows + 1
    return (plan.k_tiles - 1) * np.maximum(base, rows) + np.maximum(base, edge)


def _floats(value: Any, shape: tuple[int, ...]) -> Floats:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(value, dtype=np.float64), shape))
