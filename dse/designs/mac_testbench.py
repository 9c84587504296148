"""Test bench of a multiply-accumulate unit, in plain Verilog, and the header that goes with it."""

from __future__ import annotations

from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hw.export import ExportedDesign
    from hw.mac import MacConfig

__all__ = ["mac_files"]

_SEED = 2024
_DOTS = 24  # dot products of each mode
_LONGEST = 40  # elements of one


def mac_files(config: MacConfig, design: ExportedDesign) -> dict[str, str | bytes]:
    """Return file name to content: C header, self-checking bench and its stimulus.

    Modes alternate from dot product to dot product; operands are any codes, NaN and NaR included,
    drawn from a fixed seed. What is expected is the golden model's.
    """
    from hw.mac import c_header

    elements, expected = _stimulus(config)
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


def _stimulus(config: MacConfig) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return elements with their ``last``, and expected results with the bits that count."""
    from hw.mac import pack_elements, result_format, result_word, sums

    rng = np.random.default_rng(_SEED)
    elements: list[tuple[int, int]] = []
    expected: list[tuple[int, int]] = []
    for dot in range(_DOTS * len(config.modes)):
        mode = config.plan.modes[dot % len(config.modes)]
        name = mode.format.name
        longest = max(1, min(_LONGEST, config.length // mode.lanes))
        shape = (int(rng.integers(1, longest + 1)), mode.lanes)
        A, B = (rng.integers(0, 1 << mode.format.bits, shape) for _ in range(2))
        choices = config.output_formats if config.outputs else (mode.format,)
        output = choices[int(rng.integers(len(choices)))].name
        words = pack_elements(config, name, A, B, output=output, slot=dot % config.bank)
        data = [sum(int(word) << (32 * at) for at, word in enumerate(row)) for row in words]
        elements += [(value, int(at == len(data) - 1)) for at, value in enumerate(data)]
        found = sums(config, name, A, B, [len(A)])
        codes = found.encode(result_format(config, name, output if config.outputs else None))
        expected.append(result_word(config, name, codes[0]))
    return elements, expected
