"""Posits: sign, regime, exponent and fraction in two's complement, tapered around one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal
from numpy.typing import ArrayLike

from .exact import Parts, normalise
from .format import Codes, Later, NumberFormat, at_once, check_range, passed
from .logic import keep_top, leading_zeros, shift_right

__all__ = ["Posit"]

NAMED = {(4, 1): "posit4", (8, 0): "posit8", (16, 1): "posit16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Posit(NumberFormat):
    """Posits as the Standard for Posit Arithmetic (2022) decodes and rounds them.

    Rounds the bit string to nearest, ties to even codes: where exponent bits are cut off, the tie
    lies at the geometric mean. No number rounds to zero or to NaR; beyond the largest and the
    smallest magnitude it takes these. NaN and infinities become NaR, which decodes as NaN. The
    standard fixes es at 2; XR-NPE (arXiv 2508.13049) uses (4, 1), (8, 0) and (16, 1).

    Parameters
    ----------
    bits : int
        Width, 2 to 16. Two bits hold 0, 1, -1 and NaR.
    es : int
        Width of the exponent field, 0 to 4.
    """

    bits: int
    es: int

    def __post_init__(self) -> None:
        check_range("bits", self.bits, 2, 16)
        check_range("es", self.es, 0, 4)

    @property
    def name(self) -> str:  # type: ignore[override]
        return NAMED.get((self.bits, self.es), f"posit{self.bits}_es{self.es}")

    @property
    def significand_bits(self) -> int:
        return max(self.bits - self.es - 2, 1)

    @property
    def min_scale(self) -> int:
        return -self.max_scale

    @property
    def max_scale(self) -> int:
        return (self.bits - 2) << self.es

    @property
    def quantum(self) -> int:
        return self.min_scale

    @property
    def block_scale(self) -> int:
        """0: a block's largest element comes to [1, 2), where posits are most precise.

        Not in the MX specification, which has no posits: its rule would bring it to the largest
        value, where they are least precise.
        """
        return 0

    @property
    def nar(self) -> int:
        """Code of NaR, "not a real"."""
        return 1 << (self.bits - 1)

    def parts(self, codes: ArrayLike) -> Parts:
        raw = np.asarray(codes).astype(np.int64)
        sign = raw >= self.nar
        body = np.where(sign, 2 * self.nar - raw, raw) & (self.nar - 1)
        rising = body >> (self.bits - 2) != 0
        ones = self.nar - 1
        differing = np.where(rising, ones - body, body)
        run = self.bits - 1 - np.frexp(differing.astype(np.float64))[1].astype(np.int64)
        tail = (body << (run + 1)) & ones  # what follows the regime, at the top of bits - 1
        fraction = self.bits - 1 - self.es
        exponent = tail >> fraction if fraction >= 0 else tail << -fraction
        regime = np.where(rising, run - 1, -run)
        hidden = 1 << (self.significand_bits - 1)
        rest = tail >> max(fraction - self.significand_bits + 1, 0)
        significand = np.where(body == 0, 0, (rest & (hidden - 1)) | hidden)
        return Parts(
            sign=sign,
            significand=significand,
            scale=(regime << self.es) + exponent,
            zero=raw == 0,
            inf=np.zeros(raw.shape, dtype=np.bool_),
            nan=raw == self.nar,
            significand_bits=self.significand_bits,
        )

    def encode(self, values: ArrayLike) -> Codes:
        numbers = np.asarray(values, dtype=np.float64)
        number = normalise(numbers, self.bits)
        scale = np.clip(number.scale, self.min_scale - (1 << self.es), self.max_scale)
        # Regime, exponent and fraction as one string: two bits of regime, then shifted out of it.
        fraction = number.significand & ((1 << (self.bits - 1)) - 1)
        regime = scale >> self.es
        exponent = scale & ((1 << self.es) - 1)
        head = np.where(regime >= 0, 2, 1) << (self.es + self.bits - 1)
        string = head | (exponent << (self.bits - 1)) | fraction
        length = 2 + self.es + self.bits - 1
        run = np.where(regime >= 0, regime, ~regime)
        filled = np.where(regime >= 0, ((1 << run) - 1) << length, 0) | string
        cut = run + length - (self.bits - 1)  # bits below the code
        below = filled & ((1 << cut) - 1)
        half = 1 << (cut - 1)
        body = filled >> cut
        up = (below > half) | ((below == half) & (number.sticky | (body & 1 != 0)))
        body = np.clip(body + up, 1, self.nar - 1)
        body = np.where(number.significand == 0, 0, body)
        code = np.where(number.sign, 2 * self.nar - body, body) & (2 * self.nar - 1)
        return self.as_codes(np.where(np.isfinite(numbers), code, self.nar))

    def decoder(self, m: Module, code: Any, o: Any) -> None:
        if self.bits < 4:  # no bit is left for what follows the regime
            self._decode_short(m, code, o)
            return
        body = Signal(self.bits - 1)
        m.d.comb += body.eq(Mux(code[-1], -code, code))
        rising = body[-1]
        # Bits that differ from the regime's: its end comes to the top, and is dropped.
        differing = body[:-1] ^ rising.replicate(self.bits - 2)
        ended, count = leading_zeros(m, differing, fill=rising)
        rest = ended[:-1] ^ rising.replicate(self.bits - 3)
        tail, _ = keep_top(rest, self.es + self.significand_bits - 1)
        regime = Cat(count, Const(0, 1)) ^ (~rising).replicate(len(count) + 1)
        special = ~body.any()
        m.d.comb += [
            o.sign.eq(code[-1]),
            o.significand.eq(Mux(special, 0, Cat(tail[: self.significand_bits - 1], Const(1, 1)))),
            o.scale.eq(Cat(tail[self.significand_bits - 1 :], regime).as_signed()),
            o.zero.eq(special & ~code[-1]),
            o.nan.eq(special & code[-1]),
        ]

    def _decode_short(self, m: Module, code: Any, o: Any) -> None:
        parts = self.parts(self.codes)
        with m.Switch(code):
            for at in range(1 << self.bits):
                with m.Case(at):
                    m.d.comb += [
                        o.sign.eq(int(parts.sign[at])),
                        o.significand.eq(int(parts.significand[at])),
                        o.scale.eq(int(parts.scale[at])),
                        o.zero.eq(int(parts.zero[at])),
                        o.nan.eq(int(parts.nan[at])),
                    ]

    def encoder(self, m: Module, i: Any, later: Later = at_once) -> Any:
        if self.bits == 2:  # every number is 1 or -1
            code = Mux(i.nan | i.inf, self.nar, Cat(i.significand[-1], i.sign & i.significand[-1]))
            return passed(later, code, to=3)
        scale = i.scale
        regime = Signal.like(scale[self.es :].as_signed(), name="regime")
        m.d.comb += regime.eq(scale[self.es :].as_signed())
        rising = ~regime[-1]
        run = Mux(rising, regime, ~regime)[: (self.bits - 2).bit_length()]  # if it is in range
        string = Cat(i.significand[:-1], scale[: self.es], ~rising, rising)
        window, below = keep_top(string, self.bits)
        run, window = later(run, 0), later(window, 0)
        shifted, lost = shift_right(m, window, run, fill=later(rising, 0))
        lost = later(lost | later(below | i.sticky, 0), 1)
        shifted = later(shifted, 1)
        large, small = regime > self.bits - 2, regime < 2 - self.bits
        flags = (~i.significand[-1], large, small, i.sign, i.nan | i.inf)
        nothing, large, small, sign, special = (passed(later, flag, to=2) for flag in flags)
        # Rounded up, and to the smallest number rather than to zero. (Never to NaR: the greatest
        # regime leaves a zero to round by.)
        floor = shifted[1:]
        up = small | ~floor.any() | (shifted[0] & (lost | shifted[1]))
        up = later(up & ~nothing & ~large, 2)
        body = Signal(self.bits - 1)
        m.d.comb += body.eq(Mux(large, self.nar - 1, Mux(small, 0, floor)))
        body = Cat(later(Mux(nothing, 0, body), 2), Const(0, 1))
        sign, special = later(sign, 2), later(special, 2)
        # -(body + up) is ~body + 1 - up: one adder rounds and negates.
        number = ((body ^ sign.replicate(self.bits)) + (up ^ sign))[: self.bits]
        return Mux(special, Const(self.nar, self.bits), number)
