"""Hardware of OCP MX block scaling: elements with their scale, and whole blocks encoded."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .codec import Decoder, Encoder
from .logic import signed_width
from .mx import SCALE_BIAS, SCALE_NAN, BlockScaled

__all__ = ["BlockDecoder", "BlockEncoder"]


class BlockDecoder(wiring.Component):
    """Takes one element of a block apart, the shared scale applied. Combinational.

    Members
    -------
    scale : In(8)
        E8M0 code of the block.
    code : In(element.bits)
        Code of the element.
    o : Out(StructLayout)
        Like `NumberFormat.unpacked`, with a wider ``scale``: what `BlockScaled.parts` says.
    """

    def __init__(self, format: BlockScaled) -> None:
        self.format = format
        element = format.element
        scale = signed_width(element.min_scale - SCALE_BIAS, element.max_scale + SCALE_BIAS)
        fields = {name: field.shape for name, field in element.unpacked}
        layout = data.StructLayout(fields | {"scale": signed(scale)})
        super().__init__({"scale": In(8), "code": In(element.bits), "o": Out(layout)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.element = element = Decoder(self.format.element)
        broken = self.scale == SCALE_NAN
        m.d.comb += [
            element.code.eq(self.code),
            self.o.sign.eq(element.o.sign),
            self.o.significand.eq(element.o.significand),
            self.o.scale.eq(element.o.scale + (self.scale - SCALE_BIAS)),
            self.o.zero.eq(element.o.zero & ~broken),
            self.o.inf.eq(element.o.inf & ~broken),
            self.o.nan.eq(element.o.nan | broken),
        ]
        return m


class BlockEncoder(wiring.Component):
    """Encodes one block: finds its scale and rounds its elements. Combinational.

    Parameters
    ----------
    significand_bits, scale_bits : int
        Widths of the numbers that enter, as of `Encoder`.

    Members
    -------
    i : In(ArrayLayout)
        ``format.block`` numbers, as of `NumberFormat.normalised`.
    scale : Out(8)
        E8M0 code of the block.
    codes : Out(ArrayLayout)
        Codes of the elements: what `BlockScaled.encode` returns.
    """

    def __init__(self, format: BlockScaled, *, significand_bits: int, scale_bits: int) -> None:
        self.format = format
        self._widths = {
            "significand_bits": significand_bits,
            # Scaled down by up to 2**127 and up by as much, elements stay within one bit more.
            "scale_bits": max(scale_bits, 9 + 1) + 1,
        }
        layout = format.element.normalised(significand_bits, scale_bits)
        super().__init__(
            {
                "i": In(data.ArrayLayout(layout, format.block)),
                "scale": Out(8),
                "codes": Out(data.ArrayLayout(format.element.bits, format.block)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        numbers = [self.i[index] for index in range(self.format.block)]
        broken = Signal()
        m.d.comb += broken.eq(_any(number.nan | number.inf for number in numbers))
        some, largest = _largest(m, [(n.significand[-1], n.scale) for n in numbers])
        exponent = Signal(signed(8))
        top = largest - self.format.element.block_scale
        with m.If(~some | broken | (top < -SCALE_BIAS)):
            m.d.comb += exponent.eq(-SCALE_BIAS)
        with m.Elif(top > SCALE_BIAS):
            m.d.comb += exponent.eq(SCALE_BIAS)
        with m.Else():
            m.d.comb += exponent.eq(top)
        m.d.comb += self.scale.eq(Mux(broken, SCALE_NAN, exponent + SCALE_BIAS))
        for index, number in enumerate(numbers):
            encoder = Encoder(self.format.element, **self._widths)
            name = f"encode_{self.format.element.name}"
            encoder = shared(m, platform, name, encoder, instance=f"element_{index}")
            m.d.comb += [
                encoder.i.sign.eq(number.sign & ~broken),
                encoder.i.significand.eq(Mux(broken, 0, number.significand)),
                encoder.i.sticky.eq(number.sticky & ~broken),
                encoder.i.scale.eq(number.scale - exponent),
                self.codes[index].eq(encoder.code),
            ]
        return m


def _any(bits: Any) -> Any:
    result: Any = 0
    for bit in bits:
        result = result | bit
    return result


def _largest(m: Module, numbers: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return whether any of (present, scale) is present, and the largest scale of those."""
    while len(numbers) > 1:
        pairs = zip(numbers[::2], numbers[1::2], strict=False)
        level = [_larger(m, *pair) for pair in pairs]
        numbers = level + numbers[2 * len(level) :]
    return numbers[0]


def _larger(m: Module, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
    scale = Signal.like(a[1], name="larger")
    m.d.comb += scale.eq(Mux(~b[0] | (a[0] & (a[1] > b[1])), a[1], b[1]))
    return a[0] | b[0], scale
