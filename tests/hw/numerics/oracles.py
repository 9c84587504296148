"""Independent opinions on formats: rational arithmetic from the standards, and two libraries."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its bindings are of an old SWIG
    import softposit

Floats = NDArray[np.float64]
NAN, INF = "nan", "inf"


class Oracle(Protocol):
    """An independent codec; `encode` may refuse values by returning -1 for them."""

    def decode(self, codes: NDArray[np.integer[Any]]) -> Floats: ...

    def encode(self, values: Floats) -> NDArray[np.int64]: ...


@dataclass(frozen=True)
class MlDtypes:
    """Floats as `ml_dtypes` has them; it converts through float32, so only those are asked."""

    type: Any

    @property
    def _code(self) -> Any:
        return np.uint8 if np.dtype(self.type).itemsize == 1 else np.uint16

    def decode(self, codes: NDArray[np.integer[Any]]) -> Floats:
        with np.errstate(invalid="ignore"):  # signalling NaN
            return codes.astype(self._code).view(self.type).astype(np.float64)

    def encode(self, values: Floats) -> NDArray[np.int64]:
        with np.errstate(over="ignore", invalid="ignore"):
            single = values.astype(np.float32)
            codes = single.astype(self.type).view(self._code).astype(np.int64)
        return np.where(single == values, codes, -1)


@dataclass(frozen=True)
class SoftPosit:
    """Posit(8, 0) and Posit(16, 1) of the SoftPosit library."""

    bits: int

    def decode(self, codes: NDArray[np.integer[Any]]) -> Floats:
        make = {8: softposit.posit8, 16: softposit.posit16}[self.bits]
        convert = {8: softposit.convertP8ToDouble, 16: softposit.convertP16ToDouble}[self.bits]
        values = np.array([convert(make(bits=int(code)).v) for code in codes])
        return np.where(np.isinf(values), np.nan, values)  # its NaR becomes infinity

    def encode(self, values: Floats) -> NDArray[np.int64]:
        convert = {8: softposit.convertDoubleToP8, 16: softposit.convertDoubleToP16}[self.bits]
        return np.array([convert(float(value)).v for value in values], dtype=np.int64)


def integer_value(code: int, bits: int, fraction: int = 0) -> Fraction:
    """Two's complement: the top bit weighs negative."""
    total = -(code >> (bits - 1)) << (bits - 1)
    return Fraction(total + code % (1 << (bits - 1)), 1 << fraction)


def float_value(code: int, exponent: int, mantissa: int, specials: str) -> Fraction | str:
    """IEEE 754-2019, 3.4, with the codes that OCP's formats take away from NaN and infinity."""
    sign = -1 if code >> (exponent + mantissa) else 1
    field = (code >> mantissa) % (1 << exponent)
    trailing = code % (1 << mantissa)
    bias = 2 ** (exponent - 1) - 1
    if specials == "ieee" and field == 2**exponent - 1:
        return NAN if trailing else INF
    if specials == "fn" and (field, trailing) == (2**exponent - 1, 2**mantissa - 1):
        return NAN
    if field == 0:
        return sign * Fraction(trailing, 2**mantissa) * Fraction(2) ** (1 - bias)
    return sign * (1 + Fraction(trailing, 2**mantissa)) * Fraction(2) ** (field - bias)


def posit_value(code: int, bits: int, es: int) -> Fraction | str:
    """Standard for Posit Arithmetic (2022), 4.4, on the string of bits."""
    if code == 0:
        return Fraction(0)
    if code == 1 << (bits - 1):
        return NAN
    sign = 1
    if code >> (bits - 1):
        sign, code = -1, (1 << bits) - code
    string = f"{code:0{bits}b}"[1:]
    run = len(string) - len(string.lstrip(string[0]))
    regime = run - 1 if string[0] == "1" else -run
    rest = string[run + 1 :]
    exponent = int(rest[:es].ljust(es, "0") or "0", 2)
    tail = rest[es:]
    fraction = Fraction(int(tail or "0", 2), 1 << len(tail))
    return sign * (1 + fraction) * Fraction(2) ** (regime * 2**es + exponent)


def exact_float(value: Fraction) -> float:
    """Return a rational number that float64 holds exactly; refuse any other."""
    result = value.numerator / value.denominator
    assert math.isfinite(result)
    assert Fraction(result) == value
    return result
