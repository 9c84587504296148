"""Energies behind the closed form of sky130 power, found on generated processing elements.

Run ``python -m bench.power_coefficients``. Elements of three operand widths and two accumulator
widths are exported, mapped and weighed gate by gate at random operands; energies of a product, of
an accumulator bit and of a flip-flop follow by least squares. What it prints belongs into
`boards.power.analytic`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from boards.netlist import Netlist, read_netlist
from boards.power import asic_power
from boards.sky130 import liberty, library
from boards.sky130.mapping import ABC_AREA, mapping_commands
from hw.export import export
from hw.export.yosys import run_yosys
from hw.matrix import MatrixConfig

__all__ = ["main"]

_ELEMENT = "kiln_matrix_pe"
_RANDOM = 0.5
_ACCUMULATOR = 0.25
SHAPES = ((4, 16), (4, 32), (8, 24), (8, 32), (16, 40), (16, 48))


def element(folder: Path, operand_bits: int, accum_bits: int) -> Netlist:
    """Return a processing element of a 3x3 array, mapped to sky130."""
    config = MatrixConfig(
        rows=3, cols=3, operand_bits=operand_bits, accum_bits=accum_bits, multiplier="lut"
    )
    (folder / "in.v").write_text(export(config).verilog)
    (folder / "area.abc").write_text(ABC_AREA)
    cells = liberty(folder / "cells.lib")
    run_yosys(
        f"read_verilog {folder / 'in.v'}",
        *mapping_commands(_ELEMENT, cells, folder / "area.abc"),
        f"write_json {folder / 'out.json'}",
    )
    return read_netlist(folder / "out.json", top=_ELEMENT)


def rates(netlist: Netlist) -> dict[str, float]:
    """Return an activity record: random operands, and sums whose upper bits are still."""
    names = {name for found in netlist.modules[_ELEMENT].names.values() for name in found}
    sums = {name for name in names if "acc" in name or "drain" in name or "sum" in name}
    return {"*": _RANDOM, **{f"{_ELEMENT}.{name}": _ACCUMULATOR for name in sums}}


def rows(folder: Path) -> Iterator[tuple[int, int, int, dict[str, float]]]:
    """Yield operand width, accumulator width, flip-flops and energies of every shape."""
    for operand_bits, accum_bits in SHAPES:
        netlist = element(folder, operand_bits, accum_bits)
        report = asic_power(netlist, library(), rates(netlist))
        flops = sum(n for cell, n in netlist.cell_counts.items() if "__df" in cell)
        yield operand_bits, accum_bits, flops, dict(report.energy_pj)


def main() -> None:
    """Print the coefficients and how far the elements lie from them."""
    with tempfile.TemporaryDirectory() as name:
        found = list(rows(Path(name)))
    logic = np.array([energy["logic"] for *_, energy in found])
    terms = np.array([[(bits / 8) ** 2, accum] for bits, accum, *_ in found])
    weight = 1 / logic
    multiply, accumulate = np.linalg.lstsq(terms * weight[:, None], logic * weight, rcond=None)[0]
    error = terms @ [multiply, accumulate] / logic - 1
    clock = np.mean([energy["clock"] / flops for *_, flops, energy in found])
    toggle = np.mean(
        [
            energy["registers"] / (flops * (_RANDOM + _ACCUMULATOR) / 2)
            for *_, flops, energy in found
        ]
    )
    for (bits, accum, flops, energy), off in zip(found, error, strict=True):
        print(f"int{bits} into {accum}: {flops} flip-flops, {energy}, fit {off:+.0%}")
    print(f"multiply_pj={multiply:.3f} accumulate_pj={accumulate:.4f}")
    print(f"ff_clock_pj={clock:.4f} ff_pj={toggle:.4f}")


if __name__ == "__main__":
    main()
