"""Power of a mapped sky130 netlist: toggles times the energy of cells and nets, before layout.

What counts: internal energy of every cell, the charge of every net (pins, an estimate of the wire,
the buffers that layout adds), the clock with its tree, memory macros by access, and leakage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boards.liberty import Cell, Library
from boards.metrics import Fidelity
from boards.netlist import Bit, Instance, Netlist, read_netlist
from boards.sky130.blackboxes import bind_memories
from boards.sky130.memories import MemoryMacro, memory_fit
from boards.timing import TimingReport, WireLoad, analyse
from boards.timing.buffers import Buffering
from boards.timing.records import ModuleTiming

from .activity import Activity
from .report import PowerReport
from .toggles import toggle_rates
from .words import words

__all__ = ["SKY130_WIRES", "asic_power"]

# Lengths by fan-out are those of the wire load table "Small" of the sky130_fd_sc_hd Liberty file;
# 0.17 fF/um is what public OpenROAD set-ups for sky130 take for the routing layers met1 to met5.
SKY130_WIRES = WireLoad(pf_per_um=0.17e-3, first_um=23.3, next_um=9.4)

# One sigma, set by us. Against a simulation of all gates registers and logic are up to 25 % high,
# energies as a whole 10 % (bench/sky130_power.py); a sample's activity and wires before layout add.
_LOGIC_UNCERTAINTY = 0.3
_CLOCK_UNCERTAINTY = 0.3  # a tree that has not been built: buffers of a plan, no real lengths
_LEAKAGE_UNCERTAINTY = 0.5  # Liberty's mean over states; it grows tenfold to 100 C
_CLOCK_SLEW_NS = 0.06  # as in set-up times, see boards/sky130/table.py


def asic_power(
    netlist: Netlist | str | Path | Mapping[str, Any],
    library: Library,
    activity: Mapping[str, float],
    *,
    wire: WireLoad = SKY130_WIRES,
    seed: int = 0,
    toggles: Mapping[str, Mapping[Bit, float]] | None = None,
) -> PowerReport:
    """Return the power of a mapped netlist.

    Parameters
    ----------
    netlist : Netlist, path, JSON text or mapping
        Hierarchical, mapped to `library`; memories are left as ``$mem_v2``.
    library : Library
        Cells with energies.
    activity : mapping of str to float
        Record of a simulated tile, see `boards.power.activity`.
    wire : WireLoad
        Estimate of wires.
    seed : int
        Of the random cases by which toggles spread through the gates.
    toggles : mapping of str to mapping, optional
        Toggles per cycle of every net of a module, as a simulation of its gates counted them.
        Default for a module: spread through the gates from `activity`.
    """
    design = netlist if isinstance(netlist, Netlist) else read_netlist(netlist)
    bound, cells, macros = bind_memories(design, library)
    timing = analyse(bound, cells, wire=wire)
    record = Activity(activity)
    total: defaultdict[str, float] = defaultdict(float)
    modules: dict[str, float] = {}
    for name, count in bound.module_counts.items():
        counted = (toggles or {}).get(name)
        energy = _Module(timing, name, record, macros, seed, counted).energy()
        modules[name] = sum(energy.values()) * count
        for cause, value in energy.items():
            total[cause] += value * count
    total["clock"] += _clock_tree(timing, wire)
    leakage = sum(cells.cells[name].leakage_nw * n for name, n in bound.cell_counts.items())
    fit = memory_fit()
    return PowerReport(
        energy_pj=dict(total),
        static_mw=leakage * 1e-6,
        uncertainty={
            "clock": _CLOCK_UNCERTAINTY,
            "registers": _LOGIC_UNCERTAINTY,
            "logic": _LOGIC_UNCERTAINTY,
            "memories": fit.energy_uncertainty,
            "static": _LEAKAGE_UNCERTAINTY,
        },
        fidelity=Fidelity.MODELLED,
        conditions=_conditions(library, record, wire, bool(macros)),
        version=library.digest[:12],
        inputs=design.digest,
        seed=seed,
        modules_pj=modules,
    )


def _conditions(library: Library, record: Activity, wire: WireLoad, memories: bool) -> str:
    source = "simulated activity" if record.measured else "assumed activity"
    lengths = " over the lengths of wire load Small" if wire == SKY130_WIRES else ""
    wires = f"wires {wire.pf_per_um * 1e3:g} fF/um{lengths}" if wire.pf_per_um else "no wires"
    corner = f"{library.voltage} V {library.temperature_c:g} C"
    texts = ["pre-layout", corner, f"cells: {library.source}", source, wires]
    return "; ".join([*texts, memory_fit().source] if memories else texts)


class _Module:
    """Energy of one cycle of one instance of a module, its children left out."""

    def __init__(
        self,
        report: TimingReport,
        name: str,
        record: Activity,
        macros: Mapping[str, MemoryMacro],
        seed: int,
        counted: Mapping[Bit, float] | None,
    ) -> None:
        self.timing: ModuleTiming = report.modules[name]
        self.library, self.record, self.macros = report.library, record, macros
        self.buffering = Buffering(report.library)
        self.half_volts = report.library.voltage**2 / 2
        self.owners = _owners(self.timing)
        clocks = _clock_nets(self.timing, report.library)
        self.toggles = (
            toggle_rates(
                self.timing,
                report.library,
                self.rate,
                clocks,
                seed,
                words(self.timing.module, record),
            )
            if counted is None
            else counted
        )

    def rate(self, bit: Bit) -> float:
        """Return the rate of a net that no gate of this module drives."""
        if owner := self.owners.get(bit):
            return self.record.signal(*owner)
        return self.record.bit(self.timing.module, bit)

    def energy(self) -> dict[str, float]:
        total: defaultdict[str, float] = defaultdict(float)
        for instance in self.timing.module.instances:
            if instance.type in self.macros:
                total["memories"] += self._memory(instance, self.macros[instance.type])
                total["clock"] += self.macros[instance.type].clock_pj
            elif cell := self.library.cells.get(instance.type):
                cause = "registers" if cell.sequential else "logic"
                total[cause] += self._outputs(instance, cell) + self._inputs(instance, cell)
                total["clock"] += self._clock(cell)
        return dict(total)

    def _outputs(self, instance: Instance, cell: Cell) -> float:
        energy = 0.0
        for pin in cell.outputs:
            bit = instance.pins.get(pin.name, "x")
            if rate := self.toggles.get(bit, 0.0):
                load = self.timing.net_loads[bit]
                slew = self._slew(instance, cell)
                tree = self.timing.trees.get(bit)
                driven = tree.driver_load_pf if tree else load
                energy += rate * (cell.energy_pj(pin.name, slew, driven) + self.half_volts * load)
                if tree and tree.count and self.buffering.cell:
                    energy += rate * tree.count * self._buffer(self.buffering.cell, slew)
        return energy

    def _buffer(self, cell: Cell, slew: float) -> float:
        inside = cell.energy_pj(cell.outputs[0].name, slew, cell.outputs[0].max_load_pf / 4)
        return inside + self.half_volts * cell.inputs[0].capacitance_pf

    def _inputs(self, instance: Instance, cell: Cell) -> float:
        return sum(
            self.toggles.get(instance.pins.get(pin.name, "x"), 0.0)
            * cell.energy_pj(pin.name, self._slew(instance, cell))
            for pin in cell.inputs
            if not pin.clock
        )

    def _slew(self, instance: Instance, cell: Cell) -> float:
        slews = [
            self.timing.net_slews.get((instance.pins.get(pin.name, "x"), edge), _CLOCK_SLEW_NS)
            for pin in cell.inputs
            for edge in (0, 1)
        ]
        return sum(slews) / len(slews) if slews else _CLOCK_SLEW_NS

    def _clock(self, cell: Cell) -> float:
        """Return what two clock edges cost at the cell: inside, and charging its clock pin."""
        return sum(
            2 * cell.energy_pj(pin.name, _CLOCK_SLEW_NS) + 2 * self.half_volts * pin.capacitance_pf
            for pin in cell.inputs
            if pin.clock
        )

    def _memory(self, instance: Instance, macro: MemoryMacro) -> float:
        module = self.timing.module.name
        reads = self.record.accesses(module, instance.name, "read")
        writes = self.record.accesses(module, instance.name, "write")
        return reads * macro.read_pj + writes * macro.write_pj


def _owners(timing: ModuleTiming) -> dict[Bit, tuple[str, str]]:
    """Return for every net that a child drives the child's module and port."""
    owners: dict[Bit, tuple[str, str]] = {}
    for instance in timing.module.instances:
        if child := timing.children.get(instance.type):
            for port in child.module.outputs:
                owners[instance.pins.get(port, "x")] = (child.module.name, port)
    return owners


