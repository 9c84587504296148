"""Dynamic power of six arrays: as reports have it, against a simulation of their gates.

Run ``python -m bench.sky130_power``. The reference flattens the mapped array and clocks it for a
tile of work in `GateSimulator.CASES` independent cases, every gate with its delay, glitches
included; toggles of every net are counted and weighed with the energies of the PDK's Liberty file.
The other side sees what a report sees: the compact table, modules once each, and an activity record
of registers and inputs, here taken from the same simulation.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.limits import missed
from boards.flows import synthesis
from boards.flows.synthesis import run_yosys
from boards.liberty import Library, read_liberty
from boards.netlist import Bit, Instance, Netlist, read_netlist
from boards.power import PowerReport, asic_power
from boards.power.asic import SKY130_WIRES
from boards.power.functions import compile_function
from boards.power.toggles import GateSimulator
from boards.sky130 import library, usable
from boards.target import load_target
from boards.timing import analyse
from boards.tools import require_tool
from dse.benchmark.pairs import Pair, PairTable, write_pairs
from hw.export import ExportedDesign, export
from hw.matrix import MatrixConfig

from .sky130_paths import ARRAY, find_liberty, title

__all__ = ["DESIGNS", "compare", "main"]

T = TypeVar("T")
Vector = NDArray[np.uint64]

_TILE = 12  # cycles of a dot product (output stationary) or rows of A per tile of weights
_FILL = 2  # tiles that fill the array with operands and weights
_TILES = 1  # tiles that count, after them
_SIGMA = 0.25  # of normally distributed operands, as a share of their range
_COUNTED = re.compile(
    r"^\s*(?:output\s+reg|reg|input\s+wire)\s+(?:signed\s+)?(?:\[[^\]]+\]\s*)?(\w+)\s*[,;]?\s*$"
)
_QUIET = ("clk", "rst")

DESIGNS = tuple(
    MatrixConfig(
        rows=rows,
        cols=cols,
        dataflow=dataflow,
        operand_bits=bits,
        accum_bits=40 if bits == 16 else 32,
        pipeline=pipeline,
        multiplier=multiplier,
        result_rows=2 * rows,
    )
    for rows, cols, dataflow, bits, pipeline, multiplier in (
        (2, 2, "os", 8, 0, "dsp"),
        (2, 4, "os", 4, 1, "dsp"),
        (2, 2, "os", 16, 1, "dsp"),
        (2, 2, "ws", 8, 0, "dsp"),
        (3, 3, "ws", 4, 1, "dsp"),
        (4, 2, "ws", 8, 2, "lut"),
    )
)


@dataclass(slots=True)
class _Counts:
    """Toggles over all cycles and cases: of nets with their glitches, and of settled values.

    `apart` has those of whether two neighbouring bits differ.
    """

    toggles: Counter[Bit]
    settled: Counter[Bit]
    apart: Counter[tuple[Bit, Bit]]
    cycles: int

    def add(
        self, toggles: Mapping[Bit, int], before: Mapping[Bit, Vector], after: Mapping[Bit, Vector]
    ) -> None:
        """Add one cycle."""
        self.toggles.update(toggles)
        flips = {bit: int(np.bitwise_count(v ^ before[bit]).sum()) for bit, v in after.items()}
        self.settled.update(flips)
        for pair in self.apart:
            change = before[pair[0]] ^ before[pair[1]] ^ after[pair[0]] ^ after[pair[1]]
            self.apart[pair] += int(np.bitwise_count(change).sum())
        self.cycles += 1

    def rates(self, counts: Mapping[T, int]) -> dict[T, float]:
        return {what: n / (self.cycles * GateSimulator.CASES) for what, n in counts.items()}


def stimulus(config: MatrixConfig, rng: np.random.Generator) -> Iterator[dict[str, Vector]]:
    """Yield the vectors of every input pin, cycle by cycle; `_FILL` tiles fill, `_TILES` count."""
    pins = {"a": config.a_bits // config.operand_bits, "b": config.b_bits // config.operand_bits}
    ones, zeros = (np.full(_count(), value, np.uint64) for value in (2**64 - 1, 0))
    for cycle in range(_TILE * (_FILL + _TILES)):
        step = cycle % _TILE
        loads = config.dataflow == "os" or step >= _TILE - config.rows
        found: dict[str, Vector] = {}
        for port, lanes in pins.items():
            for lane in range(lanes):
                bits = _operand(config.operand_bits, rng)
                for i, vector in enumerate(bits):
                    name = f"{port}[{lane * config.operand_bits + i}]"
                    found[name] = vector if port == "a" or loads else zeros
        found["rst"] = zeros
        found["last"] = ones if step == _TILE - 1 else zeros
        found["swap"] = ones if step == 0 else zeros
        found["b_valid"] = ones if loads else zeros
        yield found


def _count() -> int:
    return GateSimulator.CASES // 64


def _operand(bits: int, rng: np.random.Generator) -> list[Vector]:
    """Return the bits of one operand in all cases, normally distributed."""
    top = 2 ** (bits - 1)
    drawn = np.clip(np.round(rng.normal(0, _SIGMA * top, GateSimulator.CASES)), -top, top - 1)
    values = drawn.astype(np.int64)
    return [
        np.packbits(((values >> i) & 1).astype(np.uint8), bitorder="little").view(np.uint64)
        for i in range(bits)
    ]


def simulate(flat: Netlist, cells: Library, config: MatrixConfig, seed: int = 1) -> _Counts:
    """Clock the flat array through its tiles and count."""
    timing = analyse(flat, cells, wire=SKY130_WIRES).modules[flat.top]
    gates = GateSimulator(timing, cells)
    flops = [_Flop(item, cells) for item in flat.modules[flat.top].instances]
    flops = [flop for flop in flops if flop.clocked]
    ports = {p: bit for p, bit in timing.module.inputs.items() if isinstance(bit, int)}
    quiet: dict[Bit, Vector] = {bit: _zeros() for bit in ports.values()}
    gates.settle(quiet | {bit: _zeros() for flop in flops for bit, _ in flop.outputs})
    pairs = [pair for pair in _neighbours(flat) if all(bit in gates.values for bit in pair)]
    counts = _Counts(Counter(), Counter(), Counter(dict.fromkeys(pairs, 0)), 0)
    for cycle, inputs in enumerate(stimulus(config, np.random.default_rng(seed))):
        before = dict(gates.values)
        new = quiet | {ports[port]: value for port, value in inputs.items() if port in ports}
        for flop in flops:
            new.update(flop.next(before))
        if cycle < _FILL * _TILE:
            gates.settle(new)
        else:
            counts.add(gates.step(new), before, gates.values)
    return counts


def _neighbours(flat: Netlist) -> set[tuple[Bit, Bit]]:
    """Return all pairs of nets that are neighbouring bits of a word."""
    return {pair for bits in _words(flat).values() for pair in pairwise(bits)}


def _words(netlist: Netlist) -> Mapping[str, list[Bit]]:
    """Return the nets of every name, lowest bit first."""
    found: defaultdict[str, list[Bit]] = defaultdict(list)
    for bit, names in netlist.modules[netlist.top].names.items():
        if isinstance(bit, int):
            for name in names:
                found[name].append(bit)
    return found


class _Flop:
    """A flip-flop of the netlist: what it takes over at a clock edge."""

    def __init__(self, instance: Instance, cells: Library) -> None:
        cell = cells.cells[instance.type]
        self.clocked = cell.sequential is not None
        if cell.sequential:
            names = tuple(pin.name for pin in cell.inputs)
            self._data = compile_function(cell.sequential.data, names)
            self._operands = [instance.pins[name] for name in names]
            pins = {name: instance.pins.get(name) for name in ("Q", "Q_N")}
            self.outputs = [(b, name == "Q_N") for name, b in pins.items() if isinstance(b, int)]

    def next(self, values: Mapping[Bit, Vector]) -> dict[Bit, Vector]:
        """Return what the outputs change to."""
        data = self._data(*(_value(bit, values) for bit in self._operands)) | _zeros()
        return {bit: ~data if inverted else data for bit, inverted in self.outputs}


def _zeros() -> Vector:
    return np.zeros(_count(), np.uint64)


def _value(bit: Bit, values: Mapping[Bit, Vector]) -> Vector:
    return values[bit] if isinstance(bit, int) else _zeros() if bit != "1" else ~_zeros()


def record(
    design: ExportedDesign, deep: Netlist, flat: Netlist, counts: _Counts
) -> dict[str, float]:
    """Return the activity record that co-simulation would: registers and inputs, by module."""
    rates, apart = counts.rates(counts.settled), counts.rates(counts.apart)
    words = _words(flat)
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for path, module in _instances(deep, deep.top, ""):
        for signal in _signals(design.module(module).verilog):
            bits = words.get(path + signal, [])
            found[module, signal] += [rates.get(bit, 0.0) for bit in bits]
            pairs = [pair for pair in pairwise(bits) if pair in apart]
            found[module, f"{signal}:apart"] += [apart[pair] for pair in pairs]
    sums: defaultdict[str, list[float]] = defaultdict(list)
    activity = {}
    for (module, signal), values in found.items():
        if values:
            activity[f"{module}.{signal}"] = float(np.mean(values))
            sums[module] += [] if ":" in signal else values
    return activity | {module: float(np.mean(values)) for module, values in sums.items() if values}


def _signals(verilog: str) -> set[str]:
    found = {match[1] for line in verilog.splitlines() if (match := _COUNTED.match(line))}
    return found - set(_QUIET)


def _instances(deep: Netlist, module: str, path: str) -> Iterator[tuple[str, str]]:
    yield path, module
    for item in deep.modules[module].instances:
        if item.type in deep.modules:
            yield from _instances(deep, item.type, f"{path}{item.name}.")


def compare(config: MatrixConfig, liberty: Path) -> tuple[PowerReport, PowerReport]:
    """Return the power of one array as reports have it, and as its gates do."""
    design = export(config)
    mapped = synthesis(design, load_target("sky130")).netlist
    script = ["read_json m.json", f"hierarchy -top {ARRAY}", "flatten -noscopeinfo"]
    _, files = run_yosys(
        require_tool("yosys"), [*script, "write_json f.json"], {"m.json": mapped}, ("f.json",), 60
    )
    deep, flat = read_netlist(mapped, top=ARRAY), read_netlist(files["f.json"].decode(), top=ARRAY)
    full = read_liberty(liberty, keep=usable)
    counts = simulate(flat, full, config)
    reference = asic_power(flat, full, {}, toggles={ARRAY: counts.rates(counts.toggles)})
    return asic_power(deep, library(), record(design, deep, flat, counts)), reference


def main() -> int:
    """Print energies by cause and the error of the whole for every array; 1 if it is too large."""
    liberty = find_liberty()
    if liberty is None:
        print("skipped: no Liberty file of the PDK; set KILN_SKY130_LIB to sky130hd_tt.lib(.gz)")
        return 1
    pairs = []
    for config in DESIGNS:
        mine, gates = compare(config, liberty)
        pair = Pair(
            figure="energy of a cycle",
            target="sky130",
            design=title(config),
            said=mine.cycle_pj,
            found=gates.cycle_pj,
        )
        pairs.append(pair)
        causes = ", ".join(
            f"{cause} {mine.energy_pj[cause]:.2f} / {energy:.2f}"
            for cause, energy in gates.energy_pj.items()
        )
        print(
            f"  {pair.design}: {pair.said:.2f} / {pair.found:.2f} pJ a cycle "
            f"({pair.said / pair.found - 1:+.1%}): {causes}",
            flush=True,
        )
    _keep(pairs)
    return missed(pairs, {"energy of a cycle": 0.1})


def _keep(pairs: list[Pair]) -> None:
    """Keep the energies for ``docs/calibration.md``."""
    table = PairTable(
        title="Dynamic energy on sky130: report against a simulation of the gates",
        said="modelled by kiln-power with the compact table, from the register activity of the "
        "same simulation",
        found="modelled by gate-level simulation, every toggle, with the PDK's Liberty file",
        command="python -m bench.sky130_power",
        pairs=pairs,
    )
    print(write_pairs("sky130_power", table))


if __name__ == "__main__":
    sys.exit(main())
