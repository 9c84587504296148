"""Design point of the matrix engine; generator, planner, layout and cost model read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
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
from .numbers import (
    MOST_EXACT,
    Integers,
    MixedFormats,
    check_formats,
    exact_bits,
    mac_stages,
    make_mac,
)
from .plan import MatrixJob, plan_job

if TYPE_CHECKING:
    from .engine import MatrixEngine

__all__ = ["CHECKSUMS", "DATAFLOWS", "MULTIPLIERS", "MatrixConfig"]

CHECKSUMS = ("none", "row", "full")
DATAFLOWS = ("os", "ws")
MULTIPLIERS = ("dsp", "lut")
_OF_FORMATS = ("formats", "result_format", "length", "step")
"""Fields that say something only where there are formats."""
LIMITS = {
    "rows": (2, 256),
    "cols": (2, 256),
    "accum_bits": (8, 64),
    "a_depth": (16, 1 << 20),
    "b_depth": (16, 1 << 20),
    "result_rows": (4, 1 << 16),
}

_FORMAT_LIMITS = {"accum_bits": (1, MOST_EXACT), "length": (1, 1 << 20)}


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
        Width of the signed operands: 4, 8 or 16. With `formats`, of an operand port: 16.
    accum_bits : int
        Width of the signed accumulators, which wrap. With `formats` they do not: sums are exact
        where it holds them, else a window of them is kept, by the rule of `hw.mac.golden`; what is
        more than exact sums take is left out, and the field says the width that is built.
    multiplier : str
        ``"dsp"`` leaves the product to the target's multiplier blocks, ``"lut"`` builds it from
        logic.
    pipeline : int
        Registers inside the multiply-add: 0, 1 (product) or 2 (operands and product). With
        `formats` as in `hw.mac.MacConfig`: 0 to 3.
    formats : tuple of str
        Number formats that the elements take, each job one of them (`hw.numerics.find_format`):
        one operand of 16 bits to a port, two of 8 or four of 4, so many products per cycle.
        Empty: integers of `operand_bits`.
    result_format : str
        Format that sums are rounded into, once; only with `formats`.
    length : int
        Products of the longest dot product; only with `formats`.
    step : int
        Distance by which the window of a bounded accumulator moves; only with `formats`.
    a_depth, b_depth : int
        Words that each operand buffer holds.
    banks : int
        Memories, along the depth, of each operand buffer: 1, 2 or 4.
    result_rows : int
        Rows of `cols` accumulators in the result buffer: at least `rows` (output stationary), or
        two halves, of which one accumulates while the other drains (weight stationary).
    checksum : str
        Detection of errors in operands, products and results (`hw.matrix.checksum`); output
        stationary, integers only. ``"row"``: each row of results is checked on its way out, and
        the operands of A on their way in. ``"full"``: rows and columns, which tell the element.
    """

    rows: int = 8
    cols: int = 8
    dataflow: str = "os"
    operand_bits: int = 8
    accum_bits: int = 32
    multiplier: str = "dsp"
    pipeline: int = 1
    formats: tuple[str, ...] = ()
    result_format: str = "bf16"
    length: int = 4096
    step: int = 8
    a_depth: int = 1024
    b_depth: int = 1024
    banks: int = 1
    result_rows: int = 16
    checksum: str = "none"

    def __post_init__(self) -> None:
        self._check_ranges()
        self._check_numbers()
        if self.checksum != "none" and (self.formats or self.dataflow != "os"):
            what = f"formats={self.formats}" if self.formats else "dataflow='ws'"
            raise ConfigError(
                f"checksum={self.checksum!r} checks sums of integers that stay in the array, which "
                f"{what} has not; use checksum='none'"
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
            "pipeline": (0, 1, 2, 3) if self.formats else (0, 1, 2),
            "banks": (1, 2, 4),
            "checksum": CHECKSUMS,
            **({"step": (4, 8, 16, 32)} if self.formats else {}),
        }
        check_choices(self, options)
        check_ranges(self, LIMITS | (_FORMAT_LIMITS if self.formats else {}))

    def _check_numbers(self) -> None:
        if self.formats:
            self._check_formats()
            return
        if self.accum_bits < 2 * self.operand_bits:
            raise ConfigError(
                f"accum_bits={self.accum_bits} cannot hold one product of two "
                f"{self.operand_bits}-bit operands; use {2 * self.operand_bits} or more"
            )
        for name in _OF_FORMATS[1:]:
            default = type(self).__dataclass_fields__[name].default
            if getattr(self, name) != default:
                raise ConfigError(
                    f"{name}={getattr(self, name)!r} says nothing of an engine of integers; leave "
                    "it out, or name formats"
                )

    def _check_formats(self) -> None:
        if self.dataflow != "os":
            raise ConfigError(
                f"dataflow={self.dataflow!r} takes integers only, not formats={self.formats}: a "
                "column would have to align the sums of its elements; use dataflow='os'"
            )
        if self.operand_bits != 16:
            raise ConfigError(
                f"operand_bits={self.operand_bits} is no port for formats={self.formats}, of which "
                "one, two or four operands share 16 bits; use operand_bits=16"
            )
        # By the names that everybody uses, and as wide as it is built.
        object.__setattr__(self, "formats", check_formats(self.formats, self.result_format))
        bits = min(self.accum_bits, exact_bits(self.formats, self.length))
        object.__setattr__(self, "accum_bits", bits)
        make_mac(self)

    @classmethod
    def from_knobs(cls, *, result_ratio: int = 2, **knobs: Any) -> MatrixConfig:
        """Return the design at a point of the search space.

        `result_ratio` is the result buffer's size in tiles of `rows`: 1 single, 2 double
        buffered (output stationary); per half when weight stationary.
        """
        rows = int(knobs["rows"])
        halves = 2 if knobs.get("dataflow", "os") == "ws" else 1
        return cls(result_rows=max(4, rows * result_ratio * halves), **knobs)

    def __repr__(self) -> str:
        unsaid = () if self.formats else _OF_FORMATS
        if self.checksum == "none":
            unsaid = (*unsaid, "checksum")
        names = (field.name for field in fields(self) if field.name not in unsaid)
        return f"MatrixConfig({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    @property
    def plan_knobs(self) -> dict[str, Any]:
        """Keyword arguments of the planner and of the closed form."""
        names = ("rows", "cols", "dataflow", "a_depth", "b_depth", "result_rows")
        return {name: getattr(self, name) for name in names} | {"pipeline": self.stages}

    @property
    def numbers(self) -> Integers | MixedFormats:
        """What operands and results are."""
        if self.formats:
            return MixedFormats(make_mac(self))
        return Integers(self.operand_bits, self.accum_bits)

    @property
    def stages(self) -> int:
        """Registers between operands and results, beside those that every engine has."""
        return mac_stages(make_mac(self)) if self.formats else self.pipeline

    @property
    def result_bits(self) -> int:
        """Bits of one result."""
        return self.numbers.result_bits

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
        """Multiply-accumulates per cycle at full rate, in the mode of fewest bits."""
        lanes = max(map(self.numbers.lanes, self.formats), default=1)
        return self.rows * self.cols * lanes

    def plan(self, m: int, k: int, n: int, mode: str = "") -> MatrixJob:
        """Return the job for ``(m, k) @ (k, n)``, tiled for the least operand traffic.

        `mode` is one of `formats`: the first, if nothing is said.
        """
        return plan_job(self, m, k, n, mode)

    def jobs(self, op: Operator) -> tuple[MatrixJob, ...] | None:
        """Return the job of one run of `op`, or None where it is not a GEMM."""
        if op.kind is not OperatorKind.GEMM:
            return None
        return (self.plan(op.m, op.k, op.n, op.format),)

    def pack_a(self, job: MatrixJob, A: layout.Matrix) -> NDArray[np.unsignedinteger]:
        """Return the words of the A stream, ``[a_words, rows]``."""
        return layout.pack_a(self, job, A)

    def pack_b(self, job: MatrixJob, B: layout.Matrix) -> NDArray[np.unsignedinteger]:
        """Return the words of the B stream, ``[b_words, cols]``."""
        return layout.pack_b(self, job, B)

    def arrange(self, job: MatrixJob, beats: layout.Matrix) -> NDArray[np.int64]:
        """Return where the lanes of the result stream, ``[out_rows, cols]``, belong in Z."""
        return layout.arrange(self, job, beats)

    def unpack(self, job: MatrixJob, beats: layout.Matrix) -> NDArray[np.int64]:
        """Return Z from the beats of the result stream, ``[out_rows, cols]``."""
        return self.numbers.results(layout.arrange(self, job, beats))

    def golden(self, job: MatrixJob, state: Any) -> NDArray[np.int64]:
        """Return Z bit-exactly. `state` is ``(A, B)`` or a mapping with these keys.

        Integers, or, with `formats`, codes: of the job's mode, and of `result_format`.
        """
        A, B = (state["A"], state["B"]) if isinstance(state, Mapping) else state
        return self.numbers.golden(job.mode, A, B)

    def random(
        self, job: MatrixJob, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return operands A and B of a job, uniform over all codes."""
        low, high = self.numbers.limits(job.mode)
        return rng.integers(low, high, (job.m, job.k)), rng.integers(low, high, (job.k, job.n))

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
