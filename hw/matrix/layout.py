"""Order in which operands enter and results leave: matrices to stream words and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

if TYPE_CHECKING:
    from .config import MatrixConfig
    from .plan import MatrixJob

__all__ = ["arrange", "pack_a", "pack_b"]

Matrix = NDArray[np.integer]


def _ports(
    config: MatrixConfig, job: MatrixJob, name: str, matrix: Matrix, shape: tuple[int, int]
) -> Matrix:
    """Return what lies on the ports, ``[count, elements]``; B comes as its transpose."""
    matrix = np.asarray(matrix)
    if matrix.shape != shape:
        raise ConfigError(f"{name} has shape {matrix.shape}; this job takes {shape}")
    return config.numbers.ports(name, job.mode, matrix if name == "A" else matrix.T)


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
    A = _ports(config, job, "A", A, (job.m, job.k))
    if config.dataflow == "os":
        padded = _pad(A, config.rows, 1).reshape(-1, config.rows, job.elements)
        words = [padded[part].transpose(0, 2, 1) for part in _blocks(job)]
    else:
        padded = _pad(A, 1, config.rows).reshape(job.m, -1, config.rows)
        words = [padded[part].transpose(1, 0, 2) for part in _blocks(job)]
    repeats = 1 if job.resident else job.col_tiles
    flat = [np.tile(word.reshape(-1, config.rows), (repeats, 1)) for word in words]
    return _lanes(np.concatenate(flat), config.numbers.port_bits)


def pack_b(config: MatrixConfig, job: MatrixJob, B: Matrix) -> NDArray[np.unsignedinteger]:
    """Return the B stream: ``[b_words, cols]`` unsigned lanes; per block, column tile and k."""
    B = _ports(config, job, "B", B, (job.k, job.n)).T
    panels = _pad(B, 1, config.cols).reshape(job.elements, -1, config.cols).transpose(1, 0, 2)
    words = np.tile(panels.reshape(-1, config.cols), (job.blocks, 1))
    return _lanes(words, config.numbers.port_bits)


def arrange(config: MatrixConfig, job: MatrixJob, beats: Matrix) -> NDArray[np.int64]:
    """Return the result stream's ``[out_rows, cols]`` lanes at their places in Z."""
    beats = np.asarray(beats)
    if beats.shape != (job.out_rows, config.cols):
        raise ConfigError(
            f"results have shape {beats.shape}; this job gives {(job.out_rows, config.cols)}"
        )
    Z = np.zeros((job.m, job.col_tiles * config.cols), dtype=np.int64)
    for (row, col), (first, last) in _tiles(config, job):
        Z[row : row + last - first, col : col + config.cols] = beats[first:last]
    return Z[:, : job.n]


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
