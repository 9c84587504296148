"""The tile of the workload that every measured design simulates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dse.workloads import Trace
from hw.contracts import Operator, OperatorKind, Phase
from hw.matrix import MatrixConfig, MatrixJob
from hw.numerics import TwosComplement, find_format
from sim.cosim import GemmCase

__all__ = ["draw_case", "tile_cases"]

_DEPTH = 96
"""Longest dot product simulated: activity has settled, and the tile takes about a second."""


def tile_cases(config: MatrixConfig, trace: Trace, seed: int) -> list[GemmCase]:
    """Return a piece of the heaviest GEMM of each phase, with ragged edges where it has them.

    Where formats are assigned, of each phase and format. The shapes are the workload's, cut to a
    few tiles of the array; operands are drawn from a normal distribution (deviation a quarter of
    full scale; one for formats that are no integers), since a trace carries no tensors.
    """
    rng = np.random.default_rng(seed)
    return [
        _case(config, operator, rng)
        for phase in Phase
        for operator in _heaviest(trace.phase(phase))
    ]


def _heaviest(operators: tuple[Operator, ...]) -> list[Operator]:
    """Return the heaviest GEMM of each format."""
    found: dict[str, Operator] = {}
    for op in operators:
        if op.kind is OperatorKind.GEMM:
            most = found.get(op.format)
            if most is None or op.macs * op.count > most.macs * most.count:
                found[op.format] = op
    return list(found.values())


def _case(config: MatrixConfig, operator: Operator, rng: np.random.Generator) -> GemmCase:
    m = min(operator.m, 2 * config.rows)
    k = min(operator.k, max(_DEPTH, 2 * config.rows))
    n = min(operator.n, 2 * config.cols)
    return draw_case(config, (m, k, n), operator.format, rng)


def draw_case(
    config: MatrixConfig, shape: tuple[int, int, int], mode: str, rng: np.random.Generator
) -> GemmCase:
    """Return a job of a shape (m, k, n) in a format, "" for plain integers, with its operands."""
    m, k, n = shape
    job = config.plan(m, k, n, mode)
    draw = _codes if config.formats else _integers
    return GemmCase(job=job, A=draw(config, job, (m, k), rng), B=draw(config, job, (k, n), rng))


def _integers(
    config: MatrixConfig, job: MatrixJob, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.int64]:
    scale, most = 2 ** (config.operand_bits - 3), 2 ** (config.operand_bits - 1) - 1
    values = np.rint(rng.normal(0.0, scale, shape))
    return np.clip(values, -most - 1, most).astype(np.int64)


def _codes(
    config: MatrixConfig, job: MatrixJob, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.int64]:
    format = find_format(job.mode)
    scale = 2.0 ** (format.bits - 3) if isinstance(format, TwosComplement) else 1.0
    return format.encode(rng.normal(0.0, scale, shape)).astype(np.int64)
