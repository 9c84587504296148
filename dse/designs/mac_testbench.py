"""Test bench of a multiply-accumulate unit, in plain Verilog, and the header that goes with it."""

from __future__ import annotations

from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hw.export import ExportedDesign
    from hw.mac import MacConfig

__all__ = ["mac_files"]

_SEED = 2024
_DOTS = 24  # dot products of each mode


def mac_files(config: MacConfig, design: ExportedDesign) -> dict[str, str | bytes]:
    """Return file name to content: C header, self-checking bench and its stimulus.

    Modes alternate from dot product to dot product; operands are drawn from a fixed seed, NaN and
    NaR among them. What is expected is the golden model's.
    """
    from hw.mac import c_header
    from sim.mac import random_stimulus

    found = random_stimulus(config, _DOTS, seed=_SEED)
    elements, expected = found.elements, found.expected
    widths = {port.name: port.width for port in design.ports}
    bench = Template((files(__package__) / "mac_testbench.v").read_text("utf-8")).substitute(
        top=design.top,
        in_bits=widths["s_axis_tdata"],
        out_bits=widths["m_axis_tdata"],
        in_last=len(elements) - 1,
        out_last=len(expected) - 1,
        limit=100 * (len(elements) + 1000),
    )
    last = widths["s_axis_tdata"]
    return {
        f"{design.top}.h": c_header(config, design.top),
        f"testbench/tb_{design.top}.v": bench,
        "testbench/elements.hex": "".join(f"{end << last | data:x}\n" for data, end in elements),
        "testbench/expected.hex": "".join(f"{word:x}\n" for word, _ in expected),
        "testbench/mask.hex": "".join(f"{mask:x}\n" for _, mask in expected),
    }
