"""Speed of the golden GEMM, in multiply-accumulates a second on one core.

Run ``python -m bench.golden_gemm``. Exact sums of up to 53 bits are one float64 GEMM; longer ones
are several, of slices; bounded accumulators follow their rule product by product. Times are of the
processor, so that other processes count less. Bars: 50 million a second where sums fit 53 bits,
5 million otherwise.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence

import numpy as np

from bench.machine import busy, restart_on_one_core
from hw.numerics import BlockScaled, quire_bits
from sim.quality.arithmetic import Arithmetic
from sim.quality.quantise import Scaling, Tensor, take

__all__ = ["CASES", "bar", "main", "rate"]

CASES = (
    *("int8", "fp4_e2m1", "fp8_e4m3", "posit8", "mx_int8", "mx_fp4_e2m1"),
    *("fp8_e5m2", "posit8_es2", "fp16", "posit16", "posit16_es2", "bf16", "mx_fp8_e5m2"),
    *("posit16@32", "posit16@24", "posit16@16", "fp8_e5m2@24", "bf16@24", "mx_fp8_e4m3@24"),
)
SHAPE = (256, 768, 768)
FAST, SLOW = 50e6, 5e6


def bar(arithmetic: Arithmetic) -> float:
    """Return the rate to reach: the higher one where sums fit the 53 bits of a float64."""
    format = arithmetic.number_format
    if not arithmetic.is_exact(SHAPE[1]) or isinstance(format, BlockScaled):
        return SLOW
    return FAST if quire_bits(format, format, SHAPE[1]) <= 53 else SLOW


def rate(arithmetic: Arithmetic, shape: tuple[int, int, int], repeats: int = 3) -> float:
    """Return multiply-accumulates a second, the best of `repeats`; quantising is left out."""
    m, k, n = shape
    random = np.random.default_rng(0)
    format, wanted = arithmetic.number_format, arithmetic.window is not None
    operands: list[Tensor] = []
    for size, axis in (((m, k), 1), ((k, n), 0)):
        values = random.normal(size=size)
        factor = Scaling().factor(format, values)
        operands.append(take(format, values, factor=factor, axis=axis, scales=wanted))
    best = math.inf
    for _ in range(repeats):
        started = time.process_time()
        arithmetic.product(*operands)
        best = min(best, time.process_time() - started)
    return m * k * n / best


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line for each; return 1 if one misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", help="such as posit16@24; by default several")
    options = parser.parse_args(arguments)
    print("x".join(map(str, SHAPE)), busy())
    missed = False
    for text in options.case or CASES:
        arithmetic = Arithmetic.parse(text)
        found, least = rate(arithmetic, SHAPE), bar(arithmetic)
        missed |= found < least
        verdict = "pass" if found >= least else "FAIL"
        print(f"{text:16} {found / 1e6:8.0f} million MAC/s  bar {least / 1e6:3.0f}  {verdict}")
    return int(missed)


if __name__ == "__main__":
    restart_on_one_core("bench.golden_gemm")
    sys.exit(main())
