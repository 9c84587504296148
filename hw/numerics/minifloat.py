"""Binary floating point of up to 16 bits: IEEE 754, OCP's 8-bit formats, and their smaller kin."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal
from numpy.typing import ArrayLike

from hw.contracts import ConfigError

from .exact import Parts
from .format import Codes, Later, NumberFormat, at_once, check_range, passed
from .logic import keep_top, magnitude_below, round_to_even, shift_right

__all__ = ["Minifloat"]

SPECIALS = ("ieee", "fn", "finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Minifloat(NumberFormat):
    """Sign, exponent with bias ``2**(exponent_bits - 1) - 1``, mantissa; subnormals included.

    Rounds to nearest, ties to even. NaN becomes the one quiet, positive NaN, or zero where the
    format has none (implementation-defined in OCP MX v1.0). Sources: IEEE 754-2019 (FP16), OCP
    8-bit Floating Point Specification v1.0 (E4M3, E5M2), OCP MX v1.0, 5.3 (FP6, FP4).

    Parameters
    ----------
    name : str
        Name, such as ``"fp8_e4m3"``.
    exponent_bits, mantissa_bits : int
        Widths of the two fields: 1 to 8, and 1 or more; with the sign at most 16.
    specials : str
        ``"ieee"``: the greatest exponent holds infinities and NaN; ``"fn"``: only the code of all
        ones is NaN (E4M3); ``"finite"``: every code is a number (FP6, FP4).
    saturate : bool
        What is too large, infinities included, becomes the largest value: the saturating mode of
        OCP's 8-bit formats. Else it becomes infinity, or NaN without one. ``"finite"`` formats
        always saturate.
    """

    name: str
    exponent_bits: int
    mantissa_bits: int
    specials: str = "ieee"
    saturate: bool = False

    def __post_init__(self) -> None:
        check_range("exponent_bits", self.exponent_bits, 1, 8)
        check_range("mantissa_bits", self.mantissa_bits, 1, 15 - self.exponent_bits)
        if self.specials not in SPECIALS:
            known = ", ".join(repr(kind) for kind in SPECIALS)
            raise ConfigError(f"specials={self.specials!r} is not known; use one of {known}")
        if self.specials == "ieee" and self.exponent_bits == 1:
            raise ConfigError(
                "exponent_bits=1 leaves no exponent for numbers beside specials='ieee'; "
                "use 2 exponent bits or more, or specials='finite'"
            )
        if self.specials == "finite" and not self.saturate:
            raise ConfigError(
                "saturate=False needs a code for what is too large, and specials='finite' has "
                "none; use saturate=True"
            )

    @property
    def bits(self) -> int:
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def significand_bits(self) -> int:
        return self.mantissa_bits + 1

    @property
    def bias(self) -> int:
        """What is subtracted from the exponent field."""
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def min_scale(self) -> int:
        return 1 - self.bias

    @property
    def max_scale(self) -> int:
        return (self.max_code >> self.mantissa_bits) - self.bias

    @property
    def quantum(self) -> int:
        return self.min_scale - self.mantissa_bits

    @property
    def block_scale(self) -> int:
        return self.max_scale

    @property
    def max_code(self) -> int:
        """Code of the largest finite value."""
        ones = (1 << (self.bits - 1)) - 1
        return ones - {"ieee": 1 << self.mantissa_bits, "fn": 1, "finite": 0}[self.specials]

    @property
    def nan_code(self) -> int:
        """Code that NaN is encoded as."""
        quiet = ((1 << (self.exponent_bits + 1)) - 1) << (self.mantissa_bits - 1)
        return {"ieee": quiet, "fn": self.max_code + 1, "finite": 0}[self.specials]

    @property
    def overflow_code(self) -> int:
        """Code, without sign, that stands for what is too large."""
        return self.max_code if self.saturate else self.max_code + 1

    def saturating(self) -> Minifloat:
        return dataclasses.replace(self, saturate=True)

    def parts(self, codes: ArrayLike) -> Parts:
        raw = np.asarray(codes).astype(np.int64)
        magnitude = raw & ((1 << (self.bits - 1)) - 1)
        exponent = magnitude >> self.mantissa_bits
        mantissa = magnitude & ((1 << self.mantissa_bits) - 1)
        inf = (magnitude == self.max_code + 1) & (self.specials == "ieee")
        special = magnitude > self.max_code
        hidden = np.where(exponent > 0, 1 << self.mantissa_bits, 0)
        return Parts(
            sign=raw >> (self.bits - 1) != 0,
            significand=np.where(special, 0, mantissa + hidden),
            scale=np.maximum(exponent, 1) - self.bias,
            zero=magnitude == 0,
            inf=inf,
            nan=special & ~inf,
            significand_bits=self.significand_bits,
        )

    def encode(self, values: ArrayLike) -> Codes:
        numbers = np.asarray(values, dtype=np.float64)
        beyond = 2.0 ** (self.max_scale + 2)
        magnitude = np.minimum(np.abs(np.nan_to_num(numbers, nan=0.0)), beyond)
        scale = np.maximum(np.frexp(magnitude)[1].astype(np.int64) - 1, self.min_scale)
        scale = np.where(magnitude == 0, self.min_scale, scale)
        steps = np.rint(np.ldexp(magnitude, self.mantissa_bits - scale)).astype(np.int64)
        code = (
            (scale - self.min_scale) << self.mantissa_bits
        ) + steps  # carries raise the exponent
        code = np.where(code > self.max_code, self.overflow_code, code)
        nan = np.isnan(numbers) | ((code == self.nan_code) & (self.specials == "fn"))
        code |= np.where(np.signbit(numbers), 1 << (self.bits - 1), 0)
        return self.as_codes(np.where(nan, self.nan_code, code))

    def decoder(self, m: Module, code: Any, o: Any) -> None:
        magnitude = code[:-1]
        exponent = magnitude[self.mantissa_bits :]
        mantissa = magnitude[: self.mantissa_bits]
        normal = exponent.any()
        m.d.comb += [
            o.sign.eq(code[-1]),
            o.significand.eq(Cat(mantissa, normal)),
            o.scale.eq(Mux(normal, exponent, 1) - self.bias),
            o.zero.eq(magnitude == 0),
        ]
        if self.specials == "ieee":
            m.d.comb += [
                o.inf.eq(exponent.all() & ~mantissa.any()),
                o.nan.eq(exponent.all() & mantissa.any()),
            ]
        elif self.specials == "fn":
            m.d.comb += o.nan.eq(magnitude.all())

    def encoder(self, m: Module, i: Any, later: Later = at_once) -> Any:
        window, below = keep_top(i.significand, self.significand_bits + 1)
        distance = magnitude_below(m, self.min_scale - i.scale, len(window))
        shifted, lost = shift_right(m, later(window, 0), later(distance, 0))
        lost = lost | later(below | i.sticky, 0)
        span = self.max_scale - self.min_scale
        exponent = passed(later, magnitude_below(m, i.scale - self.min_scale, span), to=2)
        finite = Signal(self.bits)
        rounded = round_to_even(later(shifted, 1), later(lost, 1))
        m.d.comb += finite.eq((exponent << self.mantissa_bits) + rounded)
        finite = later(finite, 2)
        far = i.inf | (i.significand[-1] & (i.scale > self.max_scale))
        flags = (i.sign, i.nan, i.significand[-1], far)
        sign, nan, something, far = (passed(later, flag, to=3) for flag in flags)
        magnitude = Signal(self.bits - 1)
        with m.If(far | (something & (finite > self.max_code))):
            m.d.comb += magnitude.eq(self.overflow_code)
        with m.Elif(something):
            m.d.comb += magnitude.eq(finite)
        nan = nan | (magnitude.all() if self.specials == "fn" else 0)
        return Mux(nan, Const(self.nan_code, self.bits), Cat(magnitude, sign))
