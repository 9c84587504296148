"""Cycles and results of the matrix engine against Verilator, on random configurations and GEMMs.

Run ``python bench/cosim_pairs.py``: 208 pairs over 26 configurations, ragged edges everywhere,
every second GEMM with pauses in all streams. One compilation per configuration; ten minutes on
two cores the first time, then seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from hw.matrix import MatrixConfig
from sim.cosim import GemmCase, run_jobs
from sim.cosim.verify import random_cases

__all__ = ["SEED", "compare", "configurations", "main"]

SEED = 2024
_GRID = [(os, bits) for os in ("os", "ws") for bits in (4, 8, 16)]


def configurations(count: int, seed: int = SEED) -> Iterator[MatrixConfig]:
    """Yield small designs, dataflow and operand width in turn and all other knobs drawn."""
    rng = np.random.default_rng(seed)

    def draw(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    for index in range(count):
        dataflow, bits = _GRID[index % len(_GRID)]
        rows = draw(2, 3, 4, 5, 8)
        yield MatrixConfig(
            rows=rows,
            cols=draw(2, 3, 4, 6, 8),
            dataflow=dataflow,
            operand_bits=bits,
            accum_bits=draw(2 * bits, 2 * bits + 5, 32 if bits < 16 else 48),
            multiplier=draw("dsp", "lut"),
            pipeline=draw(0, 1, 2),
            a_depth=draw(16, 32, 64),
            b_depth=draw(16, 32, 64),
            banks=draw(1, 2, 4),
            result_rows=max(4, rows * draw(1, 2, 3)) * (2 if dataflow == "ws" else 1),
        )


def compare(config: MatrixConfig, cases: list[GemmCase], run: Any) -> list[str]:
    """Return a line for every case whose cycles or results differ; `run` simulates the cases."""
    result = run(config, cases)
    problems = []
    for case, found in zip(cases, result.jobs, strict=True):
        expected = config.cycles(case.job, stalls=case.stalls).total
        if found.cycles != expected or found.mismatches:
            shape = f"{case.job.m}x{case.job.k}x{case.job.n}"
            problems.append(
                f"{config} {shape} {case.stalls}: {found.cycles} cycles, model {expected}; "
                f"{found.mismatches} wrong elements"
            )
    return problems


def main() -> int:
    """Run all pairs; return 1 if any differs."""
    from hw.export import export

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", type=int, default=26)
    parser.add_argument("--gemms", type=int, default=8, help="per configuration")
    options = parser.parse_args()
    problems: list[str] = []
    pairs = cycles = 0

    def run(config: MatrixConfig, cases: list[GemmCase]) -> Any:
        nonlocal pairs, cycles
        result = run_jobs(export(config), config, cases)
        pairs, cycles = pairs + len(cases), cycles + sum(result.cycles)
        return result

    for index, config in enumerate(configurations(options.configs)):
        problems += compare(config, random_cases(config, options.gemms, seed=index), run)
        print(f"{pairs} pairs, {cycles} cycles, {len(problems)} differ", file=sys.stderr)
    print(f"pairs {pairs}  configurations {options.configs}  differing {len(problems)}")
    print("\n".join(problems))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
