"""Order in which operands enter and results leave: matrices to stream words and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

if TYPE_CHECKING:
    from .config import MatrixConfig
    from .plan import MatrixJob

__all__ = ["golden", "pack_a", "pack_b", "unpack", "wrap"]

Matrix = NDArray[np.integer]


def wrap(values: Matrix, bits: int) -> NDArray[np.int64]:
    """Return `values` modulo ``2**bits`` as signed two's complement numbers."""
    spare = np.int64(64 - bits)  # shifted out at the top, then back with the sign
    return np.asarray(np.asarray(values).astype(np.int64) << spare >> spare)


def _check(name: str, matrix: Matrix, shape: tuple[int, int], bits: int) -> Matrix:
    matrix = np.asarray(matrix)
    if matrix.shape != shape:
        raise ConfigError(f"{name} has shape {matrix.shape}; this job takes {shape}")
    if matrix.min() < -(1 << (bits - 1)) or matrix.max() >= 1 << (bits - 1):
        raise ConfigError(f"{name} holds values that do not fit {bits} signed bits; clip them")
    return matrix


def _pad(matrix: Matrix, rows: int, cols: int) -> Matrix:
    return np.pad(matrix, ((0, -matrix.shape[0] % rows), (0, -matrix.shape[1] % cols)))


def _lanes(words: Matrix, bits: int) -> NDArray[np.unsignedinteger]:
    unsigned = np.uint8 if bits <= 8 else np.uint16
    return (words.astype(np.int64) & ((1 << bits) - 1)).astype(unsigned)


def _blocks(job: MatrixJob) -> list[slice]:
    """Return each block's panels (output stationary) or rows (weight stationary)."""
    starts = [index * job.block for index in range(job.blocks)]
    total = starts[-1] + job.last_block
    return [slice(start, min(start + job.block, total)) for start in starts]


def pack_a(config: MatrixConfig, job: MatrixJob, A: Matrix) -> NDArray[np.unsignedinteger]:
    """Return the A stream: ``[a_words, rows]`` unsigned lanes, lane r at bits ``[r*w +: w]``.

    Output stationary: for each block, panel and k the column of ``rows`` elements. Weight
    stationary: for each block, k tile and row the ``rows`` elements of that k tile. A block that
    is not resident comes once per column tile.
    """
    A = _check("A", A, (job.m, job.k), config.operand_bits)
    if config.dataflow == "os":
        padded = _pad(A, config.rows, 1).reshape(-1, config.rows, job.k)
        words = [padded[part].transpose(0, 2, 1) for part in _blocks(job)]
    else:
        padded = _pad(A, 1, config.rows).reshape(job.m, -1, config.rows)
        words = [padded[part].transpose(1, 0, 2) for part in _blocks(job)]
    repeats = 1 if job.resident else job.col_tiles
    flat = [np.tile(word.reshape(-1, config.rows), (repeats, 1)) for word in words]
    return _lanes(np.concatenate(flat), config.operand_bits)


def pack_b(config: MatrixConfig, job: MatrixJob, B: Matrix) -> NDArray[np.unsignedinteger]:
    """Return the B stream: ``[b_words, cols]`` unsigned lanes; per block, column tile and k."""
    B = _check("B", B, (job.k, job.n), config.operand_bits)
    panels = _pad(B, 1, config.cols).reshape(job.k, -1, config.cols).transpose(1, 0, 2)
    words = np.tile(panels.reshape(-1, config.cols), (job.blocks, 1))
    return _lanes(words, config.operand_bits)


def unpack(config: MatrixConfig, job: MatrixJob, beats: Matrix) -> NDArray[np.int64]:
    """Return Z from the result stream's ``[out_rows, cols]`` lanes, signed or not."""
    beats = np.asarray(beats)
    if beats.shape != (job.out_rows, config.cols):
        raise ConfigError(
            f"results have shape {beats.shape}; this job gives {(job.out_rows, config.cols)}"
        )
    Z = np.zeros((job.m, job.col_tiles * config.cols), dtype=np.int64)
    for (row, col), (first, last) in _tiles(config, job):
        Z[row : row + last - first, col : col + config.cols] = beats[first:last]
    return wrap(Z[:, : job.n], config.accum_bits)


def _tiles(config: MatrixConfig, job: MatrixJob) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return each result tile's (row, column) in Z and its [first, last) beats."""
    tiles, beat = [], 0
    step = config.rows if config.dataflow == "os" else job.m
    for part in _blocks(job):
        if config.dataflow == "os":
            spans = [(p * step, min((p + 1) * step, job.m)) for p in range(part.start, part.stop)]
        else:
            spans = [(part.start, part.stop)]
        for q in range(job.col_tiles):
            for start, stop in spans:
                tiles.append(((start, q * config.cols), (beat, beat + stop - start)))
                beat += stop - start
    return tiles


def golden(config: MatrixConfig, A: Matrix, B: Matrix) -> NDArray[np.int64]:
    """Return ``A @ B`` as the engine computes it: exact, modulo ``2**accum_bits``."""
    A, B = np.asarray(A), np.asarray(B)
    largest = A.shape[1] << (2 * config.operand_bits - 2)
    if largest < 1 << 53:  # every partial sum is exact in double precision, and BLAS is fast
        product = (A.astype(np.float64) @ B.astype(np.float64)).astype(np.int64)
    else:
        product = A.astype(np.int64) @ B.astype(np.int64)
    return wrap(product, config.accum_bits)
