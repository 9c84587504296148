"""From a `Library` to Liberty text that Yosys and ABC read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .model import Arc, Cell, Constraint, Library, Pin, Table

__all__ = ["write_liberty"]


def write_liberty(library: Library, keep: Callable[[str], bool] | None = None) -> str:
    """Return `library` as Liberty text; units ns, pF, nW and (internal power) pJ.

    Parameters
    ----------
    library : Library
        What to write.
    keep : callable, optional
        Which cells to write, by name. Default: all.
    """
    cells = [cell for name, cell in library.cells.items() if keep is None or keep(name)]
    shapes = sorted({_shape(table) for cell in cells for table in _tables(cell)})
    lines = [
        *_header(library),
        *(line for shape in shapes for line in _template(shape)),
        *(line for cell in cells for line in _cell(cell)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _header(library: Library) -> Iterator[str]:
    yield f"/* {library.source} */"
    yield f'library ("{library.name}") {{'
    yield '  technology ("cmos");'
    yield '  delay_model : "table_lookup";'
    for unit, value in (("time", "1ns"), ("voltage", "1V"), ("current", "1mA")):
        yield f'  {unit}_unit : "{value}";'
    yield '  leakage_power_unit : "1nW";'
    yield '  pulling_resistance_unit : "1kohm";'
    yield '  capacitive_load_unit (1.0, "pf");'
    yield f"  nom_voltage : {library.voltage};"
    yield f"  nom_temperature : {library.temperature_c};"
    yield "  nom_process : 1.0;"
    yield f'  operating_conditions ("{library.process}") {{'
    yield f"    voltage : {library.voltage};"
    yield f"    temperature : {library.temperature_c};"
    yield "    process : 1.0;"
    yield "  }"
    yield f'  default_operating_conditions : "{library.process}";'
    for edge in ("rise", "fall"):
        yield f"  slew_lower_threshold_pct_{edge} : 20.0;"
        yield f"  slew_upper_threshold_pct_{edge} : 80.0;"
        yield f"  input_threshold_pct_{edge} : 50.0;"
        yield f"  output_threshold_pct_{edge} : 50.0;"


def _tables(cell: Cell) -> Iterator[Table]:
    for arc in cell.arcs:
        yield from (arc.rise, arc.fall, arc.rise_slew, arc.fall_slew)
    for constraint in cell.constraints:
        yield from (constraint.rise, constraint.fall)
    yield from (energy.table for energy in cell.energies)


def _shape(table: Table) -> tuple[int, int]:
    return len(table.rows), len(table.columns)


def _template(shape: tuple[int, int]) -> Iterator[str]:
    """Yield the templates of tables with `shape`: over slew and load, and over two slews."""
    uses = (
        ("lu_table", "delay", "input_net_transition", "total_output_net_capacitance"),
        ("lu_table", "constraint", "related_pin_transition", "constrained_pin_transition"),
        ("power_lut", "power", "input_transition_time", "total_output_net_capacitance"),
    )
    for kind, name, first, second in uses:
        yield f'  {kind}_template ("{name}_{shape[0]}_{shape[1]}") {{'
        for axis, (variable, size) in enumerate(zip((first, second), shape, strict=True), 1):
            yield f"    variable_{axis} : {variable};"
            yield f'    index_{axis} ("{_numbers(range(1, size + 1))}");'
        yield "  }"


def _cell(cell: Cell) -> Iterator[str]:
    yield f'  cell ("{cell.name}") {{'
    yield f"    area : {cell.area_um2:.10g};"
    yield f"    cell_leakage_power : {cell.leakage_nw:.6g};"
    if not cell.usable:
        yield "    dont_use : true;"
    if state := cell.sequential:
        clock, data = {"ff": ("clocked_on", "next_state")}.get(state.kind, ("enable", "data_in"))
        yield f'    {state.kind} ("{state.state}", "{state.inverse}") {{'
        found = {clock: state.clock, data: state.data, "clear": state.clear, "preset": state.preset}
        yield from (f'      {name} : "{value}";' for name, value in found.items() if value)
        yield "    }"
    for pin in cell.pins.values():
        yield from _pin(cell, pin)
    yield "  }"


def _pin(cell: Cell, pin: Pin) -> Iterator[str]:
    yield f'    pin ("{pin.name}") {{'
    if pin.output:
        yield "      direction : output;"
        if pin.function:
            yield f'      function : "{pin.function}";'
        yield f"      max_capacitance : {pin.max_load_pf:.6g};"
        yield f"      max_transition : {_slowest(cell, pin):.4g};"
    else:
        yield "      direction : input;"
        # ABC computes loads from the capacitances of the edges alone.
        for edge in ("", "rise_", "fall_"):
            yield f"      {edge}capacitance : {pin.capacitance_pf:.6g};"
        if pin.clock:
            yield "      clock : true;"
    arcs = (arc for arc in cell.arcs if arc.target == pin.name)
    yield from (line for arc in arcs for line in _arc(arc))
    found = (constraint for constraint in cell.constraints if constraint.pin == pin.name)
    falling = cell.sequential is not None and cell.sequential.clock.startswith("!")
    edge = "falling" if falling else "rising"
    yield from (line for constraint in found for line in _constraint(constraint, edge))
    for energy in cell.energies:
        if energy.pin == pin.name:
            yield "      internal_power () {"
            for edge in ("rise_power", "fall_power"):
                yield from _table(edge, "power", energy.table)
            yield "      }"
    yield "    }"


def _slowest(cell: Cell, pin: Pin) -> float:
    """Return the slew of `pin` at its largest load, which ABC normalises its delays with."""
    tables = [t for a in cell.arcs if a.target == pin.name for t in (a.rise_slew, a.fall_slew)]
    return max((table(table.rows[0], pin.max_load_pf) for table in tables), default=1.0)


def _arc(arc: Arc) -> Iterator[str]:
    yield "      timing () {"
    yield f'        related_pin : "{arc.source}";'
    yield f"        timing_sense : {arc.sense};"
    yield f"        timing_type : {arc.edge or 'combinational'};"
    yield from _table("cell_rise", "delay", arc.rise)
    yield from _table("cell_fall", "delay", arc.fall)
    yield from _table("rise_transition", "delay", arc.rise_slew)
    yield from _table("fall_transition", "delay", arc.fall_slew)
    yield "      }"


def _constraint(constraint: Constraint, edge: str) -> Iterator[str]:
    yield "      timing () {"
    yield f'        related_pin : "{constraint.clock}";'
    yield f"        timing_type : {constraint.kind}_{edge};"
    yield from _table("rise_constraint", "constraint", constraint.rise)
    yield from _table("fall_constraint", "constraint", constraint.fall)
    yield "      }"


def _table(name: str, template: str, table: Table) -> Iterator[str]:
    rows, columns = _shape(table)
    yield f'        {name} ("{template}_{rows}_{columns}") {{'
    yield f'          index_1 ("{_numbers(table.rows)}");'
    yield f'          index_2 ("{_numbers(table.columns)}");'
    values = ", ".join(f'"{_numbers(row)}"' for row in table.values)
    yield f"          values ({values});"
    yield "        }"


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.7g}" for value in values)
