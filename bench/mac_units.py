"""The units that the benches of `hw/mac` measure, and those they are compared with."""

from __future__ import annotations

from dataclasses import replace

from hw.mac import MacConfig

__all__ = ["MODES", "OWN", "QUIRE", "REFERENCE", "SHARED", "WIDE", "single"]

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


def single(mode: str, unit: MacConfig = REFERENCE, **knobs: object) -> MacConfig:
    """Return the unit of one format at the same port, accumulator and throughput as `unit`."""
    return replace(unit, modes=(mode,), **knobs)  # type: ignore[arg-type]
