"""Weight-stationary array: processing elements by position, rows, and skewed operands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .pe import PeShape, WsPe, column_bits
from .skew import chain, lanes_of, skewed

__all__ = ["WsArray", "WsRow"]

_NARROW = 4  # the upper rows of a column, one in so many, add few products and are narrower


class WsRow(wiring.Component):
    """A row of weight-stationary elements; what the columns share lies in buses, column 0 lowest.

    `position` tells classes apart: ``_top``, ``_narrow``, none, ``_bottom``, ``_top_bottom``.

    Members
    -------
    a, swap : In
        Operand, and taking over of the next weights; passed on to the right.
    b, b_valid, b_out, b_valid_out : In, Out
        Weights passed down; the bottom row has no outputs.
    sum_in, sum : In, Out
        Partial sums passed down; the top row has no ``sum_in``, and its sums are a product wide.
    """

    def __init__(self, cols: int, shape: PeShape, *, position: str = "") -> None:
        self._cols, self._shape, self._position = cols, shape, position
        self._top, self._bottom = "_top" in position, "_bottom" in position
        top, bottom = self._top, self._bottom
        operands, results = unsigned(cols * shape.operand_bits), unsigned(cols * shape.accum_bits)
        products = unsigned(cols * 2 * shape.operand_bits)
        ports: dict[str, Any] = {"a": In(signed(shape.operand_bits)), "swap": In(1)}
        ports |= {
            "b": In(operands),
            "b_valid": In(unsigned(cols)),
            "sum": Out(products if top else results),
        }
        if not top:
            ports["sum_in"] = In(results)
        if not bottom:
            ports |= {"b_out": Out(operands), "b_valid_out": Out(unsigned(cols))}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        late = self._shape.registered
        a = chain(m, self.a, self._cols + late, "a", reset_less=True)[late:]
        swap = chain(m, self.swap, self._cols + late, "swap")[late:]
        row = []
        for c, b in enumerate(lanes_of(self.b, self._shape.operand_bits)):
            pe = WsPe(self._shape, top=self._top, bottom=self._bottom)
            pe = shared(m, platform, "pe" + self._position, pe, instance=f"pe_{c}")
            m.d.comb += [pe.a_in.eq(a[c]), pe.swap_in.eq(swap[c])]
            m.d.comb += [pe.b_in.eq(b), pe.b_valid_in.eq(self.b_valid[c])]
            row.append(pe)
        m.d.comb += self.sum.eq(Cat(pe.sum_out for pe in row))
        if not self._bottom:
            m.d.comb += self.b_out.eq(Cat(pe.b_out for pe in row))
            m.d.comb += self.b_valid_out.eq(Cat(pe.b_valid_out for pe in row))
        if not self._top:
            above = lanes_of(self.sum_in, self._shape.accum_bits)
            m.d.comb += [pe.sum_in.eq(value) for pe, value in zip(row, above, strict=True)]
        return m


def _widened(sums: Value, lanes: int, bits: int) -> Value:
    """Return signed lanes extended to `bits` each."""
    narrow = lanes_of(sums, len(sums) // lanes)
    return Cat(Cat(lane, lane[-1].replicate(bits - len(lane))) for lane in narrow)


class WsArray(wiring.Component):
    """Weight-stationary array: a word of A in, its partial sums of all columns out.

    The weights given in cycle t, up to one word per row, are kept until a `swap` given in cycle
    ``t + 1`` or later, and the first word of the following tile may be given with that `swap`.
    The sum of the word of A given in cycle t is in lane c of `sum` in cycle
    ``t + 1 + rows + pipeline + c``. A word of each per cycle; no stalls.

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
    swap : In(1)
        This word of A, and those after it, use the weights given since the last `swap`.
    b : In(cols * operand_bits)
        Weights of one row, the first row first; rows without keep what they had.
    b_valid : In(1)
        There are weights in this cycle.
    sum : Out(cols * accum_bits)
        Each column's partial sum.
    """

    def __init__(self, rows: int, cols: int, shape: PeShape) -> None:
        self._rows, self._cols, self._shape = rows, cols, shape
        super().__init__(
            {
                "a": In(unsigned(rows * shape.operand_bits)),
                "swap": In(1),
                "b": In(unsigned(cols * shape.operand_bits)),
                "b_valid": In(1),
                "sum": Out(unsigned(cols * shape.accum_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self._shape.operand_bits
        late_a = Signal.like(self.a, reset_less=True)  # so that `swap` is a cycle ahead of it
        m.d.sync += late_a.eq(self.a)
        weights, valid = self._weights(m)
        a = skewed(m, platform, late_a, bits)
        b = Cat(skewed(m, platform, weights, bits))
        b_valid = Cat(chain(m, valid, self._cols, "b_valid"))
        swap = chain(m, self.swap, self._rows, "swap")
        above: Any = None
        sums: Any = None
        for r in range(self._rows):
            top, bottom, narrow = r == 0, r == self._rows - 1, 0 < r < self._rows // _NARROW
            shape = self._narrow if narrow else self._shape
            position = "_top" * top + "_narrow" * narrow + "_bottom" * bottom
            row = WsRow(self._cols, shape, position=position)
            row = shared(m, platform, "row" + position, row, instance=f"row_{r}")
            m.d.comb += [row.a.eq(a[r]), row.swap.eq(swap[r])]
            m.d.comb += row.b.eq(b if top else above.b_out)
            m.d.comb += row.b_valid.eq(b_valid if top else above.b_valid_out)
            if not top:
                m.d.comb += row.sum_in.eq(_widened(sums, self._cols, shape.accum_bits))
            above, sums = row, row.sum
        m.d.comb += self.sum.eq(_widened(sums, self._cols, self._shape.accum_bits))
        return m

    @property
    def _narrow(self) -> PeShape:
        """Return the shape of the upper rows, which add few products."""
        bits = column_bits(self._rows // _NARROW, self._shape.operand_bits)
        return replace(self._shape, accum_bits=min(bits, self._shape.accum_bits))

    def _weights(self, m: Module) -> tuple[Any, Any]:
        """Return weights and their validity, late by as much as elements register `swap`."""
        if self._shape.pipeline < 2:
            return self.b, self.b_valid
        late, valid = Signal.like(self.b, name="late_b", reset_less=True), Signal(name="late_valid")
        m.d.sync += [late.eq(self.b), valid.eq(self.b_valid)]
        return late, valid
