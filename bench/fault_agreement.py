"""Do the fault engines agree? Every upset of designs of all kinds, every field of its outcome.

Run ``python -m bench.fault_agreement [--designs NAME ...] [--parts words gates] [--sample N]``. For
each design, of its words: all upsets of flip-flops and memories in lanes, gates and Verilator;
faults of all models, lengths and patterns in the same; transients of word-level nets in lanes and
Verilator; a sample of upsets in cocotb on the original Verilog; and in how many upsets an engine
that does not settle is wrong. Of its gates: every transient of a gate in every cycle, or a sample
where there are more than 300,000, and stuck and lasting faults, in gates and in Verilator on the
gate netlist. It prints populations and disagreements, of which 0 are expected. Exit code 1 if any
engine disagrees.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.export import export
from hw.mac import MacConfig
from hw.matrix import MatrixConfig, mixed_config
from sim.faults.cocotb import CocotbEngine
from sim.faults.experiment import Engine, Experiment
from sim.faults.fault import ALWAYS, FLIP, STUCK_0, STUCK_1, exhaustive, faults_at
from sim.faults.gates import GatesEngine, cell_models, gate_sites
from sim.faults.lanes import LanesEngine
from sim.faults.outcome import CLASSES, OUTCOME, classify
from sim.faults.sites import FLOP, MEMORY, NET, Sites, list_sites
from sim.faults.verilator import VerilatorEngine
from tests.sim.faults.experiments import histogram, mac, matrix, packetiser, triple, verilog

__all__ = ["DESIGNS", "main"]

PARTS = ("words", "gates")
WHOLE, DRAWN = 300_000, 50_000
"""Transients of gates up to which all are injected, and how many of more than that."""

Faults = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Design:
    """An experiment, and its Verilog."""

    experiment: Callable[[], Experiment]
    verilog: Callable[[], str]


INT8 = MatrixConfig(rows=2, cols=2, a_depth=16, b_depth=16, result_rows=4)
LARGER = MatrixConfig(rows=4, cols=4, a_depth=64, b_depth=64, result_rows=8)
MIXED = mixed_config(
    formats="fp4_e2m1+int8", rows=2, cols=2, multiplier="lut", pipeline=2,
    a_depth=16, b_depth=16, banks=1,
)  # fmt: skip
MAC = MacConfig(modes=("fp4_e2m1", "posit8"), length=64)


def _matrix(config: MatrixConfig, shape: tuple[int, int, int], mode: str = "") -> Design:
    return Design(lambda: matrix(config, shape, mode), lambda: export(config, "kiln_x").verilog)


DESIGNS = {
    "packetiser": Design(packetiser, lambda: verilog("packetiser")),
    "histogram": Design(histogram, lambda: verilog("histogram")),
    "triple": Design(triple, lambda: verilog("triple")),
    "matrix-2x2": _matrix(INT8, (2, 8, 2)),
    "matrix-2x2-mixed": _matrix(MIXED, (2, 8, 2), "fp4_e2m1"),
    "mac": Design(lambda: mac(MAC), lambda: export(MAC, "kiln_mac").verilog),
    "matrix-4x4": _matrix(LARGER, (4, 16, 4)),
}


def mixture(sites: Sites, cycles: int, count: int, seed: int) -> Faults:
    """Return faults of all models, lengths and patterns at random."""
    rng = np.random.default_rng(seed)
    faults = faults_at(sites, rng.integers(0, len(sites), count), rng.integers(0, cycles, count))
    faults["model"] = rng.choice([FLIP, STUCK_0, STUCK_1], count)
    faults["length"] = rng.choice([1, 2, 5, ALWAYS], count)
    faults["pattern"] = rng.integers(1, 1 << 16, count)
    return faults


@dataclass
class Table:
    """Prints rows, and counts disagreements."""

    wrong: int = 0

    def row(self, what: str, faults: Faults, one: Engine, other: Engine) -> NDArray[np.void]:
        """Compare two engines; return the outcomes of the second."""
        (found, first_s), (truth, other_s) = (_timed(engine, faults) for engine in (one, other))
        fields = {name: int((found[name] != truth[name]).sum()) for name in OUTCOME.names or ()}
        differ = int((found != truth).sum())
        self.wrong += differ
        named = ", ".join(f"{name} {count}" for name, count in fields.items() if count)
        rates = f"{len(faults) / first_s:,.0f} and {len(faults) / other_s:,.0f} /s"
        pair = f"{one.name} = {other.name}"
        print(f"  {what:<34} {len(faults):>9,}  {pair:<20} differ: {differ} {named} ({rates})")
        sys.stdout.flush()
        return truth


def _timed(engine: Engine, faults: Faults) -> tuple[NDArray[np.void], float]:
    engine.inject(faults[:1])  # compiles
    begin = time.perf_counter()
    return engine.inject(faults), time.perf_counter() - begin


def compare(
    name: str, design: Design, table: Table, parts: Sequence[str], sample: int, mixed: int
) -> None:
    """Compare all engines on a design."""
    experiment = design.experiment()
    netlist, gates = experiment.netlist, GatesEngine(experiment)
    bits = sum(word.bits for word in list_sites(netlist, kinds=(MEMORY,)).words)
    print(
        f"{name}: {netlist.flop_bits:,} flip-flops, {bits:,} memory bits, "
        f"{len(gates.gates.netlist.cells):,} gates, {experiment.cycles} cycles"
    )
    if "words" in parts:
        _word_level(experiment, design, gates, table, sample, mixed)
    if "gates" in parts:
        _gate_level(experiment, gates, table, mixed)


def _word_level(
    experiment: Experiment,
    design: Design,
    gates: GatesEngine,
    table: Table,
    sample: int,
    mixed: int,
) -> None:
    """Compare faults of words in all engines."""
    netlist, cycles = experiment.netlist, experiment.cycles
    sites = list_sites(netlist, kinds=(FLOP, MEMORY))
    lanes, referee = LanesEngine(experiment), VerilatorEngine(experiment, optimize="-O1")
    same = [engine.trace() == referee.trace() for engine in (lanes, gates)]
    print(f"  {'without a fault':<34} {cycles:>9,}  cycles: {'equal' if all(same) else 'DIFFER'}")
    table.wrong += same.count(False)
    upsets = exhaustive(sites, range(cycles))
    truth = table.row("every upset", upsets, lanes, referee)
    table.row("every upset", upsets, gates, lanes)
    counts = np.bincount(classify(truth), minlength=len(CLASSES)).tolist()
    print("  ", ", ".join(f"{k} {n:,}" for k, n in zip(CLASSES, counts, strict=True) if n))
    others = mixture(sites, cycles, mixed, 1)
    table.row("all models, lengths, patterns", others, lanes, referee)
    table.row("all models, lengths, patterns", others, gates, lanes)
    nets = list_sites(netlist, kinds=(NET,))
    table.row("faults of words' nets", mixture(nets, cycles, mixed, 2), lanes, referee)
    rng = np.random.default_rng(3)
    late = np.flatnonzero(upsets["cycle"] >= 2)  # asynchronous resets are levels in silicon
    chosen = upsets[rng.choice(late, min(sample, len(late)), replace=False)]
    table.row("sample of upsets", chosen, CocotbEngine(experiment, design.verilog()), lanes)
    poking = VerilatorEngine(experiment, optimize="-O1", settle=False)
    lost = float((poking.inject(upsets) != truth).mean())
    print(f"  without settling {lost:.1%} of the upsets would be wrong")


def _gate_level(experiment: Experiment, gates: GatesEngine, table: Table, mixed: int) -> None:
    """Compare faults of gates with Verilator on the gate netlist."""
    mapped = Experiment(gates.gates.netlist, experiment.inputs, experiment.observation)
    cells, outputs = cell_models(), gates.gates.outputs
    referee = VerilatorEngine(mapped, optimize="-O1", cells=cells, outputs=outputs)
    sites, cycles = gate_sites(gates.gates), experiment.cycles
    population, what = len(sites) * cycles, "every transient of a gate"
    transients = exhaustive(sites, range(cycles)) if population <= WHOLE else None
    if transients is None:
        what = f"transients of gates, of {population:,}"
        drawn = np.random.default_rng(5).choice(population, DRAWN, replace=False)
        transients = faults_at(sites, drawn % len(sites), drawn // len(sites))
    table.row(what, transients, gates, referee)
    faults = mixture(sites, cycles, mixed, 4)
    table.row("stuck and lasting faults of gates", faults, gates, referee)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the engines on all designs; return 1 if any disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", nargs="+", choices=list(DESIGNS), default=list(DESIGNS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sample", type=int, default=300, help="upsets in cocotb")
    parser.add_argument("--mixed", type=int, default=20_000, help="faults of each mixture")
    chosen = parser.parse_args(arguments)
    table = Table()
    for name in chosen.designs:
        compare(name, DESIGNS[name], table, chosen.parts, chosen.sample, chosen.mixed)
    print(f"outcomes that differ: {table.wrong}")
    return int(table.wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
