"""A cell library as data: areas, pins, delay and energy tables, in one set of units.

Units are those of the names: ns, pF, pJ, nW, um2. A full Liberty file and the compact sky130 table
both become a `Library`, so that timing and power never ask where the figures came from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Arc", "Cell", "Constraint", "Energy", "Library", "Pin", "Sequential", "Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """Values on a grid of `rows` (input slew) by `columns` (load); linear between and beyond.

    Parameters
    ----------
    rows, columns : tuple of float
        Grid points, ascending. A one-dimensional table has one column, a constant one of each.
    values : tuple of tuple of float
        One row of values per grid row.
    """

    rows: tuple[float, ...]
    columns: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]

    def __call__(self, row: float, column: float = 0.0) -> float:
        i, s = _locate(self.rows, row)
        j, t = _locate(self.columns, column)
        values = self.values[i]
        low = values[j] + t * (values[j + 1] - values[j]) if t else values[j]
        if not s:
            return low
        values = self.values[i + 1]
        high = values[j] + t * (values[j + 1] - values[j]) if t else values[j]
        return low + s * (high - low)


def _locate(grid: tuple[float, ...], x: float) -> tuple[int, float]:
    """Return the interval of `grid` that holds `x`, and where: 0 to 1, beyond that outside."""
    last = len(grid) - 2
    if last < 0:
        return 0, 0.0
    i = bisect_right(grid, x) - 1
    if i < 0:
        i = 0
    elif i > last:
        i = last
    start = grid[i]
    return i, (x - start) / (grid[i + 1] - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One signal pin. `function` is the Liberty expression of an output, else empty."""

    name: str
    output: bool
    capacitance_pf: float = 0.0
    max_load_pf: float = 0.0
    clock: bool = False
    function: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """Delay from `source` to `target`.

    Parameters
    ----------
    sense : str
        ``positive_unate``, ``negative_unate`` or ``non_unate``.
    edge : str
        Empty for a combinational arc; ``rising_edge`` or ``falling_edge`` of a clock.
    rise, fall, rise_slew, fall_slew : Table
        Delay and transition of the output edge named, over (input slew, output load).
    """

    source: str
    target: str
    sense: str
    edge: str = ""
    rise: Table
    fall: Table
    rise_slew: Table
    fall_slew: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """Setup or hold of `pin` to `clock`: tables over (clock slew, data slew)."""

    pin: str
    clock: str
    kind: str
    rise: Table
    fall: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Mean internal energy of one transition of `pin` (rise and fall averaged), in pJ.

    Liberty books half of the load's C*V*V as negative energy of the fall and positive energy of
    the rise; the mean is free of it, and 0.5*C*V*V per transition is added by whoever knows C.
    """

    pin: str
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequential:
    """State of a flip-flop or latch: Liberty expressions over the cell's inputs."""

    kind: str
    state: str
    inverse: str
    clock: str
    data: str
    clear: str = ""
    preset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One library cell. Synthesis leaves it alone unless it is `usable`."""

    name: str
    area_um2: float
    leakage_nw: float
    pins: Mapping[str, Pin]
    arcs: tuple[Arc, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    energies: tuple[Energy, ...] = ()
    sequential: Sequential | None = None
    usable: bool = True

    @property
    def inputs(self) -> tuple[Pin, ...]:
        return tuple(pin for pin in self.pins.values() if not pin.output)

    @property
    def outputs(self) -> tuple[Pin, ...]:
        return tuple(pin for pin in self.pins.values() if pin.output)

    def energy_pj(self, pin: str, slew_ns: float, load_pf: float = 0.0) -> float:
        """Return the mean internal energy of one transition of `pin`; 0 if none is tabled."""
        found = [energy.table(slew_ns, load_pf) for energy in self.energies if energy.pin == pin]
        return sum(found) / len(found) if found else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """All cells of a process corner, with the conditions they hold at.

    `digest` identifies the source text, for caches and provenance.
    """

    name: str
    voltage: float
    temperature_c: float
    process: str
    cells: Mapping[str, Cell]
    digest: str = ""
    source: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)

    def area_um2(self, counts: Mapping[str, int]) -> float:
        """Return the area of `counts` cells of each name."""
        return sum(self.cells[name].area_um2 * count for name, count in counts.items())
