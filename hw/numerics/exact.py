"""Exact numbers between formats: integers times powers of two, and float64 that round correctly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Normalised", "Parts", "as_floats", "normalise"]

FLOAT_BITS = 53  # of a float64's significand, hidden bit included


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What codes stand for, exactly: ``(-1)**sign * significand * 2**exponent``.

    Members
    -------
    sign : array of bool
        Set for negative values, negative zero included.
    significand : array of int64
        Magnitude, hidden bit included; 0 for zero, infinities and NaN.
    scale : array of int64
        Weight, as a power of two, of the significand's top bit; meaningless where it is 0.
    zero, inf, nan : arrays of bool
        Which codes are zeros, infinities, and NaN (NaR in posits).
    significand_bits : int
        Width of the significand; its top bit need not be set (subnormals, integers).
    """

    sign: NDArray[np.bool_]
    significand: NDArray[np.int64]
    scale: NDArray[np.int64]
    zero: NDArray[np.bool_]
    inf: NDArray[np.bool_]
    nan: NDArray[np.bool_]
    significand_bits: int

    @property
    def exponent(self) -> NDArray[np.int64]:
        """Weight, as a power of two, of the significand's lowest bit."""
        return self.scale - (self.significand_bits - 1)

    @property
    def values(self) -> NDArray[np.float64]:
        """The same numbers as float64, which holds every value of every format exactly."""
        magnitude = np.ldexp(self.significand.astype(np.float64), self.exponent)
        magnitude = np.where(self.inf, np.inf, np.where(self.nan, np.nan, magnitude))
        return np.where(self.sign & ~self.nan, -magnitude, magnitude)


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """Numbers on their way into a format: what the hardware encoder takes.

    Members
    -------
    sign, inf, nan, sticky : arrays of bool
        `sticky` says that the magnitude is a little more than the significand shows.
    significand : array of int64
        Magnitude with its top bit set; 0 for zero.
    scale : array of int64
        Weight, as a power of two, of that top bit.
    """

    sign: NDArray[np.bool_]
    significand: NDArray[np.int64]
    scale: NDArray[np.int64]
    sticky: NDArray[np.bool_]
    inf: NDArray[np.bool_]
    nan: NDArray[np.bool_]


def normalise(values: ArrayLike, bits: int) -> Normalised:
    """Split float64 into sign, significand of `bits` (at most 62) bits, scale and sticky bit."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers)
    fraction, exponent = np.frexp(np.where(finite, np.abs(numbers), 0.0))
    whole = np.ldexp(fraction, FLOAT_BITS).astype(np.int64)
    lost = max(FLOAT_BITS - bits, 0)
    return Normalised(
        sign=np.signbit(numbers),
        significand=(whole >> lost) << max(bits - FLOAT_BITS, 0),
        scale=exponent.astype(np.int64) - 1,
        sticky=(whole & ((1 << lost) - 1)) != 0,
        inf=np.isinf(numbers),
        nan=np.isnan(numbers),
    )


def as_floats(integers: ArrayLike, exponent: ArrayLike) -> NDArray[np.float64]:
    """Return ``integers * 2**exponent`` as float64 that round like the exact number.

    A float64 has 53 bits. Longer integers are rounded *to odd* (Boldo and Melquiond 2008): cut to
    53 bits, the lowest set if anything was lost. Rounding that to 51 bits or fewer, in any way,
    gives what rounding the exact number gives, so that a quire rounds once.

    Parameters
    ----------
    integers : array_like of int
        Accumulators; NumPy integers, or Python ones of any length in an array of objects.
    exponent : array_like of int
        Weight of the lowest bit; the result must be a normal float64 (about 2**-1022 to 2**1023).
    """
    numbers = np.asarray(integers)
    if numbers.dtype == object:
        odd, shift = (np.asarray(part) for part in _LONG_TO_ODD(numbers))
        return _scaled(odd, shift.astype(np.int64) + np.asarray(exponent))
    signed = numbers.astype(np.int64)
    magnitude = np.where(signed < 0, -signed, signed).astype(np.uint64)  # -2**63 wraps to 2**63
    lost = np.where(magnitude >> np.uint64(FLOAT_BITS), 64 - FLOAT_BITS, 0).astype(np.uint64)
    rest = magnitude & ((np.uint64(1) << lost) - np.uint64(1))
    odd = (magnitude >> lost) | (rest != 0).astype(np.uint64)
    result = _scaled(odd, lost.astype(np.int64) + np.asarray(exponent))
    return np.where(signed < 0, -result, result)


def _scaled(integers: NDArray[Any], exponent: NDArray[Any]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.ldexp(integers.astype(np.float64), exponent)
    return result


def _long_to_odd(number: int) -> tuple[int, int]:
    magnitude = abs(number)
    shift = max(magnitude.bit_length() - FLOAT_BITS, 0)
    odd = magnitude >> shift
    if magnitude != odd << shift:
        odd |= 1
    return (-odd if number < 0 else odd), shift


_LONG_TO_ODD: Any = np.frompyfunc(_long_to_odd, 1, 2)
