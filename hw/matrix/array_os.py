"""Output-stationary array: processing elements by position, rows, and skewed operands."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .checksum import SumRow, operands_differ, sum_bits
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
    sum_b, sum_b_out, sum_drain_in, sum_drain
        With `checked`: the same of a further element left of column 0, whose B is the sum of the
        columns' B, and whose result must be the sum of their results.
    """

    def __init__(self, cols: int, shape: PeShape, *, bottom: bool, checked: bool = False) -> None:
        self._cols, self._shape, self._bottom, self._checked = cols, shape, bottom, checked
        operands, results = unsigned(cols * shape.operand_bits), unsigned(cols * shape.accum_bits)
        ports: dict[str, Any] = {"a": In(signed(shape.operand_bits)), "last": In(1)}
        ports |= {"b": In(operands), "drain": Out(results)}
        if not bottom:
            ports |= {"b_out": Out(operands), "drain_in": In(results)}
        if checked:
            total, result = signed(sum_bits(cols, shape.operand_bits)), signed(shape.accum_bits)
            ports |= {"sum_b": In(total), "sum_drain": Out(result)}
            if not bottom:
                ports |= {"sum_b_out": Out(total), "sum_drain_in": In(result)}
        super().__init__(ports)

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
        if self._checked:
            self._check(m, platform, a[0], last[0])
        m.d.comb += self.drain.eq(Cat(pe.drain_out for pe in row))
        if not self._bottom:
            m.d.comb += self.b_out.eq(Cat(pe.b_out for pe in row))
            below = lanes_of(self.drain_in, self._shape.accum_bits)
            m.d.comb += [pe.drain_in.eq(value) for pe, value in zip(row, below, strict=True)]
        return m

    def _check(self, m: Module, platform: Any, a: Any, last: Any) -> None:
        """Add the element of sums, which takes A and `last` before anything of this row does."""
        bits = sum_bits(self._cols, self._shape.operand_bits)
        pe = OsPe(self._shape, bottom=self._bottom, b_bits=bits)
        pe = shared(m, platform, "pe_sum" + "_bottom" * self._bottom, pe, instance="pe_sum")
        m.d.comb += [pe.a_in.eq(a), pe.last_in.eq(last), pe.b_in.eq(self.sum_b)]
        m.d.comb += self.sum_drain.eq(pe.drain_out)
        if not self._bottom:
            m.d.comb += [self.sum_b_out.eq(pe.b_out), pe.drain_in.eq(self.sum_drain_in)]


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
    checksum : str
        As in `MatrixConfig`.

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
    a_sum, b_sum : In
        With a checksum: sums of the operands of all rows, and of all columns.
    sum_drain : Out(accum_bits)
        With a checksum: what the sum of a row's results must be, beside column 0.
    a_differs : Out(1)
        With ``"row"``: the operands that entered the array do not add up to `a_sum`.
    column_sums : Out(cols * accum_bits)
        With ``"full"``: what the sum of each column's results must be, with the first of them.
    """

    def __init__(self, rows: int, cols: int, shape: PeShape, *, checksum: str = "none") -> None:
        self._rows, self._cols, self._shape, self._checksum = rows, cols, shape, checksum
        ports: dict[str, Any] = {
            "a": In(unsigned(rows * shape.operand_bits)),
            "b": In(unsigned(cols * shape.operand_bits)),
            "last": In(1),
            "drain": Out(unsigned(cols * shape.accum_bits)),
        }
        if checksum != "none":
            ports |= {
                "a_sum": In(signed(sum_bits(rows, shape.operand_bits))),
                "b_sum": In(signed(sum_bits(cols, shape.operand_bits))),
                "sum_drain": Out(signed(shape.accum_bits)),
            }
        if checksum == "row":
            ports["a_differs"] = Out(1)
        if checksum == "full":
            ports["column_sums"] = Out(unsigned(cols * shape.accum_bits))
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self._shape.operand_bits
        a = skewed(m, platform, self.a, bits)
        b = Cat(skewed(m, platform, self.b, bits))
        last, above = chain(m, self.last, self._rows, "last", init=1), None
        for r in range(self._rows):
            bottom = r == self._rows - 1
            row = OsRow(self._cols, self._shape, bottom=bottom, checked=self._checked)
            row = shared(m, platform, "row" + "_bottom" * bottom, row, instance=f"row_{r}")
            m.d.comb += [
                row.a.eq(a[r]),
                row.last.eq(last[r]),
                row.b.eq(above.b_out if above else b),
            ]
            m.d.comb += above.drain_in.eq(row.drain) if above else self.drain.eq(row.drain)
            if self._checked:
                m.d.comb += row.sum_b.eq(above.sum_b_out if above else self.b_sum)
                up = above.sum_drain_in if above else self.sum_drain
                m.d.comb += up.eq(row.sum_drain)
            above = row
        if self._checksum == "row":
            m.d.comb += self.a_differs.eq(operands_differ(m, a, self.a_sum))
        if self._checksum == "full":
            top = SumRow(self._rows, self._cols, self._shape)
            top = shared(m, platform, "row_sum", top, instance="row_sum")
            m.d.comb += [top.a.eq(self.a_sum), top.last.eq(last[0]), top.b.eq(b)]
            m.d.comb += self.column_sums.eq(top.drain)
        return m

    @property
    def _checked(self) -> bool:
        return self._checksum != "none"
