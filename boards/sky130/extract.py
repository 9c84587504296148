"""Derives the compact sky130 table from the full Liberty file of the PDK.

Run ``python -m boards.sky130.extract LIBERTY`` to write the CSV files beside this one. Delays,
transitions and energies are fitted as ``a + b * load`` at each stated slew by least squares of the
relative error; where several Liberty groups describe one arc (by the state of other pins), the one
with the larger delay in the middle of the range is kept, as a worst-case timer does.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from boards.liberty import Arc, Cell, Constraint, Library, Table, read_liberty
from hw.contracts import ConfigError

from .table import CLOCK_SLEW_NS, DATA_SLEWS_NS, LOADS_PF, PREFIX, SLEWS_NS

__all__ = ["extract", "main", "wanted"]

_FIT_POINTS = 8
_FLOOR_NS, _FLOOR_PJ = 0.02, 0.0005  # below these a relative error says nothing
# Not for logic mapping: isolation cells (ABC would map logic to them), scan and enable flip-flops,
# delay lines, tri-states, fillers, and oddities without a use in generated logic.
_EXCLUDED = (
    "lpflow", "sdf", "sedf", "sdlclk", "dlclk", "edf", "dly", "clkdly", "macro", "probe",
    "decap", "diode", "fill", "tap", "ebuf", "einv", "bufbuf", "bufinv", "clkinvlp", "fah",
    "dfbb", "dlr", "dlxbn", "dlxbp", "dfrbp", "dfsbp", "dfxbp",
)  # fmt: skip


# Double variants are left out of the widest gates, stronger ones of all but those cells that a
# buffering or sizing pass would choose.
_WIDE = ("a2111", "a222", "a311", "a32", "a41", "o2111", "o311", "o32", "o41")
_STRONG = (
    "a21oi_", "and2_", "and3_", "buf_", "clkbuf_", "clkinv_", "dfrtp_", "dfstp_", "dfxtp_",
    "inv_", "mux2_", "nand2_", "nand3_", "nor2_", "nor3_", "o21ai_", "or2_", "or3_", "xnor2_",
    "xor2_",
)  # fmt: skip


def wanted(name: str) -> bool:
    """Return whether the Liberty cell `name` belongs into the compact table."""
    short = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or short.startswith(_EXCLUDED):
        return False
    drive = short.rpartition("_")[2]
    if drive == "2":
        return not short.startswith(_WIDE)
    return drive in ("0", "1") or short.startswith(_STRONG)


def extract(library: Library) -> dict[str, str]:
    """Return the text of every file of the compact table, by file name."""
    cells = [cell for name, cell in sorted(library.cells.items()) if wanted(name)]
    about = {
        "name": f"kiln_{library.name}",
        "source": f"derived from {library.name} (SkyWater Open PDK, Apache-2.0)",
        "source_sha256": library.digest,
        "voltage": library.voltage,
        "temperature_c": library.temperature_c,
        "process": library.process,
        "slews_ns": SLEWS_NS,
        "loads_pf_at_drive_1": LOADS_PF,
        "clock_slew_ns": CLOCK_SLEW_NS,
    }
    return {
        "cells.csv": _csv("cell area_um2 leakage_nw sequential", map(_cell_row, cells)),
        "pins.csv": _csv(
            "cell pin kind cap_ff max_load_ff function energy",
            (row for cell in cells for row in _pin_rows(cell)),
        ),
        "arcs.csv": _csv(
            "cell source target sense edge rise fall rise_slew fall_slew",
            (row for cell in cells for row in _arc_rows(cell)),
        ),
        "constraints.csv": _csv(
            "cell pin clock rise fall", (row for cell in cells for row in _setup_rows(cell))
        ),
        "table.json": json.dumps(about, indent=1) + "\n",
    }


def main(arguments: Sequence[str]) -> None:
    """Write the compact table next to this module."""
    if len(arguments) != 1:
        raise ConfigError("usage: python -m boards.sky130.extract LIBERTY; give one Liberty file")
    folder = Path(__file__).parent
    for name, text in extract(read_liberty(arguments[0], keep=wanted)).items():
        (folder / name).write_text(text, encoding="utf-8")


def _csv(header: str, rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows(rows)
    return buffer.getvalue()


def _cell_row(cell: Cell) -> tuple[str, ...]:
    state = cell.sequential
    fields = (
        [state.kind, state.state, state.inverse, state.clock, state.data, state.clear, state.preset]
        if state
        else []
    )
    return (_short(cell), f"{cell.area_um2:.10g}", f"{cell.leakage_nw:.4g}", "|".join(fields))


def _pin_rows(cell: Cell) -> Iterable[tuple[str, ...]]:
    loads = _loads(cell)
    for pin in cell.pins.values():
        kind = "output" if pin.output else "clock" if pin.clock else "input"
        tables = [energy.table for energy in cell.energies if energy.pin == pin.name]
        energy = _fit(_average(tables), loads if pin.output else (), _FLOOR_PJ) if tables else ""
        yield (
            _short(cell),
            pin.name,
            kind,
            f"{pin.capacitance_pf * 1000:.4g}",
            f"{pin.max_load_pf * 1000:.4g}" if pin.output else "",
            pin.function,
            energy,
        )


def _arc_rows(cell: Cell) -> Iterable[tuple[str, ...]]:
    loads = _loads(cell)
    for arc in _worst(cell.arcs):
        tables = (arc.rise, arc.fall, arc.rise_slew, arc.fall_slew)
        fits = [_fit(table, loads) for table in tables]
        yield (_short(cell), arc.source, arc.target, arc.sense, arc.edge, *fits)


def _setup_rows(cell: Cell) -> Iterable[tuple[str, ...]]:
    for constraint in cell.constraints:
        if constraint.kind == "setup":
            edges = (_setup(constraint, edge) for edge in ("rise", "fall"))
            yield (_short(cell), constraint.pin, constraint.clock, *edges)


def _setup(constraint: Constraint, edge: str) -> str:
    table: Table = getattr(constraint, edge)
    return " ".join(f"{table(CLOCK_SLEW_NS, slew) * 1000:.4g}" for slew in DATA_SLEWS_NS)


def _short(cell: Cell) -> str:
    return cell.name.removeprefix(PREFIX)


def _worst(arcs: Sequence[Arc]) -> list[Arc]:
    """Return one arc per (source, target, sense, edge): the slowest in mid-range."""
    found: dict[tuple[str, str, str, str], Arc] = {}
    for arc in arcs:
        key = (arc.source, arc.target, arc.sense, arc.edge)
        if key not in found or _middle(arc) > _middle(found[key]):
            found[key] = arc
    return list(found.values())


def _middle(arc: Arc) -> float:
    return arc.rise(0.1, 0.01) + arc.fall(0.1, 0.01)


def _average(tables: Sequence[Table]) -> Callable[[float, float], float]:
    return lambda slew, load: sum(table(slew, load) for table in tables) / len(tables)


def _loads(cell: Cell) -> list[float]:
    """Return loads in geometric steps over the fit range, scaled to the cell's drive."""
    strongest = max((pin.max_load_pf for pin in cell.outputs), default=0.0)
    low, high = (load * max(1.0, strongest / 0.17) for load in LOADS_PF)
    step = (high / low) ** (1 / (_FIT_POINTS - 1))
    return [min(low * step**i, strongest or high) for i in range(_FIT_POINTS)]


