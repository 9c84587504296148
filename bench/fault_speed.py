"""Injections per second on an 8x8 int8 output-stationary array: lanes against Verilator and cocotb.

Run ``python -m bench.fault_speed [--quick]``; everything on one core. Upsets of every flip-flop bit
in every one of 38 cycles by the lanes engine, start of the program and files included; the same for
a sample by a loop on Verilator that restores snapshots, and by a cocotb loop. Outcomes must be
equal. Lanes are the best of five runs, the others a single one.

Then transients of every net, and, on the whole engine around that array, upsets of memory
bits against upsets of flip-flops. Exit code 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

import numpy as np

from bench.fault_designs import array
from bench.fault_designs import engine as whole_engine
from bench.machine import busy
from sim.faults.cocotb import CocotbEngine
from sim.faults.experiment import Engine
from sim.faults.fault import exhaustive
from sim.faults.lanes import LanesEngine
from sim.faults.sites import FLOP, KINDS, MEMORY, NET, list_sites
from sim.faults.verilator import VerilatorEngine

__all__ = ["RATE_BAR", "RATIO_BAR", "main"]

SIZE, CYCLES, INJECTED = 8, 48, range(1, 39)
RATE_BAR = 1e6
RATIO_BAR = 20.0
SHARE_BAR = 0.5
"""Of the rate of upsets in flip-flops, for memory bits and transients."""
_REPEATS, _SAMPLE, _COCOTB = 5, 100_000, 100


def rate(engine: Engine, faults: np.ndarray, repeats: int = 1) -> tuple[float, np.ndarray]:
    """Return the best injections per second of some repetitions, and the outcomes."""
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        outcomes = engine.inject(faults)
        seconds.append(time.perf_counter() - begun)
    return len(faults) / min(seconds), outcomes


def main(arguments: Sequence[str] | None = None) -> int:
    """Print rates and ratios; return 1 if a bar is missed or an outcome differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without cocotb")
    options = parser.parse_args(arguments)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(busy() or "the machine is idle")
    experiment, verilog = array(SIZE, CYCLES)
    sites = list_sites(experiment.netlist, kinds=(FLOP,))
    faults = exhaustive(sites, INJECTED)
    print(f"{SIZE}x{SIZE} int8 array, {len(sites):,} flip-flop bits, {len(faults):,} upsets")
    engine = LanesEngine(experiment)
    engine.inject(faults[:1])  # compiles
    fast, outcomes = rate(engine, faults, _REPEATS)
    print(f"  lanes      {fast:12,.0f} injections/s, one core")
    ok = fast >= RATE_BAR
    chosen = np.sort(np.random.default_rng(1).choice(len(faults), _SAMPLE, replace=False))
    ok &= _against("verilator", VerilatorEngine(experiment), faults, outcomes, chosen, fast)
    if not options.quick:
        few = chosen[:: _SAMPLE // _COCOTB]
        _against("cocotb", CocotbEngine(experiment, verilog), faults, outcomes, few, fast)
    nets = exhaustive(list_sites(experiment.netlist, kinds=(NET,)), INJECTED)
    ok &= _share("transients of nets", rate(engine, nets, _REPEATS)[0], fast)
    ok &= _memories()
    print("pass" if ok else "FAIL")
    return int(not ok)


def _against(
    name: str,
    other: Engine,
    faults: np.ndarray,
    outcomes: np.ndarray,
    chosen: np.ndarray,
    fast: float,
) -> bool:
    """Print how much quicker lanes are than another engine; return whether all outcomes agree."""
    other.inject(faults[chosen[:1]])  # compiles
    slow, found = rate(other, faults[chosen])
    differ = int((found != outcomes[chosen]).sum())
    enough = name != "verilator" or fast / slow >= RATIO_BAR
    print(
        f"  {name:10} {slow:12,.0f} injections/s; lanes are {fast / slow:,.1f} times as fast; "
        f"{differ} of {len(chosen):,} outcomes differ"
    )
    return enough and not differ


def _share(name: str, found: float, flops: float) -> bool:
    print(f"  {name}: {found:,.0f} injections/s, {found / flops:.2f} of the rate in flip-flops")
    return found >= SHARE_BAR * flops


def _memories() -> bool:
    """Print rates on the engine around the array, which has the memories."""
    experiment, first = whole_engine(SIZE)
    engine = LanesEngine(experiment)
    print(f"{SIZE}x{SIZE} int8 engine, operand and result memories included")
    rates = {}
    for kind in (FLOP, MEMORY, NET):
        sites = list_sites(experiment.netlist, kinds=(kind,))
        faults = exhaustive(sites, range(first, experiment.cycles))
        rates[kind], _ = rate(engine, faults, 2)
        _share(f"{len(faults):,} faults of {KINDS[kind]} sites", rates[kind], rates[FLOP])
    return min(rates.values()) >= SHARE_BAR * rates[FLOP]


if __name__ == "__main__":
    sys.exit(main())
