"""Checksums on the output-stationary array: algorithm-based fault tolerance.

K.-H. Huang, J. A. Abraham, "Algorithm-Based Fault Tolerance for Matrix Operations", IEEE
Transactions on Computers C-33 (6), 1984. In a row of results, ``sum_c C[r, c]`` is the product of
row r of A with the sum of B's columns: an element left of column 0 computes it. So does a row above
row 0 for the columns, with the sum of A's rows. Both sides wrap alike, so that they are equal
exactly, and an error in a single result, whatever it is, makes them differ.

Sums of operands are computed where operands are taken in, and kept with them: what happens to B
anywhere behind that, in its buffer, on its way or in the array, makes some row differ from its sum.
The sum of a row of results goes through the result buffer and is compared at the output. A is an
operand of both sides. With ``"row"``, what enters the array is therefore compared with the sum of A
once; an error later, inside the array, changes the results of several columns, and is missed if
these changes happen to add up to zero.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .pe import OsPe, PeShape
from .skew import chain, lanes_of

__all__ = [
    "SumRow",
    "columns_differ",
    "lane_sum",
    "operands_differ",
    "row_differs",
    "row_latency",
    "sum_bits",
]

_ADDED = 3  # numbers that are added in one cycle


def sum_bits(lanes: int, operand_bits: int) -> int:
    """Return the width that holds the sum of `lanes` operands."""
    return operand_bits + (lanes - 1).bit_length()


def lane_sum(bus: Any, bits: int) -> Any:
    """Return the sum of the signed lanes of a bus, from a tree of adders."""
    parts = lanes_of(bus, bits)
    while len(parts) > 1:
        pairs = [parts[at] + parts[at + 1] for at in range(0, len(parts) - 1, 2)]
        parts = pairs + parts[2 * len(pairs) :]
    return parts[0]


class SumRow(wiring.Component):
    """A row above row 0, whose A is the sum of the rows' A, and which takes their B as row 0 does.

    Members
    -------
    a, last : In
        Sum of operands, and end of tile.
    b : In(cols * operand_bits)
        Operands of row 0.
    drain : Out(cols * accum_bits)
        Sums of the columns' results, each there until the next.
    """

    def __init__(self, rows: int, cols: int, shape: PeShape) -> None:
        self._bits, self._cols, self._shape = sum_bits(rows, shape.operand_bits), cols, shape
        super().__init__(
            {
                "a": In(signed(self._bits)),
                "last": In(1),
                "b": In(unsigned(cols * shape.operand_bits)),
                "drain": Out(unsigned(cols * shape.accum_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        late = self._shape.registered
        a = chain(m, self.a, self._cols + late, "a", reset_less=True)[late:]
        stages = self._shape.pipeline
        last = chain(m, self.last, self._cols + stages, "last", init=1)[stages:]
        sums = []
        for c, b in enumerate(lanes_of(self.b, self._shape.operand_bits)):
            pe = OsPe(self._shape, bottom=True, a_bits=self._bits)
            pe = shared(m, platform, "pe_column", pe, instance=f"pe_{c}")
            m.d.comb += [pe.a_in.eq(a[c]), pe.last_in.eq(last[c]), pe.b_in.eq(b)]
            sums.append(pe.drain_out)
        m.d.comb += self.drain.eq(Cat(sums))
        return m


def operands_differ(m: Module, lanes: list[Any], total: Any) -> Signal:
    """Return whether operands, lane r of which comes r cycles late, did not add up to `total`.

    It is known ``len(lanes)`` cycles after `total`.
    """
    left: Any = total
    for number, lane in enumerate(lanes):
        later = Signal(signed(len(total)), name=f"unpaid{number}", reset_less=True)
        m.d.sync += later.eq(left - lane)
        left = later
    differs = Signal(name="a_differs_now")
    m.d.comb += differs.eq(left != 0)
    return differs


def row_latency(cols: int) -> int:
    """Return the cycles from a beat's first offer to what `row_differs` says of it."""
    levels = 0
    while cols > 1:
        cols, levels = -(-cols // _ADDED), levels + 1
    return levels + 1


def row_differs(m: Module, o: Any, total: Any) -> Signal:
    """Return whether a beat does not add up to `total`, `row_latency` cycles after its offer."""
    bits = len(total)
    lanes: list[Any] = [o.payload.data[at] for at in range(len(o.payload.keep))]
    lanes, offered, level = [lanes[0] - total, *lanes[1:]], o.valid, 0
    while len(lanes) > 1:
        groups = [lanes[at : at + _ADDED] for at in range(0, len(lanes), _ADDED)]
        sums = (sum(group[1:], start=group[0]) for group in groups)
        lanes = [_registered(m, value, bits, f"part{level}_{at}") for at, value in enumerate(sums)]
        offered = _registered(m, offered, 1, f"offered{level}")
        level += 1
    return _registered(m, offered & (lanes[0] != 0), 1, "row_differs_now")


def _registered(m: Module, value: Any, bits: int, name: str) -> Signal:
    later = Signal(bits, name=name, reset_less=bits > 1)
    m.d.sync += later.eq(value)
    return later


def columns_differ(m: Module, drain: Any, sums: Any, writes: list[Any], finals: list[Any]) -> Any:
    """Return which columns' results do not add up to their sums.

    Of each column, given when a row of it is there, and when that is a tile's last. It is known two
    cycles after the last one; the next tile's first comes in the second of them at the earliest.
    """
    found = []
    bits = len(drain) // len(writes)
    for c, (write, final) in enumerate(zip(writes, finals, strict=True)):
        so_far, differs = Signal(bits, name=f"so_far{c}"), Signal(name=f"column{c}_differs")
        ended = _registered(m, write & final, 1, f"ended{c}")
        with m.If(write):
            m.d.sync += so_far.eq(so_far + drain.word_select(c, bits))
        with m.Elif(ended):
            m.d.sync += so_far.eq(0)
        m.d.sync += differs.eq(ended & (so_far != sums.word_select(c, bits)))
        found.append(differs)
    return Cat(found)
