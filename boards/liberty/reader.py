"""From a Liberty file to a `Library`, in Kiln's units."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from hw.contracts import ConfigError

from .model import Arc, Cell, Constraint, Energy, Library, Pin, Sequential, Table
from .syntax import Group, numbers, parse

__all__ = ["read_liberty", "read_liberty_text"]

_TIME_NS = {"1ns": 1.0, "100ps": 0.1, "10ps": 0.01, "1ps": 0.001}
_LEAKAGE_NW = {"1mW": 1e6, "1uW": 1e3, "1nW": 1.0, "1pW": 1e-3}
_LOAD = "total_output_net_capacitance"
_CAPACITANCE_PF = {"pf": 1.0, "ff": 1e-3}


def read_liberty(path: str | Path, keep: Callable[[str], bool] | None = None) -> Library:
    """Read a Liberty file, plain or gzipped. `keep` says which cells, by name; default all."""
    path = Path(path)
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        text = data.decode()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise ConfigError(
            f"liberty={str(path)!r} cannot be read ({error}); give a Liberty (.lib or .lib.gz) file"
        ) from error
    try:
        return read_liberty_text(text, keep)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (ValueError, IndexError) as error:  # a number that is none, a table without its rows
        raise ConfigError(
            f"liberty={str(path)!r} holds a value that makes no sense ({error}); "
            "give the file as its maker wrote it"
        ) from error


def read_liberty_text(text: str, keep: Callable[[str], bool] | None = None) -> Library:
    """Return the library in Liberty `text`, its units converted to ns, pF, pJ and nW."""
    group = parse(text)
    if group.kind != "library":
        raise ConfigError(f"liberty: outermost group is {group.kind!r}; give a library")
    reader = _Reader(group)
    cells = [reader.cell(cell) for cell in group.all("cell") if keep is None or keep(cell.name)]
    if not cells:
        raise ConfigError("liberty: the library has no cells to use; give a standard-cell library")
    return Library(
        name=group.name,
        voltage=reader.voltage,
        temperature_c=reader.temperature,
        process=reader.corner,
        cells={cell.name: cell for cell in cells},
        digest=hashlib.sha256(text.encode()).hexdigest(),
        source=group.name,
    )


class _Reader:
    """Units and defaults of one library, applied to its cells."""

    def __init__(self, library: Group) -> None:
        attributes = library.attributes
        self.time = _unit(_TIME_NS, attributes.get("time_unit", "1ns"), "time_unit")
        self.leakage = _unit(
            _LEAKAGE_NW, attributes.get("leakage_power_unit", "1nW"), "leakage_power_unit"
        )
        scale, unit = library.lists.get("capacitive_load_unit", ("1", "pf"))
        self.cap = float(scale) * _unit(_CAPACITANCE_PF, unit.lower(), "capacitive_load_unit")
        conditions = library.first("operating_conditions")
        found = conditions.attributes if conditions else {}
        self.voltage = float(found.get("voltage", attributes.get("nom_voltage", "1")))
        self.temperature = float(found.get("temperature", attributes.get("nom_temperature", "25")))
        self.corner = conditions.name if conditions else ""
        self.templates = {
            group.name: group for group in library.groups if group.kind.endswith("_template")
        }
        self.default_cap = float(attributes.get("default_input_pin_cap", "0"))
        # Energy unit of internal_power: capacitance unit times 1 V squared.
        self.energy = self.cap

    def cell(self, group: Group) -> Cell:
        pins = [pin for pin in group.all("pin") if pin.attributes.get("direction") != "internal"]
        return Cell(
            name=group.name,
            area_um2=float(group.attributes.get("area", "0")),
            leakage_nw=float(group.attributes.get("cell_leakage_power", "0")) * self.leakage,
            pins={pin.name: self.pin(pin) for pin in pins},
            arcs=tuple(arc for pin in pins for arc in self.arcs(pin)),
            constraints=tuple(c for pin in pins for c in self.constraints(pin)),
            energies=tuple(e for pin in pins for e in self.energies(pin)),
            sequential=_sequential(group),
            usable=group.attributes.get("dont_use") != "true",
        )

    def pin(self, group: Group) -> Pin:
        attributes = group.attributes
        return Pin(
            name=group.name,
            output=attributes.get("direction") == "output",
            capacitance_pf=float(attributes.get("capacitance", self.default_cap)) * self.cap,
            max_load_pf=float(attributes.get("max_capacitance", "0")) * self.cap,
            clock=attributes.get("clock") == "true",
            # A tri-state output is no function of its inputs; nothing may be mapped to it.
            function="" if "three_state" in attributes else attributes.get("function", ""),
        )

    def arcs(self, pin: Group) -> Iterable[Arc]:
        for timing in pin.all("timing"):
            edge = timing.attributes.get("timing_type", "combinational")
            if edge not in ("combinational", "rising_edge", "falling_edge"):
                continue
            names = ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
            found = [timing.first(name) for name in names]
            tables = [self.table(group, self.time) for group in found if group is not None]
            if len(tables) != len(names):
                continue
            for source in timing.attributes.get("related_pin", "").split():
                yield Arc(
                    source=source,
                    target=pin.name,
                    sense=timing.attributes.get("timing_sense", "non_unate"),
                    edge="" if edge == "combinational" else edge,
                    rise=tables[0],
                    fall=tables[1],
                    rise_slew=tables[2],
                    fall_slew=tables[3],
                )

    def constraints(self, pin: Group) -> Iterable[Constraint]:
        for timing in pin.all("timing"):
            kind = timing.attributes.get("timing_type", "")
            rise, fall = timing.first("rise_constraint"), timing.first("fall_constraint")
            if not kind.startswith(("setup_", "hold_")) or not (rise or fall):
                continue
            tables = [
                self.table(group, self.time) for group in (rise or fall, fall or rise) if group
            ]
            yield Constraint(
                pin=pin.name,
                clock=timing.attributes.get("related_pin", ""),
                kind=kind.split("_")[0],
                rise=tables[0],
                fall=tables[1],
            )

    def energies(self, pin: Group) -> Iterable[Energy]:
        for power in pin.all("internal_power"):
            rise, fall = power.first("rise_power"), power.first("fall_power")
            tables = [
                self.table(group, self.energy) for group in (rise or fall, fall or rise) if group
            ]
            if tables:
                yield Energy(pin=pin.name, table=_mean(tables[0], tables[-1]))

    def table(self, group: Group, unit: float) -> Table:
        """Return the table in `group`: delays and energies over (slew, load).

        What a table does not say of its axes, its template does. Loads may come first.
        """
        template = self.templates.get(group.name, group)
        rows, first = _axis(group, template, 1)
        columns, second = _axis(group, template, 2)
        values = numbers(group, "values")
        if len(values) == 1:  # all in one row, or a table of one axis
            width = max(1, len(columns))
            values = tuple(values[0][at : at + width] for at in range(0, len(values[0]), width))
        scaled = tuple(tuple(x * unit for x in row) for row in values)
        if first == _LOAD:
            rows, columns, second = columns, rows, first
            scaled = tuple(zip(*scaled, strict=True))
        loads = self.cap if second == _LOAD or not _is_constraint(group) else self.time
        table = Table(
            tuple(x * self.time for x in rows) or (0.0,),
            tuple(x * loads for x in columns) or (0.0,),
            scaled,
        )
        _require_grid(table, group)
        return table


def _axis(group: Group, template: Group, number: int) -> tuple[tuple[float, ...], str]:
    """Return the points of an axis, and which quantity it is where that is stated."""
    points = numbers(group, f"index_{number}") or numbers(template, f"index_{number}")
    return (points[0] if points else ()), template.attributes.get(f"variable_{number}", "")


def _is_constraint(group: Group) -> bool:
    return group.kind.endswith("constraint")


def _require_grid(table: Table, group: Group) -> None:
    shape = {len(row) for row in table.values}
    if len(table.values) != len(table.rows) or shape != {len(table.columns)}:
        raise ConfigError(
            f"liberty: a {group.kind} table has {len(table.values)} rows of {sorted(shape)} values "
            f"for {len(table.rows)} by {len(table.columns)} points; give a complete file"
        )


def _unit(known: dict[str, float], unit: str, field: str) -> float:
    if unit not in known:
        raise ConfigError(f"liberty: {field}={unit!r} is not understood; use one of {list(known)}")
    return known[unit]


def _mean(rise: Table, fall: Table) -> Table:
    """Return the mean of two tables, on the grid of the first."""
    return Table(
        rise.rows,
        rise.columns,
        tuple(
            tuple((x + fall(r, c)) / 2 for c, x in zip(rise.columns, row, strict=True))
            for r, row in zip(rise.rows, rise.values, strict=True)
        ),
    )


def _sequential(cell: Group) -> Sequential | None:
    for kind, clock, data in (("ff", "clocked_on", "next_state"), ("latch", "enable", "data_in")):
        if group := cell.first(kind):
            found = group.attributes
            return Sequential(
                kind=kind,
                state=group.args[0],
                inverse=group.args[1] if len(group.args) > 1 else "",
                clock=found.get(clock, ""),
                data=found.get(data, ""),
                clear=found.get("clear", ""),
                preset=found.get("preset", ""),
            )
    return None
