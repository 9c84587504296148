"""The compact table of sky130 cell facts, as CSV beside this file, and how it becomes a `Library`.

Four files share one key, the cell's name without its prefix:

``cells.csv``        area, leakage, and the sequential behaviour where there is one
``pins.csv``         capacitance, function, and energy of a transition
``arcs.csv``         delay and transition of each edge, linear in the load
``constraints.csv``  setup time over the slew of the data

A linear quantity is a pair ``a b`` (value = a + b * load) for each of the stated `SLEWS`, in ps and
ps/fF or fJ and fJ/fF; between two slews it is interpolated. That is the whole model.
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

__all__ = ["CLOCK_SLEW_NS", "DATA_SLEWS_NS", "LOADS_PF", "PREFIX", "SLEWS_NS", "load_table"]

PREFIX = "sky130_fd_sc_hd__"
SLEWS_NS = (0.02, 0.06, 0.2, 0.6)
"""Input slews at which the linear delays are stated."""
LOADS_PF = (0.0015, 0.05)
"""Load range of the fit, for a cell of drive strength 1; stronger cells in proportion."""
CLOCK_SLEW_NS = 0.06
"""Slew of the (ideal) clock at which setup times are stated."""
DATA_SLEWS_NS = (0.02, 0.5, 1.5)

_FILES = ("cells.csv", "pins.csv", "arcs.csv", "constraints.csv")
T = TypeVar("T")

# A line needs two points; ABC divides by zero on tables of fewer than three columns.
_COLUMNS_PF = (LOADS_PF[0], 0.01, LOADS_PF[1])

_QUANTITIES = ("rise", "fall", "rise_slew", "fall_slew")


def load_table() -> Library:
    """Return the compact table as a library, with the conditions recorded in ``table.json``."""
    texts = {name: _text(name) for name in _FILES}
    about = json.loads(_text("table.json"))
    rows = {name: list(csv.DictReader(text.splitlines())) for name, text in texts.items()}
    pins, energies = _pins(rows["pins.csv"])
    arcs = _group((row["cell"], _arc(row)) for row in rows["arcs.csv"])
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
        (row["cell"], Energy(pin=row["pin"], table=linear(row["energy"])))
        for row in rows
        if row["energy"]
    )
    return pins, energies


def _arc(row: dict[str, str]) -> Arc:
    tables = [linear(row[name]) for name in _QUANTITIES]
    return Arc(
        source=row["source"],
        target=row["target"],
        sense=row["sense"],
        edge=row["edge"],
        rise=tables[0],
        fall=tables[1],
        rise_slew=tables[2],
        fall_slew=tables[3],
    )


def _constraint(row: dict[str, str]) -> Constraint:
    tables = [
        Table((0.0,), DATA_SLEWS_NS, (tuple(float(x) / 1000 for x in row[edge].split()),))
        for edge in ("rise", "fall")
    ]
    return Constraint(
        pin=row["pin"], clock=row["clock"], kind="setup", rise=tables[0], fall=tables[1]
    )


def linear(pairs: str) -> Table:
    """Return the table of ``a b`` pairs, or of plain ``a`` where nothing is loaded."""
    numbers = [float(x) for x in pairs.split()]
    if len(numbers) == len(SLEWS_NS):
        return Table(SLEWS_NS, (0.0,), tuple((a / 1000,) for a in numbers))
    values = tuple(
        tuple(a / 1000 + b * load for load in _COLUMNS_PF)
        for a, b in zip(numbers[::2], numbers[1::2], strict=True)
    )
    return Table(SLEWS_NS, _COLUMNS_PF, values)


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
