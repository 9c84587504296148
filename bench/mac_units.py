"""The units that the benches of `hw/mac` measure, and those they are compared with."""

from __future__ import annotations

from dataclasses import replace

from hw.mac import MacConfig
from hw.numerics import FORMATS

__all__ = [
    "FLOATS",
    "LONG",
    "MODES",
    "OWN",
    "QUIRE",
    "REFERENCE",
    "SHARED",
    "SHORT",
    "WIDE",
    "single",
]

MODES = ("fp4_e2m1", "posit4", "posit8", "posit16")
"""The four formats of XR-NPE (arXiv 2508.13049)."""

REFERENCE = MacConfig(
    modes=MODES,
    port="fixed",
    reduce=True,
    accumulator="bounded",
    alignment=35,
    step=16,
    length=4096,
    sharing="dedicated",
    pipeline=3,
)
"""Fixed 16-bit port, one sum of all lanes, a window no narrower than PDPU's 30-bit alignment.

Decoders, rounding into all four formats, gating of idle lanes and the handshake are included.
"""

SHARED = replace(REFERENCE, sharing="shared")
QUIRE = replace(REFERENCE, accumulator="quire", segment=32)
WIDE = replace(REFERENCE, port="wide")
OWN = replace(REFERENCE, step=8, alignment=38)
"""A window of which every product keeps 30 bits below the largest's top, at a slower loop."""

SHORT = MacConfig(modes=tuple(n for n, f in FORMATS.items() if f.bits <= 8), outputs=("fp16",))
"""Every named format of up to 8 bits, in one quire."""
LONG = MacConfig(modes=("fp16", "int16", "int12", "posit16_es2"), sharing="dedicated", segment=40)
"""Formats of 16 bits that XR-NPE has not."""
FLOATS = replace(REFERENCE, modes=("bf16", "fp16", "fp8_e5m2"), step=8, alignment=40)
"""BF16, for which no quire of 256 bits is exact."""


def single(mode: str, unit: MacConfig = REFERENCE, **knobs: object) -> MacConfig:
    """Return the unit of one format at the same port, accumulator and throughput as `unit`."""
    return replace(unit, modes=(mode,), **knobs)  # type: ignore[arg-type]
