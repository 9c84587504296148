"""Timing of a whole hierarchical netlist: every module once, in the worst of its surroundings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boards.liberty import Library
from boards.metrics import Fidelity, Figure, Metrics
from boards.netlist import Netlist, read_netlist
from hw.contracts import KilnError

from .buffers import Buffering
from .module import time_module
from .records import Context, ModuleTiming, Step, WireLoad
from .report import critical_path

__all__ = ["TimingReport", "analyse"]

_ROUNDS = 3  # loads and slews settle after one; the others carry slews through nested modules
_DEFAULT_SLEW_NS = 0.06
_SETTLED = 0.01  # a load or slew that moved less is not worth another round


@dataclass(frozen=True, kw_only=True)
class TimingReport:
    """Result of `analyse`, in ns.

    Members
    -------
    period_ns : float
        Shortest clock period: the longest of the four below.
    register_ns, input_ns, output_ns, through_ns : float
        Longest path between registers (clock-to-output and setup included), from an input to a
        register, from a register to an output, and from an input to an output. What lies outside
        the ports counts as nothing.
    path : tuple of Step
        The longest path between registers.
    buffers : int
        Buffers that layout will have to add on nets above their driver's rated load; their delay
        is in the paths.
    """

    period_ns: float
    register_ns: float
    input_ns: float
    output_ns: float
    through_ns: float
    path: tuple[Step, ...]
    buffers: int
    buffer_area_um2: float
    modules: Mapping[str, ModuleTiming]
    netlist: Netlist
    library: Library

    @property
    def clock_mhz(self) -> float:
        return 1000 / self.period_ns

    def metrics(self, fidelity: Fidelity = Fidelity.MODELLED, note: str = "no wires") -> Metrics:
        """Return clock, period and added buffers, labelled pre-layout, with `note` beside it."""
        library = self.library
        corner = f"{library.process} {library.voltage} V {library.temperature_c:g} C".strip()
        texts = ("pre-layout", corner, f"cells: {library.source}", note)

        def figure(value: float, unit: str) -> Figure:
            return Figure(
                value=value,
                unit=unit,
                fidelity=fidelity,
                tool="kiln-timing",
                version=library.digest[:12],
                conditions="; ".join(text for text in texts if text),
                inputs=self.netlist.digest,
            )

        figures = {
            "clock_mhz": figure(self.clock_mhz, "MHz"),
            "critical_path_ns": figure(self.period_ns, "ns"),
        }
        if self.buffers:
            figures["buffer_area_um2"] = figure(self.buffer_area_um2, "um2")
        return Metrics({f"{name}_{fidelity.value}": item for name, item in figures.items()})


def analyse(
    netlist: Netlist | str | Path | Mapping[str, Any],
    library: Library,
    *,
    clock_slew_ns: float = _DEFAULT_SLEW_NS,
    input_slew_ns: float = _DEFAULT_SLEW_NS,
    wire: WireLoad | None = None,
    buffered: bool = True,
) -> TimingReport:
    """Return the timing of a mapped netlist.

    Parameters
    ----------
    netlist : Netlist, path, JSON text or mapping
        What Yosys's ``write_json`` wrote; hierarchical netlists are timed module by module.
    library : Library
        Cells with their delays, the memory macros and other black boxes included.
    clock_slew_ns, input_slew_ns : float
        Slew of the ideal clock and of the edges at the top's inputs.
    wire : WireLoad, optional
        Estimate of the wires' capacitance. Default: pins only.
    buffered : bool
        Whether nets above their driver's rated load get a tree of buffers, as layout gives them.

    Raises
    ------
    KilnError
        A cell that the library does not know, a combinational loop, or nothing to time.
    """
    design = netlist if isinstance(netlist, Netlist) else read_netlist(netlist)
    wire = wire or WireLoad()
    contexts = {name: Context(clock_slew_ns, input_slew_ns, wire) for name in design.order}
    buffering = Buffering(library, buffered)
    timings: dict[str, ModuleTiming] = {}
    stale = set(design.order)
    for _ in range(_ROUNDS):
        for name in design.order:
            module = design.modules[name]
            inside = {kind: timings[kind] for kind in module.counts if kind in design.modules}
            if name in stale or stale & inside.keys():
                timings[name] = time_module(module, library, inside, contexts[name], buffering)
                stale.add(name)
        stale = _surround(design, timings, contexts)
        if not stale:
            break
    return _report(design, library, timings, buffering)


def _surround(
    design: Netlist, timings: Mapping[str, ModuleTiming], contexts: Mapping[str, Context]
) -> set[str]:
    """Set every module's context to the worst of its instances; return whose changed."""
    changed = set()
    for name in reversed(design.order):
        timing = timings[name]
        for instance in timing.module.instances:
            child = design.modules.get(instance.type)
            if child is None:
                continue
            context = contexts[child.name]
            for pin in child.outputs:
                load = timing.net_loads.get(instance.pins.get(pin, "x"), 0.0)
                if _raise(context.loads_pf, pin, load):
                    changed.add(child.name)
            for pin in child.inputs:
                bit = instance.pins.get(pin, "x")
                slew = max(timing.net_slews.get((bit, edge), 0.0) for edge in (0, 1))
                if _raise(context.slews_ns, pin, slew):
                    changed.add(child.name)
    return changed


def _raise(values: dict[str, float], key: str, value: float) -> bool:
    before = values.get(key, 0.0)
    values[key] = max(before, value)
    return value > before * (1 + _SETTLED)


def _report(
    design: Netlist,
    library: Library,
    timings: Mapping[str, ModuleTiming],
    buffering: Buffering,
) -> TimingReport:
    top = timings[design.top]
    worst_name = max(design.order, key=lambda name: timings[name].critical)
    paths = {
        "register_ns": timings[worst_name].critical,
        "input_ns": max(top.tails.values(), default=0.0),
        "output_ns": max(top.launches.values(), default=0.0),
        "through_ns": max(top.through.values(), default=0.0),
    }
    period = max(paths.values())
    if period <= 0:
        raise KilnError(
            f"timing: {design.top!r} holds neither a register nor a path; synthesise the design"
        )
    paths["register_ns"] = max(paths["register_ns"], 0.0)
    buffers = sum(timings[name].buffers * count for name, count in design.module_counts.items())
    return TimingReport(
        period_ns=period,
        **paths,
        path=critical_path(timings[worst_name]),
        buffers=buffers,
        buffer_area_um2=buffers * (buffering.cell.area_um2 if buffering.cell else 0.0),
        modules=timings,
        netlist=design,
        library=library,
    )
