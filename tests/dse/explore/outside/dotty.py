"""A block from outside the repository: a dot-product engine with a choice of lanes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.contracts import CycleCount, OperatorKind, SearchSpace, power_of_two


@dataclass(frozen=True, slots=True, kw_only=True)
class DotJob:
    """`results` dot products of `length` elements each."""

    results: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DottyConfig:
    """Multiplies `lanes` pairs of bytes per cycle and adds them up."""

    lanes: int = 4

    @classmethod
    def space(cls) -> SearchSpace:
        return SearchSpace(cls, {"lanes": power_of_two(1, 8)})

    def predict(self, family: str) -> dict[str, float]:
        return {"lut": 150.0 * self.lanes, "area_um2": 4e3 * self.lanes + 4e3, "clock_mhz": 100.0}

    def create(self) -> wiring.Component:
        return Dotty(self.lanes)

    def jobs(self, op):
        if op.kind is not OperatorKind.GEMM:
            return None
        return (DotJob(results=op.m * op.n, length=op.k),)

    def golden(self, job, state):
        return np.asarray(state["a"]) @ np.asarray(state["b"])

    def cycles(self, job, memory=None, stalls=None) -> CycleCount:
        return CycleCount(compute=job.results * -(-job.length // self.lanes), fill=1)


class Dotty(wiring.Component):
    """Takes `lanes` pairs and a `last` flag per beat; gives the sum after the last."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        pairs = data.ArrayLayout(data.StructLayout({"a": signed(8), "b": signed(8)}), lanes)
        beat = data.StructLayout({"data": pairs, "last": 1})
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(signed(32)))})

    def elaborate(self, platform) -> Module:
        m = Module()
        total = Signal(signed(32))
        products = [self.i.p.data[lane].a * self.i.p.data[lane].b for lane in range(self.lanes)]
        step = self.i.valid & self.i.ready
        added = Signal(signed(32))
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            added.eq(total + sum(products[1:], products[0])),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(step):
            m.d.sync += total.eq(Mux(self.i.p.last, 0, added))
            with m.If(self.i.p.last):
                m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(added)]
        return m
