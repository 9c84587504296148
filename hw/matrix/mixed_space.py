"""The search space of engines with number formats."""

from __future__ import annotations

from typing import Any

from hw.contracts import SearchSpace, choice, power_of_two
from hw.numerics import find_format

from .config import MatrixConfig

__all__ = ["FORMAT_SETS", "MIXED_SPACE", "accumulator_bits", "mixed_config"]

FORMAT_SETS = (
    "int8",
    "fp8_e4m3",
    "posit8",
    "fp4_e2m1+int8",
    "fp4_e2m1+fp8_e4m3",
    "fp4_e2m1+posit8",
    "int4+int8",
    "fp4_e2m1+posit4+posit8+posit16",
    "fp6_e2m3",
    "fp6_e3m2",
    "fp4_e2m1+fp6_e3m2",
    "int4",
    "fp4_e2m1",
    "int16",
    "bf16",
    "posit16",
)
"""Sets of run-time formats, names with ``+`` between: one format, a narrow one beside a wide one,
and the four of XR-NPE (arXiv 2508.13049)."""

_EXACT = 36
"""Bits in which products of FP8 E4M3 are exact; formats that take more keep a window."""
_WINDOW = 27
_LENGTH = 4096


def accumulator_bits(formats: tuple[str, ...], length: int = _LENGTH) -> int:
    """Return the width of an exact accumulator, or of a window where that would be too wide."""
    from hw.mac.plan import headroom, span

    window = max(span(find_format(name)) for name in formats)
    return max(16, headroom(length) + (window if window <= _EXACT else _WINDOW))


def mixed_config(
    *, formats: str, result_ratio: int = 2, length: int = _LENGTH, **knobs: Any
) -> MatrixConfig:
    """Return the design at a point of the space."""
    modes = tuple(formats.split("+"))
    return MatrixConfig(
        formats=modes,
        operand_bits=16,
        accum_bits=accumulator_bits(modes, length),
        length=length,
        result_rows=max(4, int(knobs["rows"])) * result_ratio,  # 4 at least, or a tile
        **knobs,
    )


MIXED_SPACE = SearchSpace(
    mixed_config,
    {
        "formats": choice(*FORMAT_SETS),
        "rows": power_of_two(2, 32),
        "cols": power_of_two(2, 32),
        "multiplier": choice("dsp"),
        "pipeline": choice(2, 3),
        "a_depth": power_of_two(512, 8192),
        "b_depth": power_of_two(512, 8192),
        "banks": choice(1, 2),
        "result_ratio": power_of_two(1, 2),
    },
)
"""Formats, array shape and buffers; products of more than four bits take multiplier blocks."""
