"""How a GEMM is cut into tiles: one vectorised planner for hardware, layout and cost model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.contracts import ConfigError

if TYPE_CHECKING:
    from .config import MatrixConfig

__all__ = ["DIM_LIMIT", "MatrixJob", "Plan", "plan_arrays", "plan_job"]

DIM_LIMIT = 1 << 20
"""First size of a dimension that the descriptor's 20-bit fields cannot express."""

HAZARD = 4
"""Cycles from reading a partial sum to the first cycle in which its update can be read."""

Ints = NDArray[np.int64]


class Plan(NamedTuple):
    """Loop bounds of a tiled GEMM, each an array of the broadcast shape."""

    blocks: Ints
    block: Ints
    last_block: Ints
    col_tiles: Ints
    k_tiles: Ints
    resident: NDArray[np.bool_]
    gap: Ints
    gap_last: Ints
    a_words: Ints
    b_words: Ints
    out_rows: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixJob:
    """One GEMM of ``(m, k) @ (k, n)`` with the loop bounds that its configuration chose.

    Parameters
    ----------
    m, k, n : int
        The shape.
    blocks : int
        Blocks of rows; the operand A of one block is kept while all columns of B pass.
    block, last_block : int
        Size of each block but the last, and of the last: in panels of ``rows`` rows (output
        stationary) or in rows (weight stationary).
    col_tiles, k_tiles : int
        Tiles across N (of ``cols``) and K (of ``rows``; 1 when output stationary).
    resident : bool
        Whether a block of A is loaded once and replayed, or streamed again per column tile.
    gap, gap_last : int
        Least cycles between the ends of two tiles (output stationary) or from the end of one
        to the start of the next (weight stationary), in each block but the last and in the last.
    a_words, b_words : int
        Beats that the operand streams carry.
    out_rows : int
        Beats that the result stream carries.
    elements : int
        Pairs of operand words that each dot product takes: `k` over the mode's lanes, rounded up.
    mode : str
        Format of the operands; empty where the engine has none to choose.
    """

    m: int
    k: int
    n: int
    blocks: int
    block: int
    last_block: int
    col_tiles: int
    k_tiles: int
    resident: bool
    gap: int
    gap_last: int
    a_words: int
    b_words: int
    out_rows: int
    elements: int
    mode: str = ""

    @property
    def macs(self) -> int:
        """Useful multiply-accumulates."""
        return self.m * self.k * self.n


def _ceil(a: Ints, b: Ints | int) -> Ints:
    return -(-a // b)


def _arrays(*values: ArrayLike) -> list[Ints]:
    return [np.asarray(value, dtype=np.int64) for value in values]


def _choose(
    units: Ints, length: Ints, col_tiles: Ints, most: Ints, held: Ints, weight: tuple[Ints, Ints]
) -> tuple[Ints, NDArray[np.bool_]]:
    """Return blocks and residency with the least traffic.

    ``units`` panels or rows of ``length`` words each; a block has at most ``most`` of them, and
    ``held`` of them fit the buffer. ``weight`` is the bytes per A word and per pass over B.
    """
    kept = np.minimum(held, most)
    stays = _ceil(units, np.maximum(kept, 1))
    streams = _ceil(units, most)
    a_word, b_pass = weight
    cost_kept = units * length * a_word + stays * b_pass
    cost_streamed = units * length * col_tiles * a_word + streams * b_pass
    resident = (kept >= 1) & (cost_kept <= cost_streamed)
    return np.where(resident, stays, streams), resident


def plan_arrays(
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
) -> Plan:
    """Plan GEMMs over broadcast arrays; the block size is the one of least operand traffic.

    Blocks are balanced: as many as the buffers ask for, all of nearly the same size.
    """
    m, k, n, rows, cols, a_depth, b_depth, result_rows, pipeline = _arrays(
        m, k, n, rows, cols, a_depth, b_depth, result_rows, pipeline
    )
    ws = np.asarray(dataflow) == "ws"
    col_tiles = _ceil(n, cols)
    k_tiles = np.where(ws, _ceil(k, rows), 1)
    units = np.where(ws, m, _ceil(m, rows))
    length = np.where(ws, k_tiles, k)
    replayed = np.where(k <= b_depth, units, 1)
    most = np.where(ws, np.minimum(m, result_rows // 2), replayed)
    weight = (rows, col_tiles * k * cols)
    blocks, resident = _choose(units, length, col_tiles, most, a_depth // length, weight)
    block = _ceil(units, blocks)
    last_block = units - (blocks - 1) * block
    gap, gap_last = _gaps(ws, m, block, last_block, k_tiles, rows, cols, result_rows, pipeline)
    a_words = units * length * np.where(resident, 1, col_tiles)
    b_words = blocks * col_tiles * k
    fields = np.broadcast_arrays(
        blocks, block, last_block, col_tiles, k_tiles, resident, gap, gap_last,
        a_words, b_words, m * col_tiles,
    )  # fmt: skip
    return Plan(*fields)


def _gaps(
    ws: NDArray[np.bool_],
    m: Ints,
    block: Ints,
    last_block: Ints,
    k_tiles: Ints,
    rows: Ints,
    cols: Ints,
    result_rows: Ints,
    pipeline: Ints,
) -> tuple[Ints, Ints]:
    """Return the least spacing of tiles, such that a willing consumer never stalls the array.

    Output stationary: the drain chain moves a row every second cycle, and a tile's rows leave
    the result buffer ``cols + 3 + pipeline`` cycles after that. Weight stationary: a partial sum
    is read ``HAZARD`` cycles after its last update, and half the result buffer is free again
    when its rows have left.
    """
    valid = np.minimum(m, rows)
    slots = np.maximum(result_rows - rows, 0) // valid + 1
    drained = cols + 3 + pipeline + 2 * valid
    spacing = np.maximum(2 * valid, _ceil(drained, slots))
    flight = rows + cols + pipeline
    taken = np.where(k_tiles == 1, block + flight + 5, 2 * block + flight + 4)
    tile = np.maximum(HAZARD, _ceil(taken, k_tiles + 1))
    last_tile = np.maximum(tile, _ceil(block - last_block, np.maximum(k_tiles - 1, 1)))
    gap = np.where(ws, np.maximum(1, tile - block + 1), spacing)
    gap_last = np.where(ws, np.maximum(1, last_tile - last_block + 1), spacing)
    return gap, gap_last


def plan_job(config: MatrixConfig, m: int, k: int, n: int, mode: str = "") -> MatrixJob:
    """Return the job of one GEMM on `config`; refuses shapes that the descriptor cannot hold."""
    for name, value in (("m", m), ("k", k), ("n", n)):
        if not 1 <= value < DIM_LIMIT:
            raise ConfigError(
                f"{name}={value} does not fit a job; use 1 to {DIM_LIMIT - 1}, "
                f"splitting a larger GEMM along {name}"
            )
    if config.formats and k > config.length:
        raise ConfigError(
            f"k={k} is longer than the dot products of length={config.length} that the "
            f"accumulators are made for; build the engine with length={k}"
        )
    mode = config.numbers.check_mode(mode)
    elements = -(-k // config.numbers.lanes(mode))
    plan = plan_arrays(m, elements, n, **config.plan_knobs)
    values = {name: value.item() for name, value in plan._asdict().items()}
    return MatrixJob(m=m, k=k, n=n, elements=elements, mode=mode, **values)
