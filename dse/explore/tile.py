"""The tile of the workload that every measured design simulates."""

from __future__ import annotations

import numpy as np

from dse.workloads import Trace
from hw.contracts import Operator, OperatorKind, Phase
from hw.matrix import MatrixConfig
from sim.cosim import GemmCase

__all__ = ["tile_cases"]

_DEPTH = 96
"""Longest dot product simulated: activity has settled, and the tile takes about a second."""


def tile_cases(config: MatrixConfig, trace: Trace, seed: int) -> list[GemmCase]:
    """Return a piece of the heaviest GEMM of each phase, with ragged edges where it has them.

    The shapes are the workload's, cut to a few tiles of the array; operands are drawn from a
    normal distribution (deviation a quarter of full scale), since a trace carries no tensors.
    """
    rng = np.random.default_rng(seed)
    return [
        _case(config, operator, rng)
        for phase in Phase
        if (operator := _heaviest(trace.phase(phase))) is not None
    ]


def _heaviest(operators: tuple[Operator, ...]) -> Operator | None:
    gemms = [op for op in operators if op.kind is OperatorKind.GEMM]
    return max(gemms, key=lambda op: op.macs * op.count, default=None)


def _case(config: MatrixConfig, operator: Operator, rng: np.random.Generator) -> GemmCase:
    m = min(operator.m, 2 * config.rows)
    k = min(operator.k, max(_DEPTH, 2 * config.rows))
    n = min(operator.n, 2 * config.cols)
    scale, most = 2 ** (config.operand_bits - 3), 2 ** (config.operand_bits - 1) - 1

    def draw(shape: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        values = np.rint(rng.normal(0.0, scale, shape))
        return np.clip(values, -most - 1, most).astype(np.int64)

    return GemmCase(job=config.plan(m, k, n), A=draw((m, k)), B=draw((k, n)))