def _fit(
    table: Callable[[float, float], float], loads: Sequence[float], floor: float = _FLOOR_NS
) -> str:
    """Return ``a b`` for every stated slew: thousandths, and thousandths per fF; no load, ``a``."""
    if not loads:
        return " ".join(_round(table(slew, 0.0) * 1000, 0.01) for slew in SLEWS_NS)
    pairs = [_line(loads, [table(slew, load) for load in loads], floor) for slew in SLEWS_NS]
    return " ".join(f"{_round(a * 1000, 0.01)} {_round(b, 0.001)}" for a, b in pairs)


def _round(value: float, floor: float) -> str:
    """Return `value` with three digits, but none finer than `floor`."""
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, min(digits, -math.floor(math.log10(floor)))) + 0.0:g}"


def _line(x: Sequence[float], y: Sequence[float], floor: float) -> tuple[float, float]:
    """Return intercept and slope of least relative squares; below `floor`, absolute."""
    weights = [1 / max(abs(value), floor) ** 2 for value in y]
    total = sum(weights)
    x_mean = sum(w * a for w, a in zip(weights, x, strict=True)) / total
    y_mean = sum(w * b for w, b in zip(weights, y, strict=True)) / total
    spread = sum(w * (a - x_mean) ** 2 for w, a in zip(weights, x, strict=True))
    slope = (
        sum(w * (a - x_mean) * (b - y_mean) for w, a, b in zip(weights, x, y, strict=True)) / spread
    )
    return y_mean - slope * x_mean, slope


if __name__ == "__main__":
    main(sys.argv[1:])
