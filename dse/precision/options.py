"""What the command line says of formats and of the loss of quality, checked."""

from __future__ import annotations

import math

from hw.contracts import ConfigError
from hw.numerics import find_format
from sim.quality.quantise import ALL_FORMATS

__all__ = ["HARDWARE_FORMATS", "MOST_BITS", "parse_formats", "parse_loss_limit"]

MOST_BITS = 16
"""Widest operand of the multiply-accumulate units."""

HARDWARE_FORMATS: tuple[str, ...] = (
    *("int4", "int5", "int6", "int8", "int12", "int16"),
    *("fp4_e2m1", "fp6_e2m3", "fp6_e3m2", "fp8_e4m3", "fp8_e5m2", "bf16", "fp16"),
    *("posit4", "posit8", "posit16", "posit4_es2", "posit8_es2", "posit16_es2"),
)
"""What ``all`` stands for; other widths can be named. Block-scaled formats have no hardware."""


def parse_formats(text: str) -> tuple[str, ...]:
    """Return the formats of ``"all"`` or of names by commas, each once, in that order.

    Raises `ConfigError` for names that nobody knows and for formats that no unit computes in.
    """
    if text.strip() == "all":
        return HARDWARE_FORMATS
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ConfigError("formats is empty; name some by commas, or all")
    return tuple(dict.fromkeys(_checked(name) for name in names))


def _checked(name: str) -> str:
    if name == "all":
        raise ConfigError("formats names all beside others; write all alone, or the names alone")
    if name in ALL_FORMATS and name.startswith("mx_"):
        raise ConfigError(
            f"format {name!r} scales blocks, which no unit does; use "
            f"{name.removeprefix('mx_')!r}, or ask dse quality about it"
        )
    found = find_format(name)
    if found.bits > MOST_BITS:
        raise ConfigError(f"format {name!r} has {found.bits} bits; use one of {MOST_BITS} or fewer")
    return found.name


def parse_loss_limit(text: str) -> float:
    """Return ``"2%"`` or ``"0.02"`` as 0.02: perplexity over float64's, less one."""
    number, percent, rest = text.strip().partition("%")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if rest or not math.isfinite(value):
        raise ConfigError(
            f"max_perplexity_loss={text!r} is no share; write 2% or 0.02 for two per cent"
        )
    if value <= 0:
        raise ConfigError(
            f"max_perplexity_loss={text!r} leaves no room for any format; use more than 0, as in 2%"
        )
    if not percent and value >= 1:
        raise ConfigError(
            f"max_perplexity_loss={text!r} would allow {1 + value:g} times the perplexity; "
            f"write {number.strip()}% if that is meant as a percentage, or {100 * value:g}%"
        )
    return value / 100 if percent else value
