"""What every number format offers: codes to exact values and back, in NumPy and in hardware."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from amaranth.hdl import Module, signed
from amaranth.lib import data
from numpy.typing import ArrayLike, NDArray

from hw.contracts import ConfigError

from .exact import Parts, as_floats
from .logic import signed_width

__all__ = ["Codes", "Later", "NumberFormat", "at_once", "check_range", "passed", "quire_bits"]

Codes = NDArray[np.uint8] | NDArray[np.uint16]
Later = Callable[[Any, int], Any]
"""Registers a value at a cut of an encoder, or passes it through: 0, 1 and 2, in that order."""


def at_once(value: Any, cut: int) -> Any:
    """Return `value`: an encoder without registers."""
    return value


def passed(later: Later, value: Any, *, to: int) -> Any:
    """Return `value` behind the first `to` cuts of an encoder."""
    for cut in range(to):
        value = later(value, cut)
    return value


class NumberFormat(ABC):
    """A number format of 2 to 16 bits: a frozen dataclass, from which both codecs follow.

    A new format is one object of a subclass; a new family is one subclass. Its tests inherit
    ``tests/hw/numerics/conformance.py``.

    Members
    -------
    name : str
        Name under which `find_format` knows it.
    bits : int
        Width of a code.
    significand_bits : int
        Width of the significand, hidden bit included.
    min_scale, max_scale : int
        Least and greatest weight, as powers of two, of the significand's top bit.
    quantum : int
        All values are multiples of ``2**quantum``.
    block_scale : int
        Power of two that the largest element of a block is brought to (`BlockScaled`).
    """

    __slots__ = ()

    name: str

    @property
    @abstractmethod
    def bits(self) -> int: ...

    @property
    @abstractmethod
    def significand_bits(self) -> int: ...

    @property
    @abstractmethod
    def min_scale(self) -> int: ...

    @property
    @abstractmethod
    def max_scale(self) -> int: ...

    @property
    @abstractmethod
    def quantum(self) -> int: ...

    @property
    @abstractmethod
    def block_scale(self) -> int: ...

    @abstractmethod
    def parts(self, codes: ArrayLike) -> Parts:
        """Return the exact integer form of `codes`."""

    @abstractmethod
    def encode(self, values: ArrayLike) -> Codes:
        """Return the codes of float64 `values`, rounded as the standard of the format says."""

    @abstractmethod
    def decoder(self, m: Module, code: Any, o: Any) -> None:
        """Add combinational logic that drives the `unpacked` view `o` from `code`."""

    @abstractmethod
    def encoder(self, m: Module, i: Any, later: Later = at_once) -> Any:
        """Add logic that rounds the `normalised` view `i`; return the code.

        It is combinational unless `later` registers its argument. Cuts lie before the significand
        is shifted, before it is rounded, and before the last step; every value passes all three.
        """

    def saturating(self) -> NumberFormat:
        """Return this format with overflow and infinities clamped to the largest value."""
        return self

    @property
    def container_bits(self) -> int:
        """Bits that a code lies in beside others, in memory and on ports: 4, 8 or 16."""
        return max(4, 1 << (self.bits - 1).bit_length())

    @property
    def code_type(self) -> type[np.uint8] | type[np.uint16]:
        """Type of arrays of codes: uint8 up to 8 bits, else uint16."""
        return np.uint8 if self.bits <= 8 else np.uint16

    @property
    def codes(self) -> Codes:
        """All codes, in order."""
        return self.as_codes(np.arange(1 << self.bits))

    def as_codes(self, numbers: NDArray[np.integer[Any]]) -> Codes:
        """Return integers as an array of `code_type`."""
        codes: Any = numbers.astype(self.code_type)
        result: Codes = codes
        return result

    @property
    def largest(self) -> float:
        """Largest finite magnitude."""
        return float(np.nanmax(np.abs(_table(self)), where=np.isfinite(_table(self)), initial=0))

    def decode(self, codes: ArrayLike) -> NDArray[np.float64]:
        """Return the values of `codes`, exactly; NaN and NaR are NaN."""
        values: NDArray[np.float64] = _table(self)[np.asarray(codes)]
        return values

    def encode_exact(self, integers: ArrayLike, exponent: ArrayLike) -> Codes:
        """Return the codes of ``integers * 2**exponent``, rounded once however long they are."""
        return self.encode(as_floats(integers, exponent))

    def quantise(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return `values` as this format holds them."""
        return self.decode(self.encode(values))

    @property
    def unpacked(self) -> data.StructLayout:
        """Layout of a decoded number: `Parts` as a struct.

        ``significand`` is 0 for zero; it and ``scale`` mean nothing where ``inf`` or ``nan`` is
        set, nor does ``scale`` where ``zero`` is.
        """
        scale = signed(signed_width(self.min_scale, self.max_scale))
        return data.StructLayout(
            {
                "sign": 1,
                "significand": self.significand_bits,
                "scale": scale,
                "zero": 1,
                "inf": 1,
                "nan": 1,
            }
        )

    def normalised(self, significand_bits: int, scale_bits: int) -> data.StructLayout:
        """Layout of a number to encode: `Normalised` as a struct, zero if the top bit is clear."""
        if significand_bits <= self.significand_bits:
            raise ConfigError(
                f"significand_bits={significand_bits} hides where {self.name} rounds; "
                f"use {self.significand_bits + 1} or more"
            )
        if scale_bits < signed_width(self.min_scale, self.max_scale):
            raise ConfigError(
                f"scale_bits={scale_bits} cannot hold the scales of {self.name}, "
                f"{self.min_scale} to {self.max_scale}; "
                f"use {signed_width(self.min_scale, self.max_scale)} or more"
            )
        return data.StructLayout(
            {
                "sign": 1,
                "significand": significand_bits,
                "scale": signed(scale_bits),
                "sticky": 1,
                "inf": 1,
                "nan": 1,
            }
        )


@functools.cache
def _table(format: NumberFormat) -> NDArray[np.float64]:
    table = format.parts(format.codes).values
    table.flags.writeable = False
    return table


def quire_bits(a: NumberFormat, b: NumberFormat, length: int) -> int:
    """Return the bits in which `length` products of `a` and `b` add up exactly.

    That is the span of the products, from the least quantum to the largest product, one sign bit
    and ``ceil(log2(length))`` carries; its lowest bit weighs ``2**(a.quantum + b.quantum)``.
    """
    check_range("length", length, 1, 1 << 32)
    unit = Fraction(2) ** (a.quantum + b.quantum)
    span = int(Fraction(a.largest) * Fraction(b.largest) / unit).bit_length()
    return span + 1 + math.ceil(math.log2(length))


def check_range(field: str, value: int, low: int, high: int) -> None:
    """Raise a `ConfigError` unless `value` is between `low` and `high`."""
    if not low <= value <= high:
        raise ConfigError(f"{field}={value} is out of range; use {low} to {high}")
