"""Closed form of the engine's cycles where no stream ever stalls, over whole arrays of designs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .plan import Plan, plan_arrays

__all__ = ["START", "flight_cycles", "issue_cycles", "stall_free_cycles", "stream_words"]

START = 2
"""Cycle of the first step, counted from the command's."""

Ints = NDArray[np.int64]


def flight_cycles(rows: Any, cols: Any, pipeline: Any, ws: Any) -> Any:
    """Return the cycles from a tile's last step (a group's, weight stationary) to its first beat.

    Output stationary: 2 behind the operand buffer, 1 + `pipeline` in the first element, 1 into
    the result buffer, ``cols - 1`` of skew, 2 through the output stage. Weight stationary: 3 to
    the first row, `rows` + `pipeline` down the column, 2 to add and store, and again skew and
    output stage.
    """
    return np.where(ws, rows + cols + pipeline + 6, cols + pipeline + 5)


def _os_issue(m: Ints, k: Ints, plan: Plan, rows: Ints) -> tuple[Ints, Ints, Ints]:
    tiles = -(-m // rows) * plan.col_tiles
    last = START + k - 1 + (tiles - 1) * np.maximum(k, plan.gap)
    return tiles * k, last, 2 * ((m - 1) % rows)


def _ws_issue(k: Ints, plan: Plan, rows: Ints) -> tuple[Ints, Ints, Ints]:
    edge = (k - 1) % rows + 1
    full = plan.k_tiles - 1
    first_load = np.where(full > 0, rows, edge)
    base, base_last = plan.block - 1 + plan.gap, plan.last_block - 1 + plan.gap_last

    def block_cycles(base: Ints) -> Ints:
        cycles: Ints = plan.col_tiles * (full * np.maximum(base, rows) + np.maximum(base, edge))
        return cycles

    spans = (plan.blocks - 1) * block_cycles(base) + block_cycles(base_last)
    spans = spans - np.maximum(base_last, first_load)  # nothing follows the last tile
    last = START + first_load + spans + plan.last_block - 1
    rows_in_all = (plan.blocks - 1) * plan.block + plan.last_block
    words = rows_in_all * plan.col_tiles * plan.k_tiles
    return words, last, np.where(full > 0, plan.last_block - 1, 0)


def issue_cycles(
    m: Ints, k: Ints, plan: Plan, *, rows: Ints, ws: NDArray[np.bool_]
) -> tuple[Ints, Ints, Ints]:
    """Return steps, cycle of the last, and cycles that its result's last beat follows the first."""
    os, other = _os_issue(m, k, plan, rows), _ws_issue(k, plan, rows)
    words, last, tail = (np.where(ws, b, a) for a, b in zip(os, other, strict=True))
    return words, last, tail


def stall_free_cycles(
    m: ArrayLike,
    k: ArrayLike,
    n: ArrayLike,
    *,
    rows: ArrayLike,
    cols: ArrayLike,
    dataflow: ArrayLike,
    a_depth: ArrayLike,
    b_depth: ArrayLike,
    result_rows: ArrayLike,
    pipeline: ArrayLike,
) -> NDArray[np.int64]:
    """Return the cycles of isolated jobs ``(m, k) @ (k, n)`` with all streams always willing.

    All arguments broadcast; those after the shape are `MatrixConfig.plan_knobs`. Equal to
    `MatrixConfig.cycles` and to the simulated count: from the command's transfer to the last
    result's, both included.

    Output stationary: tiles end every ``max(k, gap)`` cycles. Weight stationary: a tile takes as
    long as its rows (and gap) or the next tile's weights, whichever is more.
    """
    ws = np.asarray(dataflow) == "ws"
    knobs: dict[str, Any] = {"rows": rows, "cols": cols, "a_depth": a_depth, "b_depth": b_depth}
    plan = plan_arrays(
        m, k, n, dataflow=dataflow, result_rows=result_rows, pipeline=pipeline, **knobs
    )
    m, k, rows, cols, pipeline = (
        np.asarray(value, dtype=np.int64) for value in (m, k, rows, cols, pipeline)
    )
    _, last, tail = issue_cycles(m, k, plan, rows=rows, ws=ws)
    return np.asarray(last + tail + flight_cycles(rows, cols, pipeline, ws) + 1)


def stream_words(m: ArrayLike, k: ArrayLike, n: ArrayLike, **knobs: ArrayLike) -> tuple[Ints, ...]:
    """Return the beats of A, B and the results; arguments as in `stall_free_cycles`."""
    plan = plan_arrays(m, k, n, **knobs)
    return plan.a_words, plan.b_words, plan.out_rows
