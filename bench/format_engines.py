"""Engines with number formats: what elements and edges cost, as fitted to measured designs.

Run ``python -m bench.format_engines [--family ecp5]``; it prints the table of
``docs/mixed-precision.md`` from ``surrogates/mixed.json``, which is measured by
``python -m dse.calibrate --formats``:
nine synthesised designs and one routed one for each set of formats.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hw.matrix import FORMAT_SETS
from hw.numerics import find_format
from surrogates.mixed import fits, mixed_group

__all__ = ["main", "table"]

_ELEMENT, _ROW, _COL = 1, 2, 3  # places among the fit's features


def table(family: str, pipeline: int) -> list[str]:
    """Return the rows of a Markdown table."""
    rows = [
        "| formats | products | LUT | FF | DSP | LUT a row | LUT a column | MHz, 4x4 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    groups = fits(family)
    for formats in FORMAT_SETS:
        group = groups.get(mixed_group(formats, pipeline))
        if group is None:
            continue
        lut, ff, dsp = (group["coefficients"][name] for name in ("lut", "ff", "dsp"))
        lanes = max(16 // find_format(name).container_bits for name in formats.split("+"))
        numbers = (lanes, lut[_ELEMENT], ff[_ELEMENT], dsp[_ELEMENT], lut[_ROW], lut[_COL])
        cells = " | ".join(f"{number:.0f}" for number in numbers)
        rows.append(f"| {formats.replace('+', ', ')} | {cells} | {group['routed_mhz']:.1f} |")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--family", default="ecp5")
    parser.add_argument("--pipeline", type=int, default=2)
    options = parser.parse_args(arguments)
    print("\n".join(table(options.family, options.pipeline)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
