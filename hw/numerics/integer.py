"""Two's complement: integers, and fixed point with an implied scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal
from numpy.typing import ArrayLike

from .exact import Parts
from .format import Codes, Later, NumberFormat, at_once, check_range, passed
from .logic import keep_top, magnitude_below, round_to_even, shift_right

__all__ = ["TwosComplement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwosComplement(NumberFormat):
    """Signed integers times ``2**-fraction_bits``.

    Rounds to nearest, ties to even, and saturates, infinities included. NaN, which no integer
    stands for, becomes 0. The most negative code is used: ``int8`` reaches -128.

    Parameters
    ----------
    bits : int
        Width, 2 to 16.
    fraction_bits : int
        Bits after the binary point, 0 to 16. MXINT8 of the OCP MX specification v1.0 (5.3.4) has
        6 of 8.
    """

    bits: int
    fraction_bits: int = 0

    def __post_init__(self) -> None:
        check_range("bits", self.bits, 2, 16)
        check_range("fraction_bits", self.fraction_bits, 0, 16)

    @property
    def name(self) -> str:  # type: ignore[override]
        fraction = f"_frac{self.fraction_bits}" if self.fraction_bits else ""
        return f"int{self.bits}{fraction}"

    @property
    def significand_bits(self) -> int:
        return self.bits

    @property
    def min_scale(self) -> int:
        return self.bits - 1 - self.fraction_bits

    @property
    def max_scale(self) -> int:
        return self.min_scale

    @property
    def quantum(self) -> int:
        return -self.fraction_bits

    @property
    def block_scale(self) -> int:
        return self.max_scale - 1

    def parts(self, codes: ArrayLike) -> Parts:
        raw = np.asarray(codes).astype(np.int64)
        sign = (raw >> (self.bits - 1)) != 0
        none = np.zeros(raw.shape, dtype=np.bool_)
        return Parts(
            sign=sign,
            significand=np.where(sign, (1 << self.bits) - raw, raw),
            scale=np.full(raw.shape, self.max_scale),
            zero=raw == 0,
            inf=none,
            nan=none,
            significand_bits=self.significand_bits,
        )

    def encode(self, values: ArrayLike) -> Codes:
        top = 1 << (self.bits - 1)
        numbers = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0)
        scaled = np.clip(numbers, -top, top) * 2.0**self.fraction_bits
        whole = np.clip(np.rint(scaled), -top, top - 1)
        return self.as_codes(whole.astype(np.int64) & (2 * top - 1))

    def decoder(self, m: Module, code: Any, o: Any) -> None:
        m.d.comb += [
            o.sign.eq(code[-1]),
            o.significand.eq(Mux(code[-1], -code, code)),
            o.scale.eq(self.max_scale),
            o.zero.eq(code == 0),
        ]

    def encoder(self, m: Module, i: Any, later: Later = at_once) -> Any:
        # The window holds bits - 1 bits of magnitude and one more to round by.
        top_scale = self.max_scale - 1
        window, below = keep_top(i.significand, self.bits)
        distance = magnitude_below(m, top_scale - i.scale, self.bits)
        shifted, lost = shift_right(m, later(window, 0), later(distance, 0))
        lost = lost | later(below | i.sticky, 0)
        rounded = Signal(self.bits)
        m.d.comb += rounded.eq(round_to_even(later(shifted, 1), later(lost, 1)))
        rounded = later(rounded, 2)
        far = i.inf | (i.significand[-1] & (i.scale > top_scale))
        flags = (i.sign, i.nan, i.significand[-1], far)
        sign, nan, something, far = (passed(later, flag, to=3) for flag in flags)
        limit = Cat(Const(1, 1).replicate(self.bits - 1) ^ sign.replicate(self.bits - 1), sign)
        magnitude = Signal(self.bits)
        with m.If(nan):
            m.d.comb += magnitude.eq(0)
        with m.Elif(far | (rounded[-1] & ~sign)):
            m.d.comb += magnitude.eq(limit)
        with m.Elif(something):
            m.d.comb += magnitude.eq(rounded)
        return ((magnitude ^ sign.replicate(self.bits)) + sign)[: self.bits]
