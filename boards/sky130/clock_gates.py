"""The clock-gating cells of sky130, as CSV beside this file: a latch and an AND in one cell.

They are kept apart from the table of `boards.sky130.table`: synthesis maps no logic to them, and
what they cost depends on how often they let the clock through. Energies are those of the PDK at the
clock's slew; the mean of a rise and a fall, at the points of the PDK's own tables.

Run ``python -m boards.sky130.clock_gates LIBERTY`` to write the CSV anew from the PDK's file.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path

from boards.liberty import Cell, Energy, Library, Pin, Table, read_liberty
from hw.contracts import ConfigError

from .table import CLOCK_SLEW_NS, PREFIX

__all__ = ["CLOCK_PIN", "ENABLE_PIN", "GATED_PIN", "clock_gate_rows", "clock_gates", "main"]

CLOCK_PIN, ENABLE_PIN, GATED_PIN = "CLK", "GATE", "GCLK"
_NAMES = tuple(f"{PREFIX}dlclkp_{drive}" for drive in (1, 2, 4))
_FILE = "clock_gates.csv"
_HEADER = "cell area_um2 leakage_nw clk_ff gate_ff max_load_ff clk_fj gate_fj loads_ff gclk_fj"


@lru_cache(maxsize=1)
def clock_gates() -> tuple[Cell, ...]:
    """Return the cells, the weakest first."""
    text = resources.files("boards.sky130").joinpath(_FILE).read_text(encoding="utf-8")
    return tuple(_cell(row) for row in csv.DictReader(text.splitlines()))


def _cell(row: dict[str, str]) -> Cell:
    loads, energies = (
        tuple(float(x) / 1000 for x in row[name].split()) for name in ("loads_ff", "gclk_fj")
    )
    pins = (
        Pin(name=CLOCK_PIN, output=False, capacitance_pf=float(row["clk_ff"]) / 1000, clock=True),
        Pin(name=ENABLE_PIN, output=False, capacitance_pf=float(row["gate_ff"]) / 1000),
        Pin(name=GATED_PIN, output=True, max_load_pf=float(row["max_load_ff"]) / 1000),
    )
    tables = {
        CLOCK_PIN: Table((0.0,), (0.0,), ((float(row["clk_fj"]) / 1000,),)),
        ENABLE_PIN: Table((0.0,), (0.0,), ((float(row["gate_fj"]) / 1000,),)),
        GATED_PIN: Table((CLOCK_SLEW_NS,), loads, (energies,)),
    }
    return Cell(
        name=PREFIX + row["cell"],
        area_um2=float(row["area_um2"]),
        leakage_nw=float(row["leakage_nw"]),
        pins={pin.name: pin for pin in pins},
        energies=tuple(Energy(pin=name, table=table) for name, table in tables.items()),
        usable=False,
    )


def clock_gate_rows(library: Library) -> str:
    """Return the text of the CSV file, from the cells of the PDK."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_HEADER.split())
    for name in _NAMES:
        cell = library.cells[name]
        clock, enable, gated = (cell.pins[pin] for pin in (CLOCK_PIN, ENABLE_PIN, GATED_PIN))
        loads = next(e.table.columns for e in cell.energies if e.pin == GATED_PIN)
        out = [cell.energy_pj(GATED_PIN, CLOCK_SLEW_NS, load) for load in loads]
        numbers = (
            clock.capacitance_pf,
            enable.capacitance_pf,
            gated.max_load_pf,
            cell.energy_pj(CLOCK_PIN, CLOCK_SLEW_NS),
            cell.energy_pj(ENABLE_PIN, CLOCK_SLEW_NS),
        )
        row = [f"{number * 1000:.4g}" for number in numbers]
        lists = (" ".join(f"{number * 1000:.4g}" for number in each) for each in (loads, out))
        first = (name.removeprefix(PREFIX), f"{cell.area_um2:.10g}", f"{cell.leakage_nw:.4g}")
        writer.writerow([*first, *row, *lists])
    return buffer.getvalue()


def main(arguments: Sequence[str]) -> None:
    """Write the CSV next to this module."""
    if len(arguments) != 1:
        raise ConfigError("usage: python -m boards.sky130.clock_gates LIBERTY; give one file")
    text = clock_gate_rows(read_liberty(arguments[0], keep=lambda name: name in _NAMES))
    (Path(__file__).parent / _FILE).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
