"""Formats by name."""

from __future__ import annotations

import re

from hw.contracts import ConfigError, did_you_mean

from .format import NumberFormat
from .integer import TwosComplement
from .minifloat import Minifloat
from .mx import BlockScaled
from .posit import Posit

__all__ = ["FORMATS", "find_format", "find_scaled"]

_FLOATS = (
    Minifloat(name="fp4_e2m1", exponent_bits=2, mantissa_bits=1, specials="finite", saturate=True),
    Minifloat(name="fp6_e2m3", exponent_bits=2, mantissa_bits=3, specials="finite", saturate=True),
    Minifloat(name="fp6_e3m2", exponent_bits=3, mantissa_bits=2, specials="finite", saturate=True),
    Minifloat(name="fp8_e4m3", exponent_bits=4, mantissa_bits=3, specials="fn", saturate=True),
    Minifloat(name="fp8_e5m2", exponent_bits=5, mantissa_bits=2, saturate=True),
    Minifloat(name="bf16", exponent_bits=8, mantissa_bits=7),
    Minifloat(name="fp16", exponent_bits=5, mantissa_bits=10),
)
_INTEGERS = tuple(TwosComplement(bits=bits) for bits in range(2, 17))
_POSITS = tuple(
    Posit(bits=bits, es=es) for bits, es in ((4, 1), (8, 0), (16, 1), (4, 2), (8, 2), (16, 2))
)
FORMATS: dict[str, NumberFormat] = {
    format.name: format for format in (*_INTEGERS, *_FLOATS, *_POSITS)
}
"""Formats that have a name of their own; any ``posit<bits>_es<es>`` is known beside them."""
_ALIASES = {"fp4": "fp4_e2m1"}
_POSIT = re.compile(r"posit(\d+)_es(\d+)")
_FIXED = re.compile(r"int(\d+)_frac(\d+)")


def find_format(name: str) -> NumberFormat:
    """Return the format called `name`, such as ``"int8"``, ``"fp8_e4m3"``, ``"posit8_es2"``.

    ``"int8_frac6"`` is fixed point with six fraction bits; ``"fp4"`` is FP4 E2M1. Block-scaled
    formats are found by `find_scaled`.
    """
    if not isinstance(name, str):
        raise ConfigError(f"format {name!r} is no name; use one such as 'int8'")
    known = FORMATS.get(_ALIASES.get(name, name))
    if known is not None:
        return known
    if found := _POSIT.fullmatch(name):
        return Posit(bits=int(found[1]), es=int(found[2]))
    if found := _FIXED.fullmatch(name):
        return TwosComplement(bits=int(found[1]), fraction_bits=int(found[2]))
    names = [*FORMATS, *_ALIASES]
    if name.startswith("mx_"):
        raise ConfigError(f"format {name!r} scales blocks; look it up with find_scaled")
    raise ConfigError(f"format {name!r} is not known{did_you_mean(name, names)}")


def find_scaled(name: str) -> BlockScaled:
    """Return OCP MX block scaling over an element format: ``"mx_fp8_e4m3"``, ``"mx_int8"``.

    Integers are taken as fixed point in [-2, 2), as MXINT8 is.
    """
    if not isinstance(name, str):
        raise ConfigError(f"block-scaled format {name!r} is no name; use one such as 'mx_int8'")
    prefix, _, element = name.partition("_")
    if prefix != "mx" or not element:
        known = (f"mx_{format}" for format in FORMATS)
        raise ConfigError(f"block-scaled format {name!r} is not known{did_you_mean(name, known)}")
    found = find_format(element)
    if isinstance(found, TwosComplement):
        found = TwosComplement(bits=found.bits, fraction_bits=found.bits - 2)
    return BlockScaled(element=found)
