"""The clock of a flat netlist with clock gates: who is clocked how often, and what that takes.

Netlists with gates are read here as a netlist without them, whose flip-flops all hang on the
clock, and the nets that let the clock through to each: timing and logic are then those of any
netlist, and the clock's energy is found apart. Pre-layout: a gate drives its flip-flops through a
tree of buffers as `boards.timing.buffers` plans it; the root's tree reaches gates and the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from boards.liberty import Cell, Library, Pin
from boards.netlist import Bit, Instance, Module, Netlist
from boards.sky130.clock_gates import CLOCK_PIN, ENABLE_PIN, GATED_PIN, clock_gates
from boards.sky130.table import CLOCK_SLEW_NS
from boards.timing import WireLoad
from boards.timing.buffers import Buffering, BufferTree

from .asic import SKY130_WIRES

__all__ = ["ClockEnergy", "Gated", "clock_energy", "without_gates"]

_CRISP = 0.2
"""Share of a gate's rated load at which its edge takes some 0.3 ns, as buffer trees are built."""


@dataclass(frozen=True)
class Gated:
    """A flat netlist whose clock gates are taken out.

    Members
    -------
    netlist : Netlist
        All flip-flops on the clock itself.
    enables : mapping of str to net
        By name of the flip-flops behind a gate, the net that lets the clock through to it.
    """

    netlist: Netlist
    enables: Mapping[str, Bit]


@dataclass(frozen=True)
class ClockEnergy:
    """Energy of a clock cycle, in pJ: inside flip-flops and at their pins, in gates, in trees."""

    flops: float
    gates: float
    tree: float

    @property
    def total(self) -> float:
        return self.flops + self.gates + self.tree


def without_gates(netlist: Netlist) -> Gated:
    """Take the clock gates out of a flat netlist."""
    names = {cell.name for cell in clock_gates()}
    module = netlist.modules[netlist.top]
    gates = {item.pins[GATED_PIN]: item.pins for item in module.instances if item.type in names}
    kept: list[Instance] = []
    enables: dict[str, Bit] = {}
    for item in module.instances:
        if item.type in names:
            continue
        if (gate := gates.get(item.pins.get(CLOCK_PIN, "x"))) is not None:
            enables[item.name] = gate[ENABLE_PIN]
            item = replace(item, pins={**item.pins, CLOCK_PIN: gate[CLOCK_PIN]})
        kept.append(item)
    plain = Module(module.name, module.inputs, module.outputs, tuple(kept), module.names)
    return Gated(Netlist({module.name: plain}, module.name, netlist.digest), enables)


def clock_energy(
    gated: Gated,
    library: Library,
    rates: Mapping[Bit, float],
    toggles: Mapping[Bit, float],
    *,
    wire: WireLoad = SKY130_WIRES,
) -> ClockEnergy:
    """Return what the clock takes in a cycle.

    Parameters
    ----------
    gated : Gated
        What is clocked.
    library : Library
        Cells of the flip-flops and buffers.
    rates : mapping of net to float
        Share of the cycles in which each enable lets the clock through.
    toggles : mapping of net to float
        Toggles per cycle of the same nets.
    wire : WireLoad
        Estimate of the wire to each clock pin.
    """
    groups: defaultdict[Bit | None, list[Cell]] = defaultdict(list)
    for item in gated.netlist.modules[gated.netlist.top].instances:
        cell = library.cells[item.type]
        if cell.sequential:
            groups[gated.enables.get(item.name)].append(cell)
    clock = _Clock(library, wire)
    flops = gates = tree = 0.0
    root = []  # what hangs on the clock itself
    for enable, cells in groups.items():
        rate = 1.0 if enable is None else rates[enable]
        pins = [clock.pin_pf(cell) for cell in cells]
        flops += rate * sum(clock.flop_pj(cell) for cell in cells)
        tree += rate * len(cells) * clock.wire_pj
        if enable is None:
            root += pins
            continue
        gate, plan = clock.gate(sum(pins))
        gates += clock.gate_pj(gate, plan, rate, toggles.get(enable, 0.0))
        tree += rate * clock.buffers_pj(plan.count)
        root.append(clock.pin_pf(gate))
        tree += clock.wire_pj
    return ClockEnergy(flops, gates, tree + clock.buffers_pj(clock.root(sum(root)).count))


class _Clock:
    """What single parts of a clock network take; a cycle is two transitions."""

    def __init__(self, library: Library, wire: WireLoad) -> None:
        self._buffering = Buffering(library)
        self._square = library.voltage**2
        self._wire_pf = wire.load_pf(1)

    @property
    def wire_pj(self) -> float:
        """Energy of the wire to one clock pin."""
        return self._square * self._wire_pf

    def pin_pf(self, cell: Cell) -> float:
        """Return the load of a cell's clock pin with its wire."""
        return _clock_pin(cell).capacitance_pf + self._wire_pf

    def flop_pj(self, cell: Cell) -> float:
        pin = _clock_pin(cell)
        inside = 2 * cell.energy_pj(pin.name, CLOCK_SLEW_NS)
        return inside + self._square * pin.capacitance_pf

    def gate(self, load_pf: float) -> tuple[Cell, BufferTree]:
        """Return the weakest gate that drives a load crisply, else the strongest, with a tree."""
        for cell in clock_gates():
            limit = _CRISP * cell.pins[GATED_PIN].max_load_pf
            if load_pf <= limit:
                break
        return cell, self._buffering.plan(load_pf, limit)

    def gate_pj(self, gate: Cell, plan: BufferTree, rate: float, toggles: float) -> float:
        """Return the energy of a gate that lets `rate` of the cycles through."""
        inside = 2 * gate.energy_pj(CLOCK_PIN, CLOCK_SLEW_NS)
        inside += 2 * rate * gate.energy_pj(GATED_PIN, CLOCK_SLEW_NS, plan.driver_load_pf)
        clock, enable = gate.pins[CLOCK_PIN], gate.pins[ENABLE_PIN]
        switching = gate.energy_pj(ENABLE_PIN, CLOCK_SLEW_NS)
        switching += self._square / 2 * enable.capacitance_pf
        return inside + self._square * clock.capacitance_pf + toggles * switching

    def root(self, load_pf: float) -> BufferTree:
        buffer = self._buffering.cell
        return self._buffering.plan(load_pf, buffer.outputs[0].max_load_pf if buffer else 0.0)

    def buffers_pj(self, count: int) -> float:
        """Return the energy of `count` buffers that switch in every cycle, their pins included."""
        buffer = self._buffering.cell
        if not buffer or not count:
            return 0.0
        load = buffer.outputs[0].max_load_pf / 4
        inside = 2 * buffer.energy_pj(buffer.outputs[0].name, CLOCK_SLEW_NS, load)
        return count * (inside + self._square * buffer.inputs[0].capacitance_pf)


def _clock_pin(cell: Cell) -> Pin:
    return next(pin for pin in cell.inputs if pin.clock)
