"""Processing elements, one class per position so that no port is dead and no input constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .multiplier import product

__all__ = ["OsPe", "PeShape", "WsPe", "column_bits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeShape:
    """What all processing elements of an array have in common.

    `accum_bits` is the width of the sums that leave an element: output-stationary, those of a
    whole dot product; weight-stationary, those of one column, which `column_bits` holds exactly.
    """

    operand_bits: int
    accum_bits: int
    multiplier: str
    pipeline: int

    @property
    def registered(self) -> bool:
        """Whether operands are registered before they are multiplied."""
        return self.pipeline == 2


def column_bits(rows: int, operand_bits: int) -> int:
    """Return the width that holds the sum of `rows` products."""
    return 2 * operand_bits + (rows - 1).bit_length()


def _delayed(m: Module, value: Any, name: str, **kwargs: Any) -> Signal:
    later = Signal.like(value, name=name, **kwargs)
    m.d.sync += later.eq(value)
    return later


def _multiply(m: Module, shape: PeShape, a: Any, b: Any) -> Any:
    """Return the product, registered from one pipeline stage on."""
    value = product(a, b, shape.multiplier)
    if not shape.pipeline:
        return value
    result = Signal(signed(len(a) + len(b)), name="product", reset_less=True)
    m.d.sync += result.eq(value)
    return result


class OsPe(wiring.Component):
    """Output-stationary element: accumulates, and on `last` hands its sum to the drain chain.

    B passes down through a register; A and `last` pass right outside, in the row, and come when
    they are wanted: A with the operand that the multiplier takes, `last` with its product. Then
    the sum is complete; it appears at `drain_out` a cycle later and the accumulator starts anew.
    Otherwise `drain_out` repeats `drain_in`, so that a column's results flow up, the lowest last,
    every second cycle. No stalls; a bubble is ``a = 0`` without `last`.

    Reset only raises `last` in flight, which discards whatever operands are still in flight.

    Parameters
    ----------
    shape : PeShape
        Widths, multiplier and pipeline registers.
    bottom : bool
        Position: the bottom edge passes no B on and drains nothing from below.
    a_bits, b_bits : int, optional
        Widths of operands that are sums of others (`hw.matrix.checksum`).
    """

    def __init__(
        self, shape: PeShape, *, bottom: bool = False, a_bits: int = 0, b_bits: int = 0
    ) -> None:
        self._shape, self._bottom = shape, bottom
        a, b = (signed(bits or shape.operand_bits) for bits in (a_bits, b_bits))
        accum = signed(shape.accum_bits)
        ports = {"a_in": In(a), "b_in": In(b), "last_in": In(1)}
        if not bottom:
            ports |= {"b_out": Out(b), "drain_in": In(accum)}
        super().__init__({**ports, "drain_out": Out(accum)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        shape = self._shape
        b = self.b_in
        if shape.registered or not self._bottom:
            later_b = _delayed(m, b, "b", reset_less=True)
        if not self._bottom:
            m.d.comb += self.b_out.eq(later_b)
        if shape.registered:
            b = later_b
        self._accumulate(m, _multiply(m, shape, self.a_in, b), self.last_in)
        return m

    def _accumulate(self, m: Module, term: Any, last: Signal) -> None:
        accum = Signal(signed(self._shape.accum_bits), reset_less=True)
        total = Signal(signed(self._shape.accum_bits))
        drain = Signal(signed(self._shape.accum_bits), reset_less=True)
        m.d.comb += [total.eq(accum + term), self.drain_out.eq(drain)]
        m.d.sync += accum.eq(total)
        if not self._bottom:
            m.d.sync += drain.eq(self.drain_in)
        with m.If(last):
            m.d.sync += [accum.eq(0), drain.eq(total)]


class WsPe(wiring.Component):
    """Weight-stationary element: multiplies with its weight and adds to the sum from above.

    Weights come down the column; the element keeps the first that arrives after `swap` and passes
    the others on. `swap` takes the kept weight over for the operand of the next cycle. A weight
    that arrives together with `swap` already belongs to the tile after. The sum is there a cycle
    after the operand, or two if products are registered. A and `swap` pass right outside, in the
    row. No stalls.

    Parameters
    ----------
    shape : PeShape
        Widths, multiplier and pipeline registers.
    top, bottom : bool
        Position: the top adds to nothing, so that its sum is a product wide; the bottom passes no
        B on.
    """

    def __init__(self, shape: PeShape, *, top: bool = False, bottom: bool = False) -> None:
        self._shape, self._top, self._bottom = shape, top, bottom
        operand, accum = signed(shape.operand_bits), signed(shape.accum_bits)
        ports: dict[str, Any] = {"a_in": In(operand), "swap_in": In(1)}
        result = signed(2 * shape.operand_bits) if top else accum
        ports |= {"b_in": In(operand), "b_valid_in": In(1), "sum_out": Out(result)}
        if not top:
            ports["sum_in"] = In(accum)
        if not bottom:
            ports |= {"b_out": Out(operand), "b_valid_out": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        total = _multiply(m, self._shape, self.a_in, self._weight(m, self.swap_in))
        if not self._top:
            total = self.sum_in + total
        result = Signal.like(self.sum_out, name="sum", reset_less=True)
        m.d.sync += result.eq(total)
        m.d.comb += self.sum_out.eq(result)
        return m

    def _weight(self, m: Module, swap: Any) -> Signal:
        """Return the weight in use."""
        next_weight, weight = (
            Signal(signed(self._shape.operand_bits), name=name, reset_less=True)
            for name in ("next_weight", "weight")
        )
        kept, keep = Signal(), Signal()
        m.d.comb += keep.eq(self.b_valid_in & (~kept | swap))
        m.d.sync += kept.eq(keep | (kept & ~swap))
        with m.If(keep):
            m.d.sync += next_weight.eq(self.b_in)
        with m.If(swap):
            m.d.sync += weight.eq(next_weight)
        if not self._bottom:
            later = _delayed(m, self.b_in, "b", reset_less=True)
            valid = _delayed(m, self.b_valid_in & ~keep, "b_valid")
            m.d.comb += [self.b_out.eq(later), self.b_valid_out.eq(valid)]
        return weight
