"""The systolic array: processing elements by position and the registers that skew its operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Module, Shape, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .pe import OsPe, PeShape

__all__ = ["Delay", "OsArray", "skewed"]


class Delay(wiring.Component):
    """Delays a value by `length` cycles, without reset.

    Members
    -------
    i : In(shape)
        Value.
    o : Out(shape)
        The value of `length` cycles ago.
    """

    def __init__(self, shape: Any, length: int) -> None:
        self._length = length
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        value: Any = self.i
        for index in range(self._length):
            later = Signal.like(self.i, name=f"stage{index}", reset_less=True)
            m.d.sync += later.eq(value)
            value = later
        m.d.comb += self.o.eq(value)
        return m


def skewed(m: Module, platform: Any, lanes: list[Any], shape: Shape) -> list[Any]:
    """Return lane r delayed by r cycles, from shared delays of 1, 2, 4, ... cycles."""
    result = []
    for index, lane in enumerate(lanes):
        for bit in range(index.bit_length()):
            if index >> bit & 1:
                delay = shared(m, platform, f"delay{1 << bit}", Delay(shape, 1 << bit))
                m.d.comb += delay.i.eq(lane)
                lane = delay.o
        result.append(lane)
    return result


class OsArray(wiring.Component):
    """Output-stationary array: operands in, drained results of all columns out.

    An operand pair given in cycle t is multiplied in element (r, c) in cycle ``t + r + c``, plus
    `pipeline` for the sum. With `last` given in cycle t, row r's result of column c is at
    ``drain[c]`` in cycle ``t + 1 + pipeline + c + 2 * r``. Tiles may end every ``2 * rows`` cycles,
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
    drain{c} : Out(signed(accum_bits))
        Column c's chain of results.
    """

    def __init__(self, rows: int, cols: int, shape: PeShape) -> None:
        self._rows, self._cols, self._shape = rows, cols, shape
        ports: dict[str, Any] = {
            "a": In(unsigned(rows * shape.operand_bits)),
            "b": In(unsigned(cols * shape.operand_bits)),
            "last": In(1),
        }
        drains = {f"drain{c}": Out(signed(shape.accum_bits)) for c in range(cols)}
        super().__init__(ports | drains)

    def drain(self, col: int) -> Any:
        """Return column `col`'s chain of results."""
        return getattr(self, f"drain{col}")

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = self._shape.operand_bits
        lanes_a = [self.a.word_select(r, bits).as_signed() for r in range(self._rows)]
        lanes_b = [self.b.word_select(c, bits).as_signed() for c in range(self._cols)]
        a = skewed(m, platform, lanes_a, signed(bits))
        b = skewed(m, platform, lanes_b, signed(bits))
        last = self._last(m)
        grid = grid_of(m, platform, self._rows, self._cols, self._element)
        for r, row in enumerate(grid):
            for c, pe in enumerate(row):
                left, above = row[c - 1] if c else None, grid[r - 1][c] if r else None
                m.d.comb += [
                    pe.a_in.eq(left.a_out if left else a[r]),
                    pe.last_in.eq(left.last_out if left else last[r]),
                    pe.b_in.eq(above.b_out if above else b[c]),
                ]
                if above:
                    m.d.comb += above.drain_in.eq(pe.drain_out)
        m.d.comb += [self.drain(c).eq(grid[0][c].drain_out) for c in range(self._cols)]
        return m

    def _element(self, right: bool, bottom: bool) -> OsPe:
        return OsPe(self._shape, right=right, bottom=bottom)

    def _last(self, m: Module) -> list[Any]:
        """Return `last` delayed by r for row r; set by reset to discard operands in flight."""
        chain: list[Any] = [self.last]
        for r in range(1, self._rows):
            later = Signal(name=f"last{r}", init=1)
            m.d.sync += later.eq(chain[-1])
            chain.append(later)
        return chain


def grid_of(
    m: Module, platform: Any, rows: int, cols: int, make: Callable[[bool, bool], Any]
) -> list[list[Any]]:
    """Return placed elements; `make` takes whether at the right edge and at the bottom edge."""
    grid = []
    for r in range(rows):
        row = []
        for c in range(cols):
            right, bottom = c == cols - 1, r == rows - 1
            name = "pe" + "_right" * right + "_bottom" * bottom
            pe = make(right, bottom)
            row.append(shared(m, platform, name, pe, instance=f"pe_{r}_{c}"))
        grid.append(row)
    return grid
