"""Operator records: what a workload asks for, with exact shapes, independent of any design."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .errors import ConfigError

__all__ = ["Operand", "Operator", "OperatorKind", "Phase"]


class Phase(StrEnum):
    """Which part of serving an operator belongs to."""

    PREFILL = "prefill"
    DECODE = "decode"


class OperatorKind(StrEnum):
    """What an operator computes. Everything but `GEMM` is described by its element count."""

    GEMM = "gemm"
    EMBEDDING = "embedding"
    LAYERNORM = "layernorm"
    RMSNORM = "rmsnorm"
    SOFTMAX = "softmax"
    GELU = "gelu"
    SILU = "silu"
    ROPE = "rope"
    RESIDUAL = "residual"
    MULTIPLY = "multiply"
    TOPK = "topk"


class Operand(StrEnum):
    """Where the right-hand operand of a GEMM lives, which decides its bytes and its reuse."""

    WEIGHT = "weight"
    KV_CACHE = "kv_cache"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator of a trace; identical operators are stored once, with a count.

    Parameters
    ----------
    name : str
        Role in the layer, such as ``qkv`` or ``softmax``.
    kind : OperatorKind
        What it computes.
    phase : Phase
        Prefill or decode.
    m, k, n : int
        GEMM of ``(m, k) @ (k, n)``. For every other kind ``m`` rows of ``n`` elements, ``k = 1``.
    count : int
        How often it runs in the whole trace.
    right : Operand
        Where the right-hand operand of a GEMM lives.
    context : int
        Tokens in the context, prompt included, when it runs; 0 where it does not matter.
    format : str
        Number format that a GEMM's operands are in, by a format assignment; empty where nobody
        chose: blocks that take several formats then use their first.
    """

    name: str
    kind: OperatorKind
    phase: Phase
    m: int
    k: int = 1
    n: int
    count: int = 1
    right: Operand = Operand.WEIGHT
    context: int = 0
    format: str = ""

    def __post_init__(self) -> None:
        for field in ("m", "k", "n", "count"):
            value = getattr(self, field)
            if not isinstance(value, int) or value < 1:
                raise ConfigError(
                    f"operator {self.name!r}: {field}={value!r} is not a positive integer; "
                    f"use {field}=1 or more"
                )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run; 0 for everything but a GEMM."""
        return self.m * self.k * self.n if self.kind is OperatorKind.GEMM else 0

    @property
    def left_elements(self) -> int:
        """Elements of the left-hand (or only) operand of one run."""
        return self.m * (self.k if self.kind is OperatorKind.GEMM else self.n)

    @property
    def right_elements(self) -> int:
        """Elements of the right-hand operand of one run; 0 for everything but a GEMM."""
        return self.k * self.n if self.kind is OperatorKind.GEMM else 0

    @property
    def output_elements(self) -> int:
        """Elements of the result of one run."""
        return self.m * self.n
