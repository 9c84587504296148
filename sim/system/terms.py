"""What a GEMM costs a design before its clock and memory are known: counts of cycles and words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.matrix.closed_form import flight_cycles, issue_cycles
from hw.matrix.plan import plan_arrays

from .distinct import distinct_rows
from .phases import PhaseTerms, passes_of, phase_terms
from .shapes import GemmShapes

__all__ = ["FLAGS", "KNOBS", "JobTerms", "job_terms", "shape_terms"]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]

KNOBS = ("rows", "cols", "dataflow", "a_depth", "b_depth", "result_rows", "pipeline", "accum_bits")
"""Knobs that decide the terms; the width of operands only scales the bytes."""

QUEUE = 16
"""Result rows that may wait in the memory's queue, as in `MemoryTiming`."""

FLAGS = ("loads_a", "queued", "phases")
"""Fields of `JobTerms` that are no arrays over designs."""


PORT_A = ("port_a", "port_a_b", "port_a_r")
"""Fields of `JobTerms` that do not matter unless it `loads_a`."""


class JobTerms(NamedTuple):
    """Terms of one shape on every design, as arrays over designs.

    A stream that needs a word in every cycle can never catch up with what it missed: B where
    nothing of it is replayed, else A while it loads.

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
    port_b, port_b_a, port_b_r : array
        Words of B if B is that stream, else 0; and words of A and result rows beside them.
    port_a, port_a_b, port_a_r : array
        Words of A if A is that stream, else 0: all of them, or those of the first pass if they
        are replayed later; and words of B and result rows beside them.
    loads_a, queued : bool
        Whether on some design A is that stream, and whether on some more rows may wait at the end
        than the memory's queue holds.
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
    port_b: Floats
    port_b_a: Floats
    port_b_r: Floats
    port_a: Floats
    port_a_b: Floats
    port_a_r: Floats
    loads_a: bool
    queued: bool
    phases: PhaseTerms | None


def job_terms(shapes: GemmShapes, knobs: Columns) -> list[JobTerms]:
    """Return the terms of every shape; `knobs` holds equally long arrays for each of `KNOBS`."""
    first, where = distinct_rows(knobs, [name for name in KNOBS if name != "b_depth"])
    few = {name: np.asarray(knobs[name])[first] for name in KNOBS}
    result = []
    for m, k, n in zip(shapes.m, shapes.k, shapes.n, strict=True):
        if m == 1:  # nothing is replayed, so the depth of B's buffer does not matter
            result.append(_spread(shape_terms(m, k, n, few), where))
        else:
            result.append(shape_terms(m, k, n, knobs))
    return result


def _spread(terms: JobTerms, where: Ints) -> JobTerms:
    fields = {name: getattr(terms, name)[where] for name in terms._fields if name not in FLAGS}
    return terms._replace(**fields)


def shape_terms(m: ArrayLike, k: ArrayLike, n: ArrayLike, knobs: Columns) -> JobTerms:
    """Return the terms of jobs ``(m, k) @ (k, n)``: of one on many designs, or of many on one."""
    m, k, n = (np.asarray(size, dtype=np.int64) for size in (m, k, n))
    ws = np.asarray(knobs["dataflow"]) == "ws"
    shape = np.broadcast_shapes(m.shape, k.shape, n.shape, ws.shape)
    rows, cols, pipeline = knobs["rows"], knobs["cols"], knobs["pipeline"]
    names = ("rows", "cols", "dataflow", "a_depth", "b_depth", "result_rows", "pipeline")
    plan = plan_arrays(m, k, n, **{name: knobs[name] for name in names})
    steps, last, tail = issue_cycles(m, k, plan, rows=rows, ws=ws)
    drain = tail + flight_cycles(rows, cols, pipeline, ws) + 1
    element = -(-knobs["accum_bits"] // 8)
    last_rows = np.where(ws, np.where(plan.k_tiles > 1, plan.last_block, 1), (m - 1) % rows + 1)
    last_row_bytes = (n - (plan.col_tiles - 1) * cols) * element
    early = plan.out_rows - last_rows
    needs_b = np.where(ws, plan.block <= rows, plan.block == 1)
    replayed = np.broadcast_to(~needs_b & plan.resident, shape)
    fields = {
        "stall_free": last + drain,
        "steps": steps,
        "drain": drain,
        "a_words": plan.a_words,
        "b_words": plan.b_words,
        "out_bytes": m * n * element,
        "early_bytes": last_rows * last_row_bytes,
        "queued_bytes": np.minimum(QUEUE, plan.out_rows) * last_row_bytes,
        "port_b": np.where(needs_b, plan.b_words, 0),
        "port_b_a": np.where(needs_b, plan.a_words, 0),
        "port_b_r": np.where(needs_b, early, 0),
    }
    phases = None
    loads_a = not needs_b.all()
    if loads_a:
        first = passes_of(m, k, ws, plan, knobs, last=False)
        streamed = plan.a_words, plan.b_words, early
        for name, whole, part in zip(PORT_A, streamed, first[:3], strict=True):
            fields[name] = np.where(needs_b, 0, np.where(plan.resident, part, whole))
        phases = phase_terms(m, k, n, ws, knobs, plan, first, replayed)
    else:
        fields |= dict.fromkeys(PORT_A, np.zeros(1))
    arrays = {
        name: np.ascontiguousarray(np.broadcast_to(value, shape), dtype=np.float64)
        for name, value in fields.items()
    }
    return JobTerms(
        **arrays,
        loads_a=loads_a,
        queued=bool((last_rows > QUEUE).any()),
        phases=phases,
    )
