"""Streams of the unit, proved: nothing is lost, invented, reordered or changed while it waits.

The producer may do anything, even withdraw what it offers; so may the consumer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Assert, Assume, Elaboratable, Module, Mux, Signal, Value

import hw.mac.unit
from hw.mac import MacConfig
from hw.mac.pipeline import Cutter

from ..matrix.formal import prove

COUNT = 6  # bits of the counters of results


class Control(Elaboratable):
    """Follows results through a unit: each stage of its pipeline holds what it should.

    An independent shift register of `latency` bits moves whenever an element may enter; the
    unit's own flags are found by the names that it registers them under.
    """

    def __init__(self, config: MacConfig, monkeypatch: Any) -> None:
        self.config = config
        self.stages: list[tuple[Signal, ...]] = []
        self.valid, self.last, self.ready = Signal(), Signal(), Signal()
        self.data = Signal(2 * config.plan.port_bits)
        stages = self.stages

        class Watched(Cutter):
            def always(self, name: str, value: Any, *, reset: bool = False) -> Signal:
                later = super().always(name, value, reset=reset)
                if name.endswith("_valid") or "done" in name:
                    stages.append((later,))
                elif name.endswith("_last") and len(stages[-1]) == 1:
                    stages[-1] += (later,)
                return later

        monkeypatch.setattr(hw.mac.unit, "Cutter", Watched)

    @property
    def ports(self) -> list[Signal]:
        return [self.valid, self.last, self.ready, self.data]

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        dut = self.config.create()
        m.submodules.dut = dut.elaborate(platform)  # here, so that its inside can be named
        dut._MustUse__used = True
        m.d.comb += [
            dut.i.valid.eq(self.valid),
            dut.i.payload.last.eq(self.last),
            Value.cast(dut.i.payload.data).eq(self.data),
            dut.o.ready.eq(self.ready),
        ]
        self._follow(m, dut)
        self._waits(m, dut)
        return m

    def _follow(self, m: Module, dut: Any) -> None:
        flight = Signal(self.config.latency)
        given, taken = Signal(COUNT), Signal(COUNT)
        enters, leaves = Signal(), Signal()
        m.d.comb += [
            enters.eq(dut.i.valid & dut.i.ready & dut.i.payload.last),
            leaves.eq(dut.o.valid & dut.o.ready),
        ]
        m.d.sync += [given.eq(given + enters), taken.eq(taken + leaves)]
        with m.If(dut.i.ready):
            m.d.sync += flight.eq((flight << 1) | (self.valid & self.last))
        assert len(self.stages) == self.config.latency - 1
        for at, flags in enumerate(self.stages):
            held = flags[0] if len(flags) == 1 else flags[0] & flags[1]
            m.d.comb += Assert(held == flight[at])
        m.d.comb += [
            Assert(dut.o.valid == flight[-1]),
            Assert((given - taken)[:COUNT] == sum(flight[at] for at in range(len(flight)))),
            Assert(dut.i.ready == (~dut.o.valid | dut.o.ready)),  # it waits for nobody else
        ]

    def _waits(self, m: Module, dut: Any) -> None:
        waited, before = Signal(), Signal.like(Value.cast(dut.o.payload))
        m.d.sync += [waited.eq(dut.o.valid & ~dut.o.ready), before.eq(dut.o.payload)]
        m.d.comb += Assert(~waited | (dut.o.valid & (Value.cast(dut.o.payload) == before)))


UNITS = {
    "shortest": MacConfig(modes=("int2",), length=4, pipeline=0),
    "longest": MacConfig(
        modes=("int2", "fp4"), length=4, pipeline=3, accumulator="bounded", alignment=12, step=4
    ),
    "segments": MacConfig(modes=("int4",), length=16, pipeline=1, segment=8),
    "lanes, banks": MacConfig(modes=("posit4",), length=2, pipeline=2, reduce=False, bank=2),
}


@pytest.mark.parametrize("name", UNITS)
def test_every_dot_product_gives_one_result_for_ever(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = Control(UNITS[name], monkeypatch)
    prove(contract, contract.ports, tmp_path, depth=2)


class Sums(Elaboratable):
    """Adds up integers beside a unit; each result must be what went in, whatever waited.

    Two formats, whose mode stays within a dot product as the unit asks for; in an exact unit of
    the fewest registers, so that a bounded proof sees many dot products. One lane only: solvers
    are bad at sums of products in another order.
    """

    config = MacConfig(modes=("int2", "int3"), length=16, pipeline=0, outputs=("int8",))

    def __init__(self) -> None:
        self.valid, self.last, self.ready, self.mode = (Signal() for _ in range(4))
        self.a, self.b = Signal(16), Signal(16)

    @property
    def ports(self) -> list[Signal]:
        return [self.valid, self.last, self.ready, self.mode, self.a, self.b]

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.dut = dut = self.config.create()
        m.d.comb += [
            dut.i.valid.eq(self.valid),
            dut.i.payload.last.eq(self.last),
            dut.i.payload.data.a.eq(self.a),
            dut.i.payload.data.b.eq(self.b),
            dut.i.payload.data.mode.eq(self.mode),
            dut.o.ready.eq(self.ready),
        ]
        wide = 10
        total, after, inside, before = (Signal(wide) for _ in range(4))
        mode, within = Signal(), Signal()
        count = Signal(4)
        m.d.comb += after.eq(total + self._products())
        with m.If(self.valid & dut.i.ready):
            m.d.sync += [
                total.eq(Mux(self.last, 0, after)),
                within.eq(~self.last),
                mode.eq(self.mode),
                count.eq(Mux(self.last, 0, count + 1)),
            ]
        m.d.comb += [
            Assume(~within | (self.mode == mode)),
            Assume((count < self.config.length // 4 - 1) | self.last),
            Assume((self.a[4:] == 0) & (self.b[4:] == 0)),
        ]
        with m.If(dut.i.ready):  # as many cycles later as its result
            m.d.sync += [inside.eq(after), before.eq(inside)]
        number = before.as_signed()
        held = Mux(number > 127, 127, Mux(number < -128, -128, number))[:8]
        m.d.comb += Assert(~dut.o.valid | (Value.cast(dut.o.payload) == held))
        return m

    def _products(self) -> Any:
        short, wide = (self.a[:bits].as_signed() * self.b[:bits].as_signed() for bits in (2, 3))
        return Mux(self.mode, wide, short)


def test_results_are_the_sums_of_what_went_in(tmp_path: Path) -> None:
    contract = Sums()
    assert contract.config.latency == 2
    prove(contract, contract.ports, tmp_path, depth=4, mode="bmc")
