"""The hardware codecs: combinational components generated from one format object."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .format import NumberFormat

__all__ = ["Decoder", "Encoder"]


class Decoder(wiring.Component):
    """Takes a code apart. Combinational.

    Members
    -------
    code : In(format.bits)
        The code.
    o : Out(format.unpacked)
        Sign, significand, scale and flags: what `NumberFormat.parts` says.
    """

    def __init__(self, format: NumberFormat) -> None:
        self.format = format
        super().__init__({"code": In(format.bits), "o": Out(format.unpacked)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.format.decoder(m, self.code, self.o)
        return m


class Encoder(wiring.Component):
    """Rounds a normalised number into a format. Combinational.

    Parameters
    ----------
    significand_bits : int
        Width of the significand, more than the format's; what is cut off before it goes into
        ``i.sticky``.
    scale_bits : int
        Width of the signed scale.

    Members
    -------
    i : In(format.normalised(significand_bits, scale_bits))
        The number; it is zero if the significand's top bit is clear.
    code : Out(format.bits)
        The code: what `NumberFormat.encode` returns.
    """

    def __init__(self, format: NumberFormat, *, significand_bits: int, scale_bits: int) -> None:
        self.format = format
        layout = format.normalised(significand_bits, scale_bits)
        super().__init__({"i": In(layout), "code": Out(format.bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.code.eq(self.format.encoder(m, self.i))
        return m
