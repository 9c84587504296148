"""A real GPT-2 block in closed form against its Verilog with the default board's memory.

Run ``python bench/gpt2_block.py [--designs N]``: every GEMM of one block, prefill of 128 tokens
and a decode step at a context of 160, on three engines; heads are simulated once and count twelve
times. Prints each GEMM's cycles and both sums; fails if a sum is more than 2 % off. About ten
minutes on two cores the first time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from boards.target import Target, load_target
from dse.workloads import load_workload, make_scenario
from hw.contracts import Operator, OperatorKind, Phase
from hw.export import export
from hw.matrix import MatrixConfig
from sim.cosim import GemmCase, run_jobs
from sim.memory import MemoryTiming
from sim.system import job_times

__all__ = ["CLOCK_MHZ", "CONTEXT", "DESIGNS", "LIMIT", "block_operators", "compare", "main"]

CLOCK_MHZ, CONTEXT, LAYERS, LIMIT = 90.0, 160, 12, 0.02
DESIGNS = (
    MatrixConfig.from_knobs(rows=16, cols=16, a_depth=4096, b_depth=1024),
    MatrixConfig.from_knobs(rows=8, cols=32, a_depth=2048, b_depth=2048, result_ratio=1),
    MatrixConfig.from_knobs(rows=16, cols=16, dataflow="ws", a_depth=2048, b_depth=512),
)


def block_operators(phase: Phase) -> list[Operator]:
    """Return the GEMMs of a block in one phase; all but the LM head, which is no part of it."""
    trace = load_workload("gpt2", make_scenario(prompt=128, generate=64)).trace()
    return [
        op
        for op in trace.phase(phase)
        if op.kind is OperatorKind.GEMM
        and op.name != "lm_head"
        and (phase is Phase.PREFILL or op.context in (0, CONTEXT))
    ]


def compare(config: MatrixConfig, target: Target, operators: Sequence[Operator]) -> float:
    """Print modelled and simulated cycles of `operators`; return how far the sums are apart."""
    memory = target.memory
    timing = MemoryTiming.at_clock(
        engine_mhz=CLOCK_MHZ,
        memory_mhz=memory.clock_mhz,
        bytes_per_cycle=memory.channels * memory.bytes_per_cycle,
        latency_ns=memory.latency_ns,
        refresh_fraction=memory.refresh_fraction,
    )
    rng = np.random.default_rng(0)
    cases = []
    for op in operators:
        a, b = (rng.integers(-128, 128, size) for size in ((op.m, op.k), (op.k, op.n)))
        cases.append(GemmCase(job=config.plan(op.m, op.k, op.n), A=a, B=b))
    result = run_jobs(export(config), config, cases, memory=timing)
    modelled = job_times(config, target, CLOCK_MHZ, [(op.m, op.k, op.n) for op in operators])
    sums = np.zeros(2)
    for op, job, cycles in zip(operators, result.jobs, modelled, strict=True):
        runs = LAYERS if op.name in ("qk", "av") else 1
        sums += runs * np.array([cycles, job.cycles])
        print(
            f"  {op.phase:8}{op.name:10}{runs:3} x {op.m}x{op.k}x{op.n:5}  modelled {cycles:12,.0f}"
            f"  simulated {job.cycles:12,}  {cycles / job.cycles - 1:+8.3%}"
            f"{'' if not job.mismatches else '  WRONG RESULT'}",
            flush=True,
        )
    error = float(sums[0] / sums[1] - 1)
    print(f"  all: modelled {sums[0]:,.0f}, simulated {sums[1]:,.0f}, {error:+.3%}")
    return error if not any(job.mismatches for job in result.jobs) else float("inf")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare all designs; return 1 if one is off by more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", type=int, default=len(DESIGNS), help="how many of them")
    chosen = parser.parse_args(arguments).designs
    target = load_target()
    worst = 0.0
    for config in DESIGNS[:chosen]:
        start = time.monotonic()
        print(f"{config.rows}x{config.cols} {config.dataflow}, {target.name}, {CLOCK_MHZ:g} MHz")
        for phase in Phase:
            worst = max(worst, abs(compare(config, target, block_operators(phase))))
        print(f"  {time.monotonic() - start:.0f} s")
    print(f"largest error {worst:.3%}, limit {LIMIT:.0%}")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
