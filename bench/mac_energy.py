"""Energy of the mixed-precision multiply-accumulate unit with and without gating, on sky130.

Run ``python -m bench.mac_energy [--wide] [--modes posit8,...]``; some minutes for each mode.

The reference unit is mapped to gates twice, with `gating` on and off, by the same commands: clock
gates wherever three or more flip-flops share an enable, so that the unit without gating, too, has
no multiplexers for its handshake. Both are fed the same streams of the small language model's
tensors (`bench.mac_streams`), an element in every cycle, nobody waits, and give the same results in
the same cycles, which is checked. Every toggle of every net is counted, glitches included
(`boards.power.toggles`). The bar is XR-NPE's: 38 % of the energy saved in each of the modes of 4
and 8 bits, the clock's included. Before layout: wires and the clock's tree are *modelled*.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.mac_streams import Streams, model_streams
from bench.mac_units import REFERENCE, WIDE
from boards.flows.scripts import ABC_FILE, DESIGN_FILE, LIBERTY_FILE, MAPPED_FILE, source_text
from boards.flows.synthesis import asic_files, run_yosys
from boards.liberty import Library
from boards.netlist import Bit, Instance, read_netlist
from boards.power import asic_power
from boards.power.asic import SKY130_WIRES
from boards.power.functions import compile_function
from boards.power.gated import Gated, clock_energy, without_gates
from boards.power.toggles import GateSimulator
from boards.sky130 import library
from boards.sky130.mapping import gated_commands
from boards.timing import analyse
from boards.tools import require_tool
from hw.export import export
from hw.mac import MacConfig

__all__ = ["BAR", "JUDGED", "Energy", "Run", "energy", "main", "mapped", "simulate"]

BAR = 0.38
JUDGED = ("fp4_e2m1", "posit4", "posit8")
"""Modes of 4 and 8 bits; that of 16, which uses most of the unit, is reported."""
_TOP = "kiln_mac"
_COUNTED = 8  # cycles that are counted, in `GateSimulator.CASES` streams each
_LIMIT_S = 1800.0
_DATA = re.compile(r"s_axis_tdata\[(\d+)\]")

Vector = NDArray[np.uint64]


@dataclass(frozen=True)
class Run:
    """What happened at the gates, per cycle.

    Members
    -------
    toggles : mapping of net to float
        Glitches included.
    rates : mapping of net to float
        How often each enable of a clock gate lets the clock through.
    results : array
        The outputs of every cycle, all streams packed into words; zero where none is valid.
    """

    toggles: dict[Bit, float]
    rates: dict[Bit, float]
    results: NDArray[np.uint64]


@dataclass(frozen=True)
class Energy:
    """Energy of a cycle in pJ: of the clock, of the flip-flops' data, of the gates between them."""

    clock: float
    data: float
    logic: float

    @property
    def total(self) -> float:
        return self.clock + self.data + self.logic


def mapped(config: MacConfig) -> Gated:
    """Return the unit in gates, flat; its clock gates stand apart."""
    design = export(config, _TOP)
    script = [f"read_verilog -sv {DESIGN_FILE}", *gated_commands(_TOP, LIBERTY_FILE, ABC_FILE)]
    files = {DESIGN_FILE: source_text(design.verilog), **asic_files()}
    script.append(f"write_json {MAPPED_FILE}")
    _, found = run_yosys(require_tool("yosys"), script, files, (MAPPED_FILE,), _LIMIT_S)
    return without_gates(read_netlist(found[MAPPED_FILE].decode(), top=_TOP))


def simulate(gated: Gated, cells: Library, streams: Streams, counted: int = _COUNTED) -> Run:
    """Clock the gates through the streams; the last `counted` cycles count."""
    module = gated.netlist.modules[_TOP]
    timing = analyse(gated.netlist, cells, wire=SKY130_WIRES).modules[_TOP]
    gates = GateSimulator(timing, cells)
    flops = [_Flop(item, cells, gated.enables.get(item.name)) for item in module.instances]
    flops = [flop for flop in flops if flop.clocked]
    inputs = {port: bit for port, bit in module.inputs.items() if isinstance(bit, int)}
    gates.settle(dict.fromkeys([*inputs.values(), *(b for f in flops for b in f.outputs)], _ZERO))
    toggles: Counter[Bit] = Counter()
    passed: Counter[Bit] = Counter({flop.enable: 0 for flop in flops if flop.enable is not None})
    results = []
    cycles = streams.last.shape[1]
    for cycle in range(cycles):
        before = gates.values
        new = {bit: _pin(port, streams, cycle) for port, bit in inputs.items()}
        for flop in flops:
            new.update(flop.next(before))
        counts = cycle >= cycles - counted
        if counts:
            for enable in passed:
                passed[enable] += int(np.bitwise_count(_value(enable, before)).sum())
            toggles.update(gates.step(new))
        else:
            gates.settle(new)
        valid = _value(module.outputs["m_axis_tvalid"], gates.values)
        ports = sorted(module.outputs)
        results.append([_value(module.outputs[port], gates.values) & valid for port in ports])
    every = counted * GateSimulator.CASES
    return Run(
        {bit: n / every for bit, n in toggles.items()},
        {bit: n / every for bit, n in passed.items()},
        np.array(results),
    )


