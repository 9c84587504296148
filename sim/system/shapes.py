"""A trace reduced to what costs time: distinct GEMM shapes and how often each runs."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hw.contracts import Operator, OperatorKind, Phase
from hw.numerics import find_format

__all__ = ["GemmShapes", "TraceLike", "gemm_shapes", "job_shape", "port_lanes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PORT_BITS = 16  # of an operand port that several formats share
ALL_CONTEXTS = 128  # as many contexts are counted one by one
BUCKET = 64  # of more: contexts per bucket, doubled until at most MOST_BUCKETS are left
MOST_BUCKETS = 32


class FootprintLike(Protocol):
    """Bytes that a workload keeps in memory."""

    @property
    def weight_bytes(self) -> int: ...
    @property
    def kv_bytes(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...


class TraceLike(Protocol):
    """What the system model reads of `dse.workloads.Trace`."""

    @property
    def name(self) -> str: ...
    @property
    def operators(self) -> tuple[Operator, ...]: ...
    @property
    def prefills(self) -> int: ...
    @property
    def decode_steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    def footprint(self, weight_bits: int = 8) -> FootprintLike: ...


@dataclass(frozen=True, slots=True)
class GemmShapes:
    """Distinct GEMM shapes; `prefill` and `decode` say how often each runs in either phase.

    The weights need not be whole: where there are more than `ALL_CONTEXTS`, a run of neighbouring
    contexts is represented by its two ends, weighted such that its count and its sum of contexts
    are exact.
    """

    m: Ints
    k: Ints
    n: Ints
    prefill: Floats
    decode: Floats

    def __len__(self) -> int:
        return len(self.m)

    def where(self, chosen: NDArray[np.bool_]) -> GemmShapes:
        """Return some of the shapes."""
        return GemmShapes(*(getattr(self, field.name)[chosen] for field in fields(self)))


@functools.cache
def port_lanes(format: str) -> int:
    """Return how many operands of a format share a port of 16 bits; 1 without a format."""
    return PORT_BITS // find_format(format).container_bits if format else 1


def job_shape(op: Operator) -> tuple[int, int, int]:
    """Return ``(m, k, n)`` with k in words of an operand port, of which the array takes one pair
    per cycle."""
    return op.m, -(-op.k // port_lanes(op.format)), op.n


def gemm_shapes(operators: Iterable[Operator]) -> GemmShapes:
    """Return the distinct shapes of all GEMMs, many growing contexts reduced to representatives.

    Attention during decode differs from step to step in one dimension only, the context, and
    its cycles are linear in it but for steps of tiles and a few kinks. So more contexts than
    `ALL_CONTEXTS` are cut into aligned buckets, and the two ends of each stand for all of it.
    """
    weights: dict[tuple[int, int, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
    families: dict[tuple[object, ...], list[Operator]] = defaultdict(list)
    for op in operators:
        if op.kind is not OperatorKind.GEMM:
            continue
        if op.context and op.phase is Phase.DECODE:
            fixed = tuple(d if d != op.context else -1 for d in (op.m, op.k, op.n))
            families[(op.name, op.format, *fixed)].append(op)
        else:
            weights[job_shape(op)][op.phase is Phase.DECODE] += op.count
    for family in families.values():
        for shape, count in _representatives(family):
            weights[shape][1] += count
    table = np.array(list(weights), dtype=np.int64).reshape(-1, 3).T
    counts = np.array(list(weights.values()), dtype=np.float64).reshape(-1, 2).T
    return GemmShapes(*(np.ascontiguousarray(row) for row in (*table, *counts)))


def _representatives(
    family: Sequence[Operator],
) -> list[tuple[tuple[int, int, int], float]]:
    width = 1 if len({op.context for op in family}) <= ALL_CONTEXTS else BUCKET
    while len({(op.context - 1) // width for op in family}) > MOST_BUCKETS:
        width *= 2
    buckets: dict[int, list[Operator]] = defaultdict(list)
    for op in family:
        buckets[(op.context - 1) // width].append(op)
    result = []
    for bucket in buckets.values():
        low = min(bucket, key=lambda op: op.context)
        high = max(bucket, key=lambda op: op.context)
        count = float(sum(op.count for op in bucket))
        total = float(sum(op.count * op.context for op in bucket))
        span = high.context - low.context
        upper = (total - count * low.context) / span if span else 0.0
        result.append((job_shape(low), count - upper))
        if upper:
            result.append((job_shape(high), upper))
    return result
