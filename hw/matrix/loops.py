"""Loop nest of a job: walks blocks, column tiles, middle and inner loop, one step at a time."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .descriptor import FIELDS

__all__ = ["DESCRIPTOR", "NEST", "LoopNest"]

DESCRIPTOR = data.StructLayout(dict(FIELDS))
"""The command as hardware sees it."""

NEST = data.StructLayout(
    {
        "active": 1,  # a job is being walked
        "inner_first": 1,
        "inner_last": 1,
        "mid_first": 1,
        "mid_last": 1,
        "col_first": 1,
        "col_last": 1,
        "block_last": 1,
        "resident": 1,
        "inner_m1": 20,  # bound of the inner loop in this block
        "gap_m1": 12,  # spacing of tiles in this block
        "edge_rows": 9,
        "edge_cols": 9,
    }
)
"""Where the walk stands: first and last pass of each loop, and the job's constants."""


class _Counter:
    """Counts down from a bound; `last` and `first` are registers, so that they are fast."""

    def __init__(self, name: str, width: int) -> None:
        self.value = Signal(width, name=f"{name}_left", reset_less=True)
        self.first = Signal(name=f"{name}_first", reset_less=True)
        self.last = Signal(name=f"{name}_last", reset_less=True)

    def reload(self, bound: Any) -> list[Any]:
        return [self.value.eq(bound), self.first.eq(1), self.last.eq(bound == 0)]

    def advance(self) -> list[Any]:
        return [self.value.eq(self.value - 1), self.first.eq(0), self.last.eq(self.value == 1)]


class LoopNest(wiring.Component):
    """Takes a job's descriptor and stands at each of its steps until told to go on.

    The first step can be taken two cycles after the command; the next command is accepted in the
    cycle after the last step. No step is lost inside a job.

    Members
    -------
    cmd : In(stream.Signature(DESCRIPTOR))
        Jobs.
    at : Out(NEST)
        The current step; valid while ``active``. All registers, or one gate behind one.
    go : In(1)
        The step is taken; only while ``active``.
    """

    def __init__(self) -> None:
        super().__init__({"cmd": In(stream.Signature(DESCRIPTOR)), "at": Out(NEST), "go": In(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        job = Signal(DESCRIPTOR, reset_less=True)
        taken, active = Signal(), Signal()
        inner, mid, col, block = (_Counter(name, 20) for name in ("inner", "mid", "col", "block"))
        tail = Signal()  # the step to come belongs to the last block
        inner_bound = Mux(tail, job.inner_last_m1, job.inner_m1)
        mid_bound = Mux(tail, job.mid_last_m1, job.mid_m1)
        m.d.comb += [
            self.cmd.ready.eq(~taken & ~active),
            tail.eq(Mux(active & ~block.last, block_ends(inner, mid, col) & (block.value == 1),
                        Mux(active, 1, job.blocks_m1 == 0))),
            self.at.active.eq(active),
            self.at.inner_first.eq(inner.first),
            self.at.inner_last.eq(inner.last),
            self.at.mid_first.eq(mid.first),
            self.at.mid_last.eq(mid.last),
            self.at.col_first.eq(col.first),
            self.at.col_last.eq(col.last),
            self.at.block_last.eq(block.last),
            self.at.resident.eq(job.resident),
            self.at.inner_m1.eq(Mux(block.last, job.inner_last_m1, job.inner_m1)),
            self.at.gap_m1.eq(Mux(block.last, job.gap_last_m1, job.gap_m1)),
            self.at.edge_rows.eq(job.edge_rows),
            self.at.edge_cols.eq(job.edge_cols),
        ]  # fmt: skip
        with m.If(self.cmd.valid & self.cmd.ready):
            m.d.sync += [job.eq(self.cmd.payload), taken.eq(1)]
        with m.If(taken):
            m.d.sync += [taken.eq(0), active.eq(1), *block.reload(job.blocks_m1)]
            m.d.sync += [*col.reload(job.cols_m1), *mid.reload(mid_bound)]
            m.d.sync += inner.reload(inner_bound)
        with m.If(self.go):
            self._step(
                m, active, [(inner, inner_bound), (mid, mid_bound), (col, job.cols_m1)], block
            )
        return m

    def _step(
        self, m: Module, active: Signal, loops: list[tuple[_Counter, Any]], block: _Counter
    ) -> None:
        carry: Any = 1
        for counter, bound in loops:
            with m.If(carry & counter.last):
                m.d.sync += counter.reload(bound)
            with m.Elif(carry):
                m.d.sync += counter.advance()
            carry = carry & counter.last
        with m.If(carry):
            m.d.sync += block.advance()
            with m.If(block.last):
                m.d.sync += active.eq(0)


def block_ends(*counters: _Counter) -> Any:
    """Return whether this step is the last of its block."""
    ends: Any = 1
    for counter in counters:
        ends = ends & counter.last
    return ends
