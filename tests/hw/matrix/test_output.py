"""The output stage keeps the contract of streams: what is offered stays until it is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amaranth.hdl import Assert, Assume, Elaboratable, Module, Signal, Value

from hw.matrix.output import OutputStage

from .formal import prove

COLS, BITS, DEPTH = 2, 1, 4


class Watched(OutputStage):
    """An output stage that can be looked into."""

    def _held(self) -> Signal:
        self.held = super()._held()
        return self.held


class Contract(Elaboratable):
    """Reads a memory whose contents never change, in order, and follows what comes out."""

    def __init__(self) -> None:
        self.available, self.ready = Signal(), Signal()
        self.contents = [Signal(COLS * BITS, name=f"contents{at}") for at in range(DEPTH)]

    @property
    def ports(self) -> list[Signal]:
        return [self.available, self.ready, *self.contents]

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        dut = Watched(COLS, BITS)
        m.submodules.dut = dut.elaborate(platform)  # here, so that its inside can be named
        dut._MustUse__used = True
        given, taken = Signal(range(DEPTH)), Signal(range(DEPTH))
        word = Signal(COLS * BITS)
        m.d.comb += [
            dut.available.eq(self.available),
            dut.o.ready.eq(self.ready),
            Value.cast(dut.words).eq(word),
            dut.row.cols.eq(COLS),
        ]
        with m.Switch(given):
            for at, value in enumerate(self.contents):
                with m.Case(at), m.If(dut.read):
                    m.d.sync += word.eq(value)
        m.d.sync += [given.eq(given + dut.read), taken.eq(taken + (dut.o.valid & self.ready))]
        self._check(m, dut, given, taken, word)
        return m

    def _check(self, m: Module, dut: Any, given: Any, taken: Any, word: Any) -> None:
        before, running = [Signal.like(value) for value in self.contents], Signal()
        m.d.sync += [past.eq(now) for past, now in zip(before, self.contents, strict=True)]
        m.d.sync += running.eq(1)
        m.d.comb += [
            Assume(~running | (past == now))
            for past, now in zip(before, self.contents, strict=True)
        ]
        waiting = Signal(2)
        expected, newest = Signal(COLS * BITS), Signal(COLS * BITS)
        m.d.comb += waiting.eq(given - taken)
        for at, value in enumerate(self.contents):
            with m.If(taken == at):
                m.d.comb += expected.eq(value)
            with m.If(((given - 1) & (DEPTH - 1)) == at):
                m.d.comb += newest.eq(value)
        m.d.comb += [
            Assert(waiting == dut.held + dut.o.valid),
            Assert(~dut.read | (waiting != 2) | self.ready),
            Assert(~dut.o.valid | (Value.cast(dut.o.payload.data) == expected)),
            Assert(~dut.o.valid | (dut.o.payload.keep == (1 << COLS) - 1)),
            Assert((waiting == 0) | (word == newest)),
        ]


def test_rows_leave_in_order_and_wait_unchanged(tmp_path: Path) -> None:
    contract = Contract()
    prove(contract, contract.ports, tmp_path, depth=4)
