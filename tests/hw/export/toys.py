"""Small components that the export tests share."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared


class Pe(wiring.Component):
    """Multiplies, accumulates and hands its operands on."""

    def __init__(self, bits: int, *, right: bool = False) -> None:
        self.bits, self.right = bits, right
        members = {"a": In(signed(bits)), "b": In(signed(bits)), "first": In(1)}
        members |= {"z": Out(signed(3 * bits)), "b_out": Out(signed(bits))}
        super().__init__(members if right else members | {"a_out": Out(signed(bits))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.sync += self.z.eq(Mux(self.first, 0, self.z) + self.a * self.b)
        m.d.sync += self.b_out.eq(self.b)
        if not self.right:
            m.d.sync += self.a_out.eq(self.a)
        return m


class Row(wiring.Component):
    """A row of PEs, the last of its own class: nobody reads its ``a_out``."""

    def __init__(self, cols: int, bits: int) -> None:
        self.cols, self.bits = cols, bits
        lanes = data.ArrayLayout(signed(bits), cols)
        super().__init__(
            {
                "a": In(signed(bits)),
                "b": In(lanes),
                "first": In(1),
                "b_out": Out(lanes),
                "z": Out(data.ArrayLayout(signed(3 * bits), cols)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        a = self.a
        for col in range(self.cols):
            right = col == self.cols - 1
            name = "pe_right" if right else "pe"
            pe = shared(m, platform, name, Pe(self.bits, right=right))
            m.d.comb += [pe.a.eq(a), pe.b.eq(self.b[col]), pe.first.eq(self.first)]
            m.d.comb += [self.b_out[col].eq(pe.b_out), self.z[col].eq(pe.z)]
            a = a if right else pe.a_out
        return m


class Array(wiring.Component):
    """Rows below each other, in streams; the sums of the last row leave."""

    def __init__(self, rows: int, cols: int, bits: int = 3) -> None:
        self.rows, self.cols, self.bits = rows, cols, bits
        operands = data.StructLayout(
            {
                "a": data.ArrayLayout(signed(bits), rows),
                "b": data.ArrayLayout(signed(bits), cols),
                "first": 1,
            }
        )
        sums = data.StructLayout(
            {"data": data.ArrayLayout(signed(3 * bits), cols), "keep": cols, "last": 1}
        )
        super().__init__({"i": In(stream.Signature(operands)), "o": Out(stream.Signature(sums))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        b = self.i.p.b
        for number in range(self.rows):
            row = shared(m, platform, "row", Row(self.cols, self.bits))
            m.d.comb += [row.a.eq(self.i.p.a[number]), row.b.eq(b)]
            m.d.comb += row.first.eq(self.i.p.first & self.i.valid)
            b = row.b_out
        m.d.comb += [self.o.p.data.eq(row.z), self.o.p.keep.eq(-1), self.o.p.last.eq(1)]
        m.d.comb += [self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready)]
        return m


class Zoo(wiring.Component):
    """One of each operator, statement and memory that the export can write."""

    def __init__(self) -> None:
        super().__init__(
            {
                "a": In(signed(4)),
                "b": In(unsigned(5)),
                "n": In(2),
                "results": Out(data.StructLayout(self._fields())),
                "state": Out(4),
            }
        )

    def _fields(self) -> dict[str, Shape]:
        widths = {"sum": 3, "less": 1, "shift": 6, "pick": 1, "word": 2, "fsm": 1, "read": 4}
        return {name: unsigned(width) for name, width in widths.items()} | {"divide": unsigned(10)}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        a, b, n, results = self.a, self.b, self.n, self.results
        m.d.comb += [
            results.sum.eq((a + b) - (a * b) + (-a ^ ~b) + (b & n) - (a | 3)),
            results.less.eq((a < b) ^ (a >= -2) ^ (b != 7) ^ a.any() ^ b.all() ^ b.xor()),
            results.shift.eq((a >> n) + (b << n) + (b >> n) + (a << 1)),
            results.pick.eq(b.bit_select(n, 1) ^ Cat(b, a).bit_select(b[:4], 1)),
            results.word.eq(Cat(a, b).word_select(n, 2)),
            results.divide.eq(Cat(b // n, b % n)),
        ]
        self._statements(m)
        self._memory(m)
        return m

    def _statements(self, m: Module) -> None:
        count, parts = Signal(4, init=5), Signal(data.StructLayout({"x": 2, "dead": 3, "y": 2}))
        with m.If(self.a > 2):  # noqa: SIM117 - nesting is the point
            with m.If(self.n[0]):
                m.d.sync += count.eq(count + 1)
        with m.Elif(self.b == 3):
            m.d.sync += count[1:3].eq(self.n)
        with m.Switch(count):
            with m.Case(0, 9):
                m.d.sync += count.eq(self.a)
            with m.Case("11--"):
                m.d.sync += parts.eq(self.b)
            with m.Default():
                m.d.sync += parts.y.eq(self.n)
        with m.FSM() as fsm:
            with m.State("rest"), m.If(self.n == 2):
                m.next = "work"
            with m.State("work"):
                m.next = "rest"
        m.d.comb += self.results.fsm.eq(fsm.ongoing("work"))
        m.d.comb += self.state.eq(Mux(self.n[1], count, parts.x + parts.y))

    def _memory(self, m: Module) -> None:
        m.submodules.store = store = memory.Memory(shape=4, depth=3, init=[1, 2, 3])
        write, read = store.write_port(granularity=2), store.read_port(transparent_for=())
        m.d.comb += [write.addr.eq(self.n), write.data.eq(self.a), write.en.eq(self.b[:2])]
        m.d.comb += [
            read.addr.eq(self.b[2:4]),
            read.en.eq(self.b[4]),
            self.results.read.eq(read.data),
        ]
