"""Loop nest of a job: walks blocks, column tiles, middle and inner loop, one step at a time."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data

from .counters import Counter
from .descriptor import command_fields

__all__ = ["DESCRIPTOR", "MODAL_DESCRIPTOR", "LoopNest"]

DESCRIPTOR = data.StructLayout(command_fields(modes=False))
"""The command as hardware sees it."""

MODAL_DESCRIPTOR = data.StructLayout(command_fields(modes=True))
"""The command of an engine with modes."""


class _Bound:
    """A loop bound of the job with registered flags, computed while the command is accepted."""

    def __init__(self, job: Any, name: str) -> None:
        self.name = name
        self.value = job[f"{name}_m1"]
        self.is_zero = Signal(name=f"{name}_is_zero", reset_less=True)
        self.is_one = Signal(name=f"{name}_is_one", reset_less=True)

    def note(self, job: Any) -> list[Any]:
        """Return the statements that take the flags of a new job."""
        value = job[f"{self.name}_m1"]
        return [self.is_zero.eq(value == 0), self.is_one.eq(value == 1)]

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """The bound, whether it is 0, whether it is 1."""
        return self.value, self.is_zero, self.is_one


class LoopNest:
    """Walks a job's loops, one step at a time, as part of the module that owns it.

    The first step can be taken two cycles after the command; the next command is accepted in the
    cycle after the last step. No cycle is lost inside a job.

    Members
    -------
    job : Signal(descriptor)
        The job being walked.
    start : Signal()
        The job's first step comes in the next cycle.
    active : Signal()
        There is a step to take.
    bounds : dict
        The job's bounds by name, with their flags.
    inner, mid, col, block : Counter
        Where the walk stands. All are registers.
    ends_inner, ends_block, ends_job : Value
        This step is the last of the inner loop, its block, its job.
    """

    def __init__(self, descriptor: data.StructLayout = DESCRIPTOR) -> None:
        self.job = Signal(descriptor, reset_less=True)
        self.start = Signal()
        self.active = Signal()
        self.inner, self.mid, self.col, self.block = (
            Counter(name, 20) for name in ("inner", "mid", "col", "block")
        )
        names = ("inner", "inner_last", "mid", "mid_last", "cols", "blocks")
        self.bounds = {name: _Bound(self.job, name) for name in names}
        self.ends_inner: Any = self.inner.last
        self.ends_block: Any = self.inner.last & self.mid.last & self.col.last
        self.ends_job: Any = self.ends_block & self.block.last

    @property
    def gap_m1(self) -> Any:
        """Spacing of tiles in this block, less one."""
        return Mux(self.block.last, self.job.gap_last_m1, self.job.gap_m1)

    def elaborate_into(self, m: Module, cmd: Any, go: Any) -> None:
        """Add the walk to `m`: jobs come from the stream `cmd`, each cycle of `go` is a step."""
        block, bounds = self.block, self.bounds
        tail = Signal()  # the step to come is in the last block
        m.d.comb += [
            cmd.ready.eq(~self.start & ~self.active),
            tail.eq(block.last | (self.ends_block & block.second_last)),
        ]
        loops = [
            (self.inner, _select(tail, bounds["inner"], bounds["inner_last"])),
            (self.mid, _select(tail, bounds["mid"], bounds["mid_last"])),
            (self.col, bounds["cols"].parts),
        ]
        with m.If(cmd.valid & cmd.ready):
            m.d.sync += [self.job.eq(cmd.payload), self.start.eq(1)]
            m.d.sync += [bound.note(cmd.payload) for bound in bounds.values()]
            m.d.sync += [block.last.eq(cmd.payload.blocks_m1 == 0), block.second_last.eq(0)]
        with m.If(self.start):
            m.d.sync += [
                self.start.eq(0),
                self.active.eq(1),
                *block.reload(*bounds["blocks"].parts),
            ]
            m.d.sync += [counter.reload(*bound) for counter, bound in loops]
        with m.If(go):
            carry: Any = 1
            for counter, bound in loops:
                with m.If(carry & counter.last):
                    m.d.sync += counter.reload(*bound)
                with m.Elif(carry):
                    m.d.sync += counter.advance()
                carry = carry & counter.last
            with m.If(carry):
                m.d.sync += block.advance()
                m.d.sync += self.active.eq(~block.last)


def _select(condition: Any, other: _Bound, one: _Bound) -> tuple[Any, Any, Any]:
    value, is_zero, is_one = (
        Mux(condition, a, b) for a, b in zip(one.parts, other.parts, strict=True)
    )
    return value, is_zero, is_one
