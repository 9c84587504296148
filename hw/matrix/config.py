"""Design point of the matrix engine; generator, planner, layout and cost model read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import (
    ConfigError,
    CycleCount,
    Operator,
    OperatorKind,
    check_choices,
    check_ranges,
)

from . import layout
from .plan import MatrixJob, plan_job

if TYPE_CHECKING:
    from .engine import MatrixEngine

__all__ = ["DATAFLOWS", "MULTIPLIERS", "MatrixConfig"]

DATAFLOWS = ("os", "ws")
MULTIPLIERS = ("dsp", "lut")
LIMITS = {
    "rows": (2, 256),
    "cols": (2, 256),
    "accum_bits": (8, 64),
    "a_depth": (16, 1 << 20),
    "b_depth": (16, 1 << 20),
    "result_rows": (4, 1 << 16),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixConfig:
    """A systolic array with operand buffers, sequencer and result buffer.

    Parameters
    ----------
    rows, cols : int
        Processing elements; one A word holds `rows` operands, one B word `cols`.
    dataflow : str
        ``"os"``: results stay in the array; ``"ws"``: a tile of B stays.
    operand_bits : int
        Width of the signed operands: 4, 8 or 16.
    accum_bits : int
        Width of the signed accumulators, which wrap.
    multiplier : str
        ``"dsp"`` leaves the product to the target's multiplier blocks, ``"lut"`` builds it from
        logic.
    pipeline : int
        Registers inside the multiply-add: 0, 1 (product) or 2 (operands and product).
    a_depth, b_depth : int
        Words that each operand buffer holds.
    banks : int
        Memories, along the depth, of each operand buffer: 1, 2 or 4.
    result_rows : int
        Rows of `cols` accumulators in the result buffer: at least `rows` (output stationary), or
        two halves, of which one accumulates while the other drains (weight stationary).
    """

    rows: int = 8
    cols: int = 8
    dataflow: str = "os"
    operand_bits: int = 8
    accum_bits: int = 32
    multiplier: str = "dsp"
    pipeline: int = 1
    a_depth: int = 1024
    b_depth: int = 1024
    banks: int = 1
    result_rows: int = 16

    def __post_init__(self) -> None:
        self._check_ranges()
        if self.accum_bits < 2 * self.operand_bits:
            raise ConfigError(
                f"accum_bits={self.accum_bits} cannot hold one product of two "
                f"{self.operand_bits}-bit operands; use {2 * self.operand_bits} or more"
            )
        for name in ("a_depth", "b_depth"):
            if getattr(self, name) % self.banks:
                raise ConfigError(
                    f"{name}={getattr(self, name)} does not divide into banks={self.banks}; "
                    f"use a multiple of {self.banks}"
                )
        if self.dataflow == "os" and self.result_rows < self.rows:
            raise ConfigError(
                f"result_rows={self.result_rows} cannot hold one tile of rows={self.rows}; "
                f"use {self.rows} or more"
            )
        if self.dataflow == "ws" and self.result_rows % 2:
            raise ConfigError(
                f"result_rows={self.result_rows} does not halve for the two result banks of "
                f"dataflow='ws'; use an even number"
            )

    def _check_ranges(self) -> None:
        options: dict[str, tuple[int | str, ...]] = {
            "dataflow": DATAFLOWS,
            "multiplier": MULTIPLIERS,
            "operand_bits": (4, 8, 16),
            "pipeline": (0, 1, 2),
            "banks": (1, 2, 4),
        }
        check_choices(self, options)
        check_ranges(self, LIMITS)

    @classmethod
    def from_knobs(cls, *, result_ratio: int = 2, **knobs: Any) -> MatrixConfig:
        """Return the design at a point of the search space.

        `result_ratio` is the result buffer's size in tiles of `rows`: 1 single, 2 double
        buffered (output stationary); per half when weight stationary.
        """
        rows = int(knobs["rows"])
        halves = 2 if knobs.get("dataflow", "os") == "ws" else 1
        return cls(result_rows=max(4, rows * result_ratio * halves), **knobs)

    @property
    def plan_knobs(self) -> dict[str, Any]:
        """Keyword arguments of the planner and of the closed form."""
        names = ("rows", "cols", "dataflow", "a_depth", "b_depth", "result_rows", "pipeline")
        return {name: getattr(self, name) for name in names}

    @property
    def a_bits(self) -> int:
        """Bits of one A word."""
        return self.rows * self.operand_bits

    @property
    def b_bits(self) -> int:
        """Bits of one B word."""
        return self.cols * self.operand_bits

    @property
    def macs_per_cycle(self) -> int:
        """Multiply-accumulates per cycle at full rate."""
        return self.rows * self.cols

    def plan(self, m: int, k: int, n: int) -> MatrixJob:
        """Return the job for ``(m, k) @ (k, n)``, tiled for the least operand traffic."""
        return plan_job(self, m, k, n)

    def jobs(self, op: Operator) -> tuple[MatrixJob, ...] | None:
        """Return the job of one run of `op`, or None where it is not a GEMM."""
        if op.kind is not OperatorKind.GEMM:
            return None
        return (self.plan(op.m, op.k, op.n),)

    def pack_a(self, job: MatrixJob, A: layout.Matrix) -> NDArray[np.unsignedinteger]:
        """Return the words of the A stream, ``[a_words, rows]``."""
        return layout.pack_a(self, job, A)

    def pack_b(self, job: MatrixJob, B: layout.Matrix) -> NDArray[np.unsignedinteger]:
        """Return the words of the B stream, ``[b_words, cols]``."""
        return layout.pack_b(self, job, B)

    def unpack(self, job: MatrixJob, beats: layout.Matrix) -> NDArray[np.int64]:
        """Return Z from the beats of the result stream, ``[out_rows, cols]``."""
        return layout.unpack(self, job, beats)

    def golden(self, job: MatrixJob, state: Any) -> NDArray[np.int64]:
        """Return Z bit-exactly. `state` is ``(A, B)`` or a mapping with these keys."""
        A, B = (state["A"], state["B"]) if isinstance(state, Mapping) else state
        return layout.golden(self, A, B)

    def descriptor(self, job: MatrixJob) -> int:
        """Return the beat of the command stream that starts `job`."""
        from .descriptor import pack_descriptor

        return pack_descriptor(self, job)

    def cycles(self, job: MatrixJob, memory: Any = None, stalls: Any = None) -> CycleCount:
        """Return the cycles from the command's transfer to the last result's, both included.

        The engine is idle before. Without `memory` and `stalls` all streams are always willing.
        """
        from .cycles import count_cycles

        return count_cycles(self, job, memory, stalls)

    def create(self) -> MatrixEngine:
        """Return the Amaranth component."""
        from .engine import MatrixEngine

        return MatrixEngine(self)
