"""The compact table of sky130 cell facts, as CSV beside this file, and how it becomes a `Library`.

Four files share one key, the cell's name without its prefix:

``cells.csv``        area, leakage, and the sequential behaviour where there is one
``pins.csv``         capacitance, function, and energy of a transition
``arcs.csv``         delay and transition of each edge
``constraints.csv``  setup time over the slew of the data

Delays, transitions and energies are values at the knots of a `Grid`, in ps or fJ, one slew after
the other; between and beyond the knots they are linear. That is the whole model.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import TypeVar

from boards.liberty import Arc, Cell, Constraint, Energy, Library, Pin, Sequential, Table

from .grid import DELAY, ENERGY, INPUT_ENERGY, TRANSITION

__all__ = ["CLOCK_SLEW_NS", "DATA_SLEWS_NS", "PREFIX", "SENSES", "load_table"]

PREFIX = "sky130_fd_sc_hd__"
CLOCK_SLEW_NS = 0.06
"""Slew of the (ideal) clock at which setup times are stated."""
DATA_SLEWS_NS = (0.02, 0.5, 1.5)

_FILES = ("cells.csv", "pins.csv", "arcs.csv", "constraints.csv")
T = TypeVar("T")

SENSES = {"+": "positive_unate", "-": "negative_unate", "": "non_unate"}
"""How the table writes senses."""


def load_table() -> Library:
    """Return the compact table as a library, with the conditions recorded in ``table.json``."""
    texts = {name: _text(name) for name in _FILES}
    about = json.loads(_text("table.json"))
    rows = {name: list(csv.DictReader(text.splitlines())) for name, text in texts.items()}
    pins, energies = _pins(rows["pins.csv"])
    arcs = _group((row["cell"], _arc(row, pins[row["cell"]])) for row in rows["arcs.csv"])
    constraints = _group((row["cell"], _constraint(row)) for row in rows["constraints.csv"])
    cells = [
        Cell(
            name=PREFIX + row["cell"],
            area_um2=float(row["area_um2"]),
            leakage_nw=float(row["leakage_nw"]),
            pins={pin.name: pin for pin in pins[row["cell"]]},
            arcs=tuple(arcs[row["cell"]]),
            constraints=tuple(constraints[row["cell"]]),
            energies=tuple(energies[row["cell"]]),
            sequential=_sequential(row["sequential"]),
        )
        for row in rows["cells.csv"]
    ]
    digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()
    return Library(
        name=about["name"],
        voltage=about["voltage"],
        temperature_c=about["temperature_c"],
        process=about["process"],
        cells={cell.name: cell for cell in cells},
        digest=digest,
        source=about["source"],
    )


def _text(name: str) -> str:
    return resources.files("boards.sky130").joinpath(name).read_text(encoding="utf-8")


def _group(pairs: Iterable[tuple[str, T]]) -> defaultdict[str, list[T]]:
    grouped: defaultdict[str, list[T]] = defaultdict(list)
    for key, value in pairs:
        grouped[key].append(value)
    return grouped


def _pins(
    rows: Sequence[dict[str, str]],
) -> tuple[defaultdict[str, list[Pin]], defaultdict[str, list[Energy]]]:
    pins = _group(
        (
            row["cell"],
            Pin(
                name=row["pin"],
                output=row["kind"] == "output",
                capacitance_pf=float(row["cap_ff"]) / 1000,
                max_load_pf=float(row["max_load_ff"] or 0) / 1000,
                clock=row["kind"] == "clock",
                function=row["function"],
            ),
        )
        for row in rows
    )
    energies = _group(
        (row["cell"], Energy(pin=row["pin"], table=_energy(row))) for row in rows if row["energy"]
    )
    return pins, energies


def _energy(row: dict[str, str]) -> Table:
    grid = ENERGY if row["kind"] == "output" else INPUT_ENERGY
    return grid.read(row["energy"], float(row["max_load_ff"] or 0) / 1000)


def _arc(row: dict[str, str], pins: Sequence[Pin]) -> Arc:
    load = next(pin.max_load_pf for pin in pins if pin.name == row["target"])
    return Arc(
        source=row["source"],
        target=row["target"],
        sense=SENSES[row["sense"]],
        edge=row["edge"],
        rise=DELAY.read(row["rise"], load),
        fall=DELAY.read(row["fall"], load),
        rise_slew=TRANSITION.read(row["rise_slew"], load),
        fall_slew=TRANSITION.read(row["fall_slew"], load),
    )


def _constraint(row: dict[str, str]) -> Constraint:
    tables = [
        Table((0.0,), DATA_SLEWS_NS, (tuple(float(x) / 1000 for x in row[edge].split()),))
        for edge in ("rise", "fall")
    ]
    return Constraint(
        pin=row["pin"], clock=row["clock"], kind="setup", rise=tables[0], fall=tables[1]
    )


def _sequential(text: str) -> Sequential | None:
    if not text:
        return None
    kind, state, inverse, clock, data, clear, preset = text.split("|")
    return Sequential(
        kind=kind,
        state=state,
        inverse=inverse,
        clock=clock,
        data=data,
        clear=clear,
        preset=preset,
    )
