"""Output-stationary array: processing elements by position, rows, and skewed operands."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .pe import OsPe, PeShape
from .skew import chain, lanes_of, skewed

__all__ = ["OsArray", "OsRow"]


class OsRow(wiring.Component):
    """A row of output-stationary elements; what the columns share lies in buses, column 0 lowest.

    Members
    -------
    a, last : In
        Operand and end of tile, passed on to the right.
    b, b_out : In, Out
        Operands passed down; the bottom row has no ``b_out``.
    drain_in, drain : In, Out
        Results passed up; the bottom row has no ``drain_in``.
    """

    def __init__(self, cols: int, shape: PeShape, *, bottom: bool) -> None:
        self._cols, self._shape, self._bottom = cols, shape, bottom
        operands, results = unsigned(cols * shape.operand_bits), unsigned(cols * shape.accum_bits)
        ports: dict[str, Any] = {"a": In(signed(shape.operand_bits)), "last": In(1)}
        ports |= {"b": In(operands), "drain": Out(results)}
        super().__init__(
            ports if bottom else ports | {"b_out": Out(operands), "drain_in": In(results)}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        late = self._shape.registered
        a = chain(m, self.a, self._cols + late, "a", reset_less=True)[late:]
        stages = self._shape.pipeline
        last = chain(m, self.last, self._cols + stages, "last", init=1)[stages:]
        row = []
        for c, b in enumerate(lanes_of(self.b, self._shape.operand_bits)):
            pe = OsPe(self._shape, bottom=self._bottom)
            pe = shared(m, platform, "pe" + "_bottom" * self._bottom, pe, instance=f"pe_{c}")
            m.d.comb += [pe.a_in.eq(a[c]), pe.last_in.eq(last[c]), pe.b_in.eq(b)]
            row.append(pe)
        m.d.comb += self.drain.eq(Cat(pe.drain_out for pe in row))
        if not self._bottom:
            m.d.comb += self.b_out.eq(Cat(pe.b_out for pe in row))
            below = lanes_of(self.drain_in, self._shape.accum_bits)
            m.d.comb += [pe.drain_in.eq(value) for pe, value in zip(row, below, strict=True)]
        return m


class OsArray(wiring.Component):
    """Output-stationary array: operands in, drained results of all columns out.

    An operand pair given in cycle t is multiplied in element (r, c) in cycle ``t + r + c``, plus
    `pipeline` for the sum. With `last` given in cycle t, row r's result of column c is in lane c
    of `drain` in cycle ``t + 1 + pipeline + c + 2 * r``. Tiles may end every ``2 * rows`` cycles,
    counting only the rows that are wanted. No stalls.

    Parameters
    ----------
    rows, cols : int
        Size.
    shape : PeShape
        What the elements have in common.

    Members
    -------
    a : In(rows * operand_bits)
        Operands of all rows.
    b : In(cols * operand_bits)
        Operands of all columns.
    last : In(1)
        The operands end a tile.
    drain : Out(cols * accum_bits)
        Each column's chain of results.
    """

    def __init__(self, rows: int, cols: int, shape: PeShape) -> None:
        self._rows, self._cols, self._shape = rows, cols, shape
        super().__init__(
            {
                "a": In(unsigned(rows * shape.operand_bits)),
                "b": In(unsigned(cols * shape.operand_bits)),
                "last": In(1),
                "drain": Out(unsigned(cols * shape.accum_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self._shape.operand_bits
        a = skewed(m, platform, self.a, bits)
        b = Cat(skewed(m, platform, self.b, bits))
        last, above = chain(m, self.last, self._rows, "last", init=1), None
        for r in range(self._rows):
            bottom = r == self._rows - 1
            row = OsRow(self._cols, self._shape, bottom=bottom)
            row = shared(m, platform, "row" + "_bottom" * bottom, row, instance=f"row_{r}")
            m.d.comb += [
                row.a.eq(a[r]),
                row.last.eq(last[r]),
                row.b.eq(above.b_out if above else b),
            ]
            m.d.comb += above.drain_in.eq(row.drain) if above else self.drain.eq(row.drain)
            above = row
        return m