def _clock_nets(timing: ModuleTiming, library: Library) -> frozenset[Bit]:
    nets: set[Bit] = {timing.module.inputs[port] for port in timing.clocks}
    for instance in timing.module.instances:
        if cell := library.cells.get(instance.type):
            nets |= {instance.pins.get(pin.name, "x") for pin in cell.inputs if pin.clock}
        elif child := timing.children.get(instance.type):
            nets |= {instance.pins.get(port, "x") for port in child.clocks}
    return frozenset(bit for bit in nets if isinstance(bit, int))


def _clock_tree(report: TimingReport, wire: WireLoad) -> float:
    """Return the energy per cycle of the buffers and wires of the clock."""
    cells, buffering = report.library.cells, Buffering(report.library)
    load, pins = 0.0, 0
    for name, count in report.netlist.cell_counts.items():
        clocks = [pin for pin in cells[name].inputs if pin.clock] if name in cells else []
        load += count * sum(pin.capacitance_pf for pin in clocks)
        pins += count * len(clocks)
    wires = pins * wire.load_pf(1)
    square = report.library.voltage**2
    energy = wires * square
    if buffering.cell:
        cell = buffering.cell
        tree = buffering.plan(load + wires, cell.outputs[0].max_load_pf)
        inside = cell.energy_pj(cell.outputs[0].name, _CLOCK_SLEW_NS, tree.driver_load_pf)
        energy += tree.count * (2 * inside + square * cell.inputs[0].capacitance_pf)
    return energy
