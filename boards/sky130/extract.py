"""Derives the compact sky130 table from the full Liberty file of the PDK.

Run ``python -m boards.sky130.extract LIBERTY`` to write the CSV files beside this one. Delays,
transitions and energies are fitted at the knots of a `Grid` to the points of the file's own tables,
7 slews of up to 1.5 ns by 7 loads; where several Liberty groups describe one arc (by the state of
other pins), the one with the larger delay in the middle of the range is kept, as a worst-case timer
does.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from boards.liberty import Arc, Cell, Constraint, Library, Table, read_liberty
from hw.contracts import ConfigError

from .grid import DELAY, ENERGY, INPUT_ENERGY, TRANSITION, Grid
from .table import CLOCK_SLEW_NS, DATA_SLEWS_NS, PREFIX, SENSES

__all__ = ["LIBERTY_SLEWS_NS", "extract", "liberty_loads_pf", "main", "wanted", "worst"]

LIBERTY_SLEWS_NS = tuple(float(slew) for slew in np.geomspace(0.01, 1.5, 7))
"""Slews of the PDK's tables; those of three large buffers go further, with fewer below 1.5 ns."""
_BETWEEN = 0.4  # what an error half-way between two points of the PDK's tables counts
_QUANTITIES = ("rise", "fall", "rise_slew", "fall_slew")
_GRIDS = (
    *zip(_QUANTITIES, (DELAY, DELAY, TRANSITION, TRANSITION), strict=True),
    ("energy", ENERGY),
    ("input energy", INPUT_ENERGY),
)
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
        "knots": {
            name: {"slews_ns": grid.slews_ns, "load_steps": grid.steps} for name, grid in _GRIDS
        },
        "clock_slew_ns": CLOCK_SLEW_NS,
    }
    return {
        "cells.csv": _csv("cell area_um2 leakage_nw sequential", map(_cell_row, cells)),
        "pins.csv": _csv(
            "cell pin kind cap_ff max_load_ff function energy",
            _pin_rows(cells),
        ),
        "arcs.csv": _csv(
            "cell source target sense edge rise fall rise_slew fall_slew",
            _arc_rows(cells),
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


def _pin_rows(cells: Sequence[Cell]) -> Iterator[tuple[str, ...]]:
    pins = [(cell, pin) for cell in cells for pin in cell.pins.values()]
    tables = [[e.table for e in cell.energies if e.pin == pin.name] for cell, pin in pins]
    fitted: dict[int, str] = {}
    for grid, output in ((ENERGY, True), (INPUT_ENERGY, False)):
        rows = [at for at, (_, pin) in enumerate(pins) if tables[at] and pin.output == output]
        loads = [pins[at][1].max_load_pf if output else 0.0 for at in rows]
        fitted.update(zip(rows, _fit(grid, [tables[at] for at in rows], loads), strict=True))
    for at, (cell, pin) in enumerate(pins):
        yield (
            _short(cell),
            pin.name,
            "output" if pin.output else "clock" if pin.clock else "input",
            f"{pin.capacitance_pf * 1000:.4g}",
            f"{pin.max_load_pf * 1000:.4g}" if pin.output else "",
            pin.function,
            fitted.get(at, ""),
        )


def _arc_rows(cells: Sequence[Cell]) -> Iterator[tuple[str, ...]]:
    arcs = [(cell, arc) for cell in cells for arc in worst(cell.arcs)]
    loads = [cell.pins[arc.target].max_load_pf for cell, arc in arcs]
    columns = [
        _fit(grid, [[getattr(arc, name)] for _, arc in arcs], loads)
        for name, grid in _GRIDS
        if name in _QUANTITIES
    ]
    signs = {sense: sign for sign, sense in SENSES.items()}
    for (cell, arc), *fits in zip(arcs, *columns, strict=True):
        yield (_short(cell), arc.source, arc.target, signs[arc.sense], arc.edge, *fits)


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


def worst(arcs: Sequence[Arc]) -> list[Arc]:
    """Return one arc per (source, target, sense, edge): the slowest in mid-range."""
    found: dict[tuple[str, str, str, str], Arc] = {}
    for arc in arcs:
        key = (arc.source, arc.target, arc.sense, arc.edge)
        if key not in found or _middle(arc) > _middle(found[key]):
            found[key] = arc
    return list(found.values())


def _middle(arc: Arc) -> float:
    return arc.rise(0.1, 0.01) + arc.fall(0.1, 0.01)


def liberty_loads_pf(max_load_pf: float) -> tuple[float, ...]:
    """Return the loads of the PDK's tables for a pin of `max_load_pf`."""
    if not max_load_pf:
        return (0.0,)
    return tuple(float(load) for load in np.geomspace(0.0005, max_load_pf, 7))


def _fit(grid: Grid, tables: Sequence[Sequence[Table]], loads: Sequence[float]) -> list[str]:
    """Return what the table has for each of `tables`, every one the mean of several."""
    points = [_points(found, load) for found, load in zip(tables, loads, strict=True)]
    shape = (len(points[0].rows), len(points[0].columns))
    counts = [_BETWEEN if row % 2 or column % 2 else 1.0 for row, column in np.ndindex(shape)]
    return [grid.write(values) for values in grid.fit(points, loads, counts)]


def _points(tables: Sequence[Table], max_load_pf: float) -> Table:
    slews, loads = _halved(LIBERTY_SLEWS_NS), _halved(liberty_loads_pf(max_load_pf))
    values = [
        tuple(sum(table(slew, load) for table in tables) / len(tables) for load in loads)
        for slew in slews
    ]
    return Table(slews, loads, tuple(values))


def _halved(points: Sequence[float]) -> tuple[float, ...]:
    """Return `points` and, between any two, one half-way."""
    middles = [(low + high) / 2 for low, high in pairwise(points)]
    return tuple(sorted((*points, *middles)))


if __name__ == "__main__":
    main(sys.argv[1:])
