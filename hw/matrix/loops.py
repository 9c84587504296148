"""Loop nest of a job: walks blocks, column tiles, middle and inner loop, one step at a time."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data

from .descriptor import FIELDS

__all__ = ["DESCRIPTOR", "Counter", "LoopNest"]

DESCRIPTOR = data.StructLayout(dict(FIELDS))
"""The command as hardware sees it."""


class Counter:
    """Counts down from a bound; `first` and `last` are registers, so that they are fast.

    `value` is the number of steps that follow this one; `last` says that there are none.
    """

    def __init__(self, name: str, width: int) -> None:
        self.value = Signal(width, name=f"{name}_left", reset_less=True)
        self.first = Signal(name=f"{name}_first", reset_less=True)
        self.last = Signal(name=f"{name}_last", reset_less=True)

    def reload(self, bound: Any) -> list[Any]:
        return [self.value.eq(bound), self.first.eq(1), self.last.eq(bound == 0)]

    def advance(self) -> list[Any]:
        return [self.value.eq(self.value - 1), self.first.eq(0), self.last.eq(self.value == 1)]


class LoopNest:
    """Walks a job's loops, one step at a time, as part of the module that owns it.

    The first step can be taken two cycles after the command; the next command is accepted in the
    cycle after the last step. No cycle is lost inside a job.

    Members
    -------
    job : Signal(DESCRIPTOR)
        The job being walked.
    start : Signal()
        The job's first step comes in the next cycle.
    active : Signal()
        There is a step to take.
    inner, mid, col, block : Counter
        Where the walk stands. All are registers.
    ends_inner, ends_block, ends_job : Value
        This step is the last of the inner loop, its block, its job.
    """

    def __init__(self) -> None:
        self.job = Signal(DESCRIPTOR, reset_less=True)
        self.start = Signal()
        self.active = Signal()
        self.inner, self.mid, self.col, self.block = (
            Counter(name, 20) for name in ("inner", "mid", "col", "block")
        )
        self.ends_inner: Any = self.inner.last
        self.ends_block: Any = self.inner.last & self.mid.last & self.col.last
        self.ends_job: Any = self.ends_block & self.block.last

    @property
    def gap_m1(self) -> Any:
        """Spacing of tiles in this block, less one."""
        return Mux(self.block.last, self.job.gap_last_m1, self.job.gap_m1)

    @property
    def mid_bound(self) -> Any:
        """Bound of the middle loop at the first step of the job, or of the step to come."""
        return Mux(self._tail, self.job.mid_last_m1, self.job.mid_m1)

    @property
    def _tail(self) -> Any:
        """Whether the step to come belongs to the last block."""
        next_is_last = self.ends_block & (self.block.value == 1)
        first_is_last = self.job.blocks_m1 == 0
        return Mux(self.active, self.block.last | next_is_last, first_is_last)

    def elaborate_into(self, m: Module, cmd: Any, go: Any) -> None:
        """Add the walk to `m`: jobs come from the stream `cmd`, each cycle of `go` is a step."""
        job = self.job
        inner_bound = Mux(self._tail, job.inner_last_m1, job.inner_m1)
        bounds = (inner_bound, self.mid_bound, job.cols_m1)
        loops = list(zip((self.inner, self.mid, self.col), bounds, strict=True))
        m.d.comb += cmd.ready.eq(~self.start & ~self.active)
        with m.If(cmd.valid & cmd.ready):
            m.d.sync += [job.eq(cmd.payload), self.start.eq(1)]
        with m.If(self.start):
            m.d.sync += [self.start.eq(0), self.active.eq(1)]
            m.d.sync += self.block.reload(job.blocks_m1)
            m.d.sync += [counter.reload(bound) for counter, bound in loops]
        with m.If(go):
            carry: Any = 1
            for counter, bound in loops:
                with m.If(carry & counter.last):
                    m.d.sync += counter.reload(bound)
                with m.Elif(carry):
                    m.d.sync += counter.advance()
                carry = carry & counter.last
            with m.If(carry):
                m.d.sync += self.block.advance()
                m.d.sync += self.active.eq(~self.block.last)
