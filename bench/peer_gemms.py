"""The six GEMMs of the peers' table on a simulated 32x32 array: GPT-2 block, 128 tokens, one head.

Run ``python bench/peer_gemms.py``. The engine has 2 MB of buffers and shares 16 bytes per cycle of
memory bandwidth between operands and results; cycles are those of the Verilog. Two well-known
estimators predict 1.10 and 1.54 million cycles for nominally such an array.
"""

from __future__ import annotations

import argparse
import sys
import time
from fractions import Fraction

from hw.export import export
from hw.matrix import MatrixConfig
from sim.cosim import GemmCase, run_jobs
from sim.memory import MemoryState, MemoryTiming

__all__ = ["GEMMS", "PEER_CONFIG", "PEER_MEMORY", "expected_cycles", "main"]

GEMMS = {
    "qkv": (128, 768, 2304),
    "qk": (128, 64, 128),
    "av": (128, 128, 64),
    "proj": (128, 768, 768),
    "fc1": (128, 768, 3072),
    "fc2": (128, 3072, 768),
}
"""Name to (M, K, N)."""

BAR = 985_000
PEER_MEMORY = MemoryTiming(bytes_per_cycle=Fraction(16), latency=20)
PEER_CONFIG = MatrixConfig(
    rows=32, cols=32, dataflow="os", a_depth=32768, b_depth=24576, result_rows=64
)
"""Buffers of 1 MB for A, 0.75 MB for B and 8 KB for results: under 2 MB in all."""


def main() -> int:
    """Simulate the six products alone and as one queue; return 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-only", action="store_true", help="no Verilog, the cycle model")
    options = parser.parse_args()
    config, memory = PEER_CONFIG, PEER_MEMORY
    cases = [GemmCase.random(config, shape, seed=i) for i, shape in enumerate(GEMMS.values())]
    expected = [expected_cycles(config, memory, case) for case in cases]
    ideal = sum(case.job.m * case.job.k * case.job.n for case in cases) // config.macs_per_cycle
    print(f"ideal {ideal}  model {sum(expected)}", dict(zip(GEMMS, expected, strict=True)))
    if options.model_only:
        return int(sum(expected) > BAR)
    started = time.perf_counter()
    alone = run_jobs(export(config), config, cases, memory=memory)
    for name, found, model in zip(GEMMS, alone.jobs, expected, strict=True):
        print(f"{name:5} {found.cycles:8} cycles  model {model:8}  wrong {found.mismatches}")
    total = sum(alone.cycles)
    seconds = time.perf_counter() - started
    print(f"total {total} cycles, {100 * ideal / total:.1f} % of peak, bar {BAR}; {seconds:.0f} s")
    queued = run_jobs(export(config), config, cases, memory=memory, serial=False)
    print(f"as one queue {queued.total_cycles} cycles, wrong {queued.mismatches}")
    exact = list(alone.cycles) == expected and not alone.mismatches and not queued.mismatches
    return int(total > BAR or not exact)


def expected_cycles(config: MatrixConfig, memory: MemoryTiming, case: GemmCase) -> int:
    """Return the cycles of `case` by the exact model, with `memory` behind the streams."""
    job = config.plan(case.job.m, case.job.k, case.job.n)
    word_bytes = (config.a_bits // 8, config.b_bits // 8)
    state = MemoryState(memory, word_bytes, (job.a_words, job.b_words))
    return config.cycles(job, memory=state).total


if __name__ == "__main__":
    sys.exit(main())
