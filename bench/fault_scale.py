"""Minutes that large campaigns take: a 64x64 engine, and a design with 1 MB of memory.

Run ``python -m bench.fault_scale [--sample N]``. Both are sampled with 1,658,677 injections, which
an error margin of 0.1 % at 99 % confidence takes of a large population (Leveugle 2009), on all
cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from bench.fault_designs import engine, scratchpad
from bench.machine import busy
from sim.faults.campaign import Campaign, run_campaign
from sim.faults.experiment import Experiment
from sim.faults.lanes import LanesEngine
from sim.faults.model import find_model
from sim.faults.outcome import CLASSES
from sim.faults.sites import list_sites
from sim.faults.statistics import Frame, Sampled

__all__ = ["SAMPLE", "main"]

SAMPLE = 1_658_677
_CYCLES = 20_000


def campaign(experiment: Experiment, model: str, first: int, sample: int) -> None:
    """Run a campaign and print what it took."""
    begun = time.perf_counter()
    fault = find_model(model)
    sites = list_sites(experiment.netlist, kinds=fault.kinds)
    lanes = LanesEngine(experiment)
    prepared = time.perf_counter() - begun
    frame = Frame.of(sites, fault.cycles(range(first, experiment.cycles)))
    plan = Sampled(frame=frame, sample=sample, confidence=0.99)
    found = run_campaign(Campaign(sites, plan, fault), lanes)
    estimate = plan.estimate(found.classes)
    print(
        f"  {fault.title}: {len(found.outcomes):,} of {frame.size:,} ({len(sites):,} bits in "
        f"{len(frame.cycles):,} cycles) in {found.seconds / 60:.2f} minutes, "
        f"{found.rate:,.0f}/s; before that {prepared:.0f} s to emit and compile"
    )
    counts = np.bincount(found.classes, minlength=len(CLASSES))
    shown = ", ".join(f"{n:,} {name}" for name, n in zip(CLASSES, counts, strict=True) if n)
    print(f"  {shown}; undetected {estimate.low:.4%} to {estimate.high:.4%}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=SAMPLE)
    parser.add_argument("--size", type=int, default=64)
    options = parser.parse_args(arguments)
    print(busy(2.0) or "the machine is idle")
    begun = time.perf_counter()
    experiment, first = engine(options.size)
    print(
        f"{options.size}x{options.size} int8 engine, {experiment.netlist.flop_bits:,} flip-flops; "
        f"export, netlist and stimulus {time.perf_counter() - begun:.0f} s"
    )
    campaign(experiment, "seu", first, options.sample)
    print("1 MB of memory")
    campaign(scratchpad(_CYCLES), "memory", 2, options.sample)
    return 0


if __name__ == "__main__":
    sys.exit(main())
