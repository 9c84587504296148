"""The unit's search space: every point is a design that can be built."""

from __future__ import annotations

from typing import Any

from hw.contracts import SearchSpace, choice

from .config import ACCUMULATORS, PORTS, SHARINGS, MacConfig

__all__ = ["MAC_SPACE", "from_knobs"]

XR_NPE = ("fp4_e2m1", "posit4", "posit8", "posit16")


def from_knobs(*, modes: str, guard: int, segmented: bool, **knobs: Any) -> MacConfig:
    """Return the unit at a point of the space.

    `modes` are names with ``+`` between; `guard` is what a window keeps of every product, in bits
    below the largest; `segmented` cuts a quire's adder into pieces of 32 bits.
    """
    quire = knobs["accumulator"] == "quire"
    return MacConfig(
        modes=tuple(modes.split("+")),
        alignment=guard + int(knobs["step"]),
        segment=32 if segmented and quire else 0,
        **knobs,
    )


MAC_SPACE = SearchSpace(
    from_knobs,
    {
        "modes": choice("+".join(XR_NPE), *XR_NPE, "int8", "int4+int8", "fp8_e4m3+fp16"),
        "port": choice(*PORTS),
        "reduce": choice(True, False),
        "sharing": choice(*SHARINGS),
        "accumulator": choice(*ACCUMULATORS),
        "guard": choice(16, 20, 24, 30),
        "step": choice(8, 16),
        "segmented": choice(True, False),
        "pipeline": choice(0, 1, 2, 3),
        "gating": choice(True, False),
        "length": choice(256, 4096),
    },
)
"""Formats, port, accumulator and pipeline of one unit."""
