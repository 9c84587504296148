"""Output-stationary array of multiply-accumulate units that take several number formats."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared
from hw.mac import MacConfig
from hw.mac.finish import Finish
from hw.mac.operand import Operand, operand_latency, operand_layout
from hw.mac.pe import MacPe, control_layout, pe_latency, sum_layout

from .skew import chain, lanes_of, skewed

__all__ = ["MacArray", "MacRow"]


class MacRow(wiring.Component):
    """A row of elements; what the columns share lies in buses, column 0 lowest.

    Members
    -------
    a, control : In
        Decoded operand and what it is, passed on to the right.
    b, b_out : In, Out
        Decoded operands passed down; the bottom row has no ``b_out``.
    drain_in, drain : In, Out
        Sums passed up; the bottom row has no ``drain_in``.
    """

    def __init__(self, cols: int, mac: MacConfig, *, bottom: bool) -> None:
        self._cols, self._mac, self._bottom = cols, mac, bottom
        operands = unsigned(cols * operand_layout(mac.plan).size)
        sums = unsigned(cols * sum_layout(mac.plan).size)
        ports: dict[str, Any] = {"a": In(operand_layout(mac.plan))}
        ports |= {"control": In(control_layout(mac.plan)), "b": In(operands), "drain": Out(sums)}
        super().__init__(
            ports if bottom else ports | {"b_out": Out(operands), "drain_in": In(sums)}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        a = chain(m, self.a, self._cols, "a", reset_less=True)
        control = chain(m, self.control, self._cols, "control")
        row = []
        for c in range(self._cols):
            pe = MacPe(self._mac, bottom=self._bottom)
            name = "pe" + "_bottom" * self._bottom
            pe = shared(m, platform, name, pe, instance=f"pe_{c}", key=self._mac)
            m.d.comb += [pe.a.eq(a[c]), pe.control.eq(control[c]), _lane(pe.b, self.b, c)]
            if not self._bottom:
                m.d.comb += _lane(pe.drain_in, self.drain_in, c)
            row.append(pe)
        m.d.comb += self.drain.eq(Cat(pe.drain_out for pe in row))
        if not self._bottom:
            m.d.comb += self.b_out.eq(Cat(pe.b_out for pe in row))
        return m


def _lane(port: Any, bus: Any, index: int) -> Any:
    """Return the statement that drives a port from its lane of a bus."""
    port = Value.cast(port)
    return port.eq(bus.word_select(index, len(port)))


class MacArray(wiring.Component):
    """Output-stationary array: operands of any mode in, rounded results of all columns out.

    Operands are decoded once for each row and column, at the edges, and sums are rounded once for
    each column, at the top. An operand pair given in cycle t is in element (r, c) in cycle
    ``t + r + c`` and some; with ``last`` given in cycle t, row r's result of column c is in lane c
    of `drain` in cycle ``t + 1 + stages + c + 2 * r``, where `stages` is
    `hw.matrix.MatrixConfig.stages`. Tiles may end every ``2 * rows`` cycles, counting only the
    rows that are wanted; the mode may change with every tile. No stalls.

    Parameters
    ----------
    rows, cols : int
        Size.
    mac : MacConfig
        Formats, accumulator and pipeline; one format of results.

    Members
    -------
    a : In(rows * 16)
        Operands of all rows.
    b : In(cols * 16)
        Operands of all columns.
    control : In(control_layout)
        Whether there are operands, whether they end a tile, and their mode.
    drain : Out(cols * bits)
        Each column's results, one every second cycle.
    """

    def __init__(self, rows: int, cols: int, mac: MacConfig) -> None:
        self._rows, self._cols, self._mac = rows, cols, mac
        port = mac.plan.port_bits
        super().__init__(
            {
                "a": In(unsigned(rows * port)),
                "b": In(unsigned(cols * port)),
                "control": In(control_layout(mac.plan)),
                "drain": Out(unsigned(cols * mac.output_formats[0].bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        plan = self._mac.plan
        longest = max(self._rows, self._cols)
        control = chain(m, self.control, longest, "control")
        a = self._decoded(m, platform, self.a, control[: self._rows], "a")
        b = Cat(self._decoded(m, platform, self.b, control[: self._cols], "b"))
        above: Any = None
        for r in range(self._rows):
            bottom = r == self._rows - 1
            row = MacRow(self._cols, self._mac, bottom=bottom)
            name = "row" + "_bottom" * bottom
            row = shared(m, platform, name, row, instance=f"row_{r}", key=(self._cols, self._mac))
            late = chain(m, control[r], operand_latency(plan) + 1, f"decoded_{r}_")[-1]
            m.d.comb += [
                row.a.eq(a[r]),
                row.control.eq(late),
                row.b.eq(above.b_out if above is not None else b),
            ]
            if above is None:
                self._finish(m, platform, row.drain, late)
            else:
                m.d.comb += above.drain_in.eq(row.drain)
            above = row
        return m

    def _decoded(
        self, m: Module, platform: Any, bus: Any, control: list[Any], side: str
    ) -> list[Any]:
        """Return the operands of all lanes, lane i delayed by i and decoded."""
        found = []
        for index, code in enumerate(skewed(m, platform, bus, self._mac.plan.port_bits)):
            operand = Operand(self._mac)
            instance = f"operand_{side}_{index}"
            operand = shared(m, platform, "operand", operand, instance=instance, key=self._mac)
            m.d.comb += operand.code.eq(code)
            if "mode" in dict(control[index].shape()):
                m.d.comb += operand.mode.eq(control[index].mode)
            found.append(operand.o)
        return found

    def _finish(self, m: Module, platform: Any, drain: Any, control: Any) -> None:
        """Round the sums that come out of the top row; `control` is that of its first element."""
        plan = self._mac.plan
        mode = self._mode_of_drain(m, control)
        sums = sum_layout(plan)
        for c, bits in enumerate(lanes_of(drain, sums.size)):
            found = data.View(sums, bits.as_unsigned())
            finish = Finish(self._mac)
            finish = shared(m, platform, "finish", finish, instance=f"finish_{c}", key=self._mac)
            m.d.comb += finish.advance.eq(1)
            m.d.comb += [getattr(finish, name).eq(found[name]) for name, _ in sums]
            if mode is not None:
                m.d.comb += finish.mode.eq(mode[c])
            code = Signal(len(finish.code), name=f"code_{c}", reset_less=True)
            m.d.sync += code.eq(finish.code)
            m.d.comb += self.drain.word_select(c, len(code)).eq(code)

    def _mode_of_drain(self, m: Module, control: Any) -> list[Any] | None:
        """Return the mode of what each column drains: that of the tile which ended last."""
        if "mode" not in dict(control.shape()):
            return None
        late = chain(m, control, pe_latency(self._mac.plan) + 2, "drained")[-1]
        held = Signal(len(control.mode), name="held_mode", reset_less=True)
        mode = Signal.like(held, name="mode")
        ends = late.valid & late.last
        m.d.comb += mode.eq(held)
        with m.If(ends):
            m.d.comb += mode.eq(late.mode)
        m.d.sync += held.eq(mode)
        return chain(m, mode, self._cols, "drained_mode", reset_less=True)
