"""GPT-2's decode products on the 32x32 array of the peers' table: share of the memory's bandwidth.

Run ``python -m bench.decode_gemv [--model-only]``. The four products of a vector with a block's
weights run on the exported Verilog, which shares 16 bytes per cycle between operands and results
with a memory that refreshes as long as the default board's does. The share counts the weights
alone, each once, against the bandwidth less refresh; fails below 90 %, on a wrong result, or where
Verilog and cycle model differ by a cycle.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from bench.peer_gemms import PEER_CONFIG, expected_cycles
from boards.target import load_target
from hw.export import export
from hw.matrix import MatrixConfig
from sim.cosim import GemmCase, run_jobs
from sim.memory import MemoryTiming

__all__ = ["LIMIT", "MEMORY", "SHAPES", "main", "share"]

SHAPES = {
    "qkv": (768, 2304),
    "proj": (768, 768),
    "fc1": (768, 3072),
    "fc2": (3072, 768),
}
"""Name to (K, N); M is 1."""

LIMIT = 0.9
CLOCK_MHZ = 100.0
"""At which the 200 ns below are the 20 cycles of the peers' table, and 7.8 us are 780."""

MEMORY = MemoryTiming.at_clock(
    engine_mhz=CLOCK_MHZ,
    memory_mhz=CLOCK_MHZ,
    bytes_per_cycle=16,
    latency_ns=200,
    refresh_fraction=load_target().memory.refresh_fraction,
)


def share(config: MatrixConfig, case: GemmCase, cycles: int) -> float:
    """Return the weights' bytes over what the memory sustains in `cycles`."""
    weights = case.job.k * case.job.n * config.operand_bits / 8
    return weights / (cycles * float(MEMORY.sustained_bytes_per_cycle))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per product; return 1 if one misses the bar or is not exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-only", action="store_true", help="no Verilog, the cycle model")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="this product only")
    options = parser.parse_args(arguments)
    names, config = options.shape or list(SHAPES), PEER_CONFIG
    cases = [GemmCase.random(config, (1, *SHAPES[name]), seed=i) for i, name in enumerate(names)]
    modelled = [expected_cycles(config, MEMORY, case) for case in cases]
    started = time.perf_counter()
    cycles, wrong = modelled, [0] * len(cases)
    if not options.model_only:
        result = run_jobs(export(config), config, cases, memory=MEMORY)
        cycles, wrong = list(result.cycles), [job.mismatches for job in result.jobs]
    source = "cycle model" if options.model_only else "Verilog"
    print(
        f"{config.rows}x{config.cols} array, {float(MEMORY.bytes_per_cycle):g} B/cycle, "
        f"{float(MEMORY.sustained_bytes_per_cycle):.3f} less refresh; cycles of the {source}"
    )
    shares = [share(config, case, found) for case, found in zip(cases, cycles, strict=True)]
    rows = zip(names, cases, cycles, modelled, wrong, shares, strict=True)
    for name, case, found, model, errors, reached in rows:
        print(
            f"{name:5} 1x{case.job.k}x{case.job.n:<5} {found:8} cycles  model {model:8}  "
            f"wrong {errors}  {100 * reached:5.1f} % of sustained bandwidth"
        )
    ok = min(shares) >= LIMIT and cycles == modelled and not any(wrong)
    seconds = time.perf_counter() - started
    print(f"{'pass' if ok else 'FAIL'}: least {min(shares):.1%}, bar {LIMIT:.0%}; {seconds:.0f} s")
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