_ZERO: Vector = np.zeros(GateSimulator.CASES // 64, np.uint64)


class _Flop:
    """A flip-flop of the netlist: what it takes over at a clock edge, if the clock comes."""

    def __init__(self, item: Instance, cells: Library, enable: Bit | None) -> None:
        cell = cells.cells[item.type]
        self.clocked, self.enable = cell.sequential is not None, enable
        if cell.sequential:
            names = tuple(pin.name for pin in cell.inputs)
            self._data = compile_function(cell.sequential.data, names)
            self._operands = [item.pins[name] for name in names]
            pins = {name: item.pins.get(name) for name in ("Q", "Q_N")}
            self.outputs = {b: name == "Q_N" for name, b in pins.items() if isinstance(b, int)}

    def next(self, values: dict[Bit, Vector]) -> dict[Bit, Vector]:
        """Return what the outputs change to."""
        data = self._data(*(_value(bit, values) for bit in self._operands)) | _ZERO
        found = {bit: ~data if inverted else data for bit, inverted in self.outputs.items()}
        if self.enable is None:
            return found
        moves = _value(self.enable, values)
        return {bit: (new & moves) | (values[bit] & ~moves) for bit, new in found.items()}


def _value(bit: Bit, values: dict[Bit, Vector]) -> Vector:
    return values[bit] if isinstance(bit, int) else ~_ZERO if bit == "1" else _ZERO


def _pin(port: str, streams: Streams, cycle: int) -> Vector:
    """Return an input in all streams: reset in the first cycle, then an element in each."""
    if match := _DATA.fullmatch(port):
        word, place = divmod(int(match[1]), 32)
        return _packed(streams.words[:, cycle, word] >> np.uint32(place) & np.uint32(1))
    if port == "s_axis_tlast":
        return _packed(streams.last[:, cycle])
    high = port in ("s_axis_tvalid", "m_axis_tready") or (port == "aresetn" and cycle > 0)
    return ~_ZERO if high else _ZERO


def _packed(bits: NDArray[Any]) -> Vector:
    return np.packbits(bits.astype(np.uint8), bitorder="little").view(np.uint64)


def energy(gated: Gated, cells: Library, run: Run) -> Energy:
    """Return the energy of a cycle."""
    report = asic_power(gated.netlist, cells, {}, toggles={_TOP: run.toggles})
    clock = clock_energy(gated, cells, run.rates, run.toggles).total
    return Energy(clock, report.energy_pj["registers"], report.energy_pj["logic"])


def compare(unit: MacConfig, modes: Sequence[str]) -> dict[str, float]:
    """Print energies of a unit with and without gating; return the share saved in each mode."""
    cells = library()
    configs = {gating: replace(unit, gating=gating) for gating in (False, True)}
    units = {gating: mapped(config) for gating, config in configs.items()}
    saved = {}
    for mode in modes:
        cycles = unit.latency + 4 + _COUNTED  # the pipeline fills first
        streams = model_streams(unit, mode, GateSimulator.CASES, cycles)
        lanes = unit.plan.modes[unit.mode(mode)].lanes
        runs = {gating: simulate(found, cells, streams) for gating, found in units.items()}
        np.testing.assert_array_equal(runs[True].results, runs[False].results, mode)
        ends = float(streams.last[:, -_COUNTED:].mean())
        print(f"{mode}, {lanes} products in a cycle, a result in {1 / ends:.0f} cycles")
        found = {gating: energy(units[gating], cells, run) for gating, run in runs.items()}
        for gating, pj in found.items():
            print(f"  {'gated' if gating else 'free-running':13} {_line(pj, lanes)}", flush=True)
        saved[mode] = 1 - found[True].total / found[False].total
        print(f"  saved {saved[mode]:.1%}", flush=True)
    return saved


def _line(pj: Energy, lanes: int) -> str:
    parts = {"clock": pj.clock, "flip-flops": pj.data, "logic": pj.logic}
    text = ", ".join(f"{name} {value / lanes:.2f}" for name, value in parts.items())
    return f"{pj.total / lanes:6.2f} pJ per product: {text}; {pj.total:.1f} pJ a cycle"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the energies; return 1 if a mode that is judged saves less than the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wide", action="store_true", help="the wide port instead, not judged")
    parser.add_argument("--modes", default=",".join(REFERENCE.modes), help="which, with commas")
    options = parser.parse_args(arguments)
    saved = compare(WIDE if options.wide else REFERENCE, options.modes.split(","))
    if options.wide:
        return 0
    judged = {mode: share for mode, share in saved.items() if mode in JUDGED}
    failed = [mode for mode, share in judged.items() if share < BAR]
    worst = min(judged.values(), default=float("nan"))  # nothing measured is not met
    met = bool(judged) and not failed
    print(f"{'pass' if met else 'FAIL'}: worst saving {worst:.1%}, bar {BAR:.0%}")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
