"""The trace of a workload: its operator records, their totals, and the memory they need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, Operand, Operator, OperatorKind, Phase

__all__ = ["Footprint", "Totals", "Trace", "merge"]


# Everything of an operator but its count.
_IDENTITY = attrgetter(*(field.name for field in fields(Operator) if field.name != "count"))


def merge(operators: Iterable[Operator]) -> tuple[Operator, ...]:
    """Return `operators` with equal ones stored once, their counts added, in order of first use."""
    first: dict[tuple[Any, ...], Operator] = {}
    counts: Counter[tuple[Any, ...]] = Counter()
    for operator in operators:
        key = _IDENTITY(operator)
        first.setdefault(key, operator)
        counts[key] += operator.count
    return tuple(
        operator if operator.count == counts[key] else replace(operator, count=counts[key])
        for key, operator in first.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What all runs of a set of operators add up to.

    Members
    -------
    runs : int
        Operators executed.
    macs : int
        Multiply-accumulates of the GEMMs; prefill attention counts dense, without its mask.
    weight_elements, kv_elements : int
        Right-hand elements of all runs, each read once per run.
    """

    runs: int
    macs: int
    weight_elements: int
    kv_elements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Bytes a workload keeps in memory at one choice of operand widths."""

    name: str
    weight_bits: int
    kv_bits: int
    weight_bytes: int
    kv_bytes: int

    @property
    def total_bytes(self) -> int:
        """Weights and KV cache together."""
        return self.weight_bytes + self.kv_bytes

    def check(self, capacity_bytes: int, where: str) -> None:
        """Refuse a workload larger than the memory of `where`."""
        if self.total_bytes <= capacity_bytes:
            return
        raise ConfigError(
            f"{self.name} needs {_mebibytes(self.total_bytes)} (weights at {self.weight_bits} bits "
            f"{_mebibytes(self.weight_bytes)}, KV cache at {self.kv_bits} bits "
            f"{_mebibytes(self.kv_bytes)}), but {where} has {_mebibytes(capacity_bytes)}; "
            f"choose a target with {_mebibytes(self.total_bytes)} or more, a smaller model, "
            "or shorter sequences"
        )


def _mebibytes(count: int) -> str:
    return f"{count / (1 << 20):,.1f} MiB"


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Operator records of a whole scenario.

    The prefill records are what TTFT covers: all prompt tokens up to and including the first
    generated one. The decode records are the remaining tokens.

    Parameters
    ----------
    name : str
        What reports call the workload.
    operators : tuple of Operator
        Each one once; its count covers all layers, passes, heads and experts.
    prefills, decode_steps : int
        Passes of each phase that the counts cover: TTFT is prefill time over `prefills`, TPOT is
        decode time over `decode_steps`.
    batch : int
        Sequences served by one pass.
    weights : int
        Distinct parameters that memory must hold.
    kv_peak : int
        Elements of the KV cache when the longest batch ends.
    kv_written : int
        Elements written to the KV cache by all passes.
    """

    name: str
    operators: tuple[Operator, ...]
    prefills: int
    decode_steps: int
    batch: int = 1
    weights: int
    kv_peak: int = 0
    kv_written: int = 0

    def __post_init__(self) -> None:
        if not self.operators:
            raise ConfigError(f"workload {self.name!r} has no operators; give it at least one GEMM")

    def phase(self, phase: Phase) -> tuple[Operator, ...]:
        """Return the operators of one phase."""
        return tuple(operator for operator in self.operators if operator.phase is phase)

    def totals(self, phase: Phase | None = None) -> Totals:
        """Return the totals of one phase, or of both."""
        chosen = self.operators if phase is None else self.phase(phase)
        gemms = [op for op in chosen if op.kind is OperatorKind.GEMM]
        return Totals(
            runs=sum(op.count for op in chosen),
            macs=sum(op.macs * op.count for op in gemms),
            weight_elements=_right(gemms, Operand.WEIGHT),
            kv_elements=_right(gemms, Operand.KV_CACHE),
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole trace."""
        return self.totals().macs

    @property
    def weight_elements(self) -> int:
        """Weight elements read by the whole trace, once per run of a GEMM."""
        return self.totals().weight_elements

    @property
    def kv_elements(self) -> int:
        """KV-cache elements read by the whole trace, once per run of a GEMM."""
        return self.totals().kv_elements

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Operator names in order of first use; ``table()["name"]`` indexes them."""
        return tuple(dict.fromkeys(operator.name for operator in self.operators))

    def table(self) -> dict[str, NDArray[Any]]:
        """Return the operators as columns of equal length, for vectorised evaluation.

        ``m, k, n, count, context`` are int64 as in the records; ``name`` indexes `names`, and
        ``kind``, ``phase`` and ``right`` index ``tuple(OperatorKind)``, ``tuple(Phase)`` and
        ``tuple(Operand)``. Row i is ``operators[i]``. The arrays are read-only and shared.
        """
        return self._table

    @cached_property
    def _table(self) -> dict[str, NDArray[Any]]:
        fields = ("m", "k", "n", "count", "context")
        rows = [[getattr(op, field) for field in fields] for op in self.operators]
        numbers = np.array(rows, dtype=np.int64).T
        codes = {
            "name": _codes(self.names, (op.name for op in self.operators)),
            "kind": _codes(tuple(OperatorKind), (op.kind for op in self.operators)),
            "phase": _codes(tuple(Phase), (op.phase for op in self.operators)),
            "right": _codes(tuple(Operand), (op.right for op in self.operators)),
        }
        columns = codes | dict(zip(fields, np.ascontiguousarray(numbers), strict=True))
        for column in columns.values():
            column.flags.writeable = False
        return columns

    def footprint(self, weight_bits: int = 8, kv_bits: int | None = None) -> Footprint:
        """Return the bytes of weights and KV cache; `kv_bits` follows `weight_bits` if left out."""
        kv_bits = weight_bits if kv_bits is None else kv_bits
        for field, bits in (("weight_bits", weight_bits), ("kv_bits", kv_bits)):
            if not 1 <= bits <= 64:
                raise ConfigError(f"{field}={bits} is not a width; use 1 to 64")
        return Footprint(
            name=self.name,
            weight_bits=weight_bits,
            kv_bits=kv_bits,
            weight_bytes=-(-self.weights * weight_bits // 8),
            kv_bytes=-(-self.kv_peak * kv_bits // 8),
        )


def _right(gemms: list[Operator], right: Operand) -> int:
    return sum(op.right_elements * op.count for op in gemms if op.right is right)


def _codes(known: tuple[str, ...], values: Iterable[str]) -> NDArray[np.int64]:
    index = {value: position for position, value in enumerate(known)}
    return np.array([index[value] for value in values], dtype=np.int64)
