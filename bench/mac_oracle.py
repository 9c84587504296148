"""The multiply-accumulate unit's Verilog against its golden model and exact integers, at length.

Run ``python -m bench.mac_oracle [--count N] [--pairs N] [--unit U]`` (half an hour on one core).
For the reference unit, one with a quire, and units of all other formats, mode by mode:

- every pair of codes of formats of up to 8 bits; of 16-bit formats the corners crossed and a
  million random pairs: product rounded into the mode's format;
- 10,000 random dot products of 1 to 4,096 products, with zeros, largest values, NaR or NaN,
  cancellation and saturation;
- modes in turn with every element: results must come one per cycle.

Verilator, `hw.mac.golden` and the oracle of ``tests/hw/mac`` must agree; fails on any difference.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from bench.mac_units import FLOATS, LONG, QUIRE, REFERENCE, SHORT
from hw.export import ExportedDesign, export
from hw.mac import MacConfig
from tests.hw.mac.cases import Batch, all_pairs, exact, golden, make_batch, single, verilog

__all__ = ["corners", "main"]

CHUNK = 100_000
UNITS = {"bounded": REFERENCE, "quire": QUIRE, "short": SHORT, "long": LONG, "floats": FLOATS}


def corners(config: MacConfig, mode: str) -> Batch:
    """Return the corners of a 16-bit format crossed: around powers of two, zero, and the ends."""
    near = [base + step for base in (0, 0x4000, 0x8000, 0xC000) for step in range(-4, 5)]
    powers = [1 << bit for bit in range(16)] + [(1 << bit) - 1 for bit in range(17)]
    most = (1 << config.formats[config.mode(mode)].bits) - 1
    codes = np.unique(np.array([*near, *powers, *(-code for code in powers)]) & most)
    left, right = (part.ravel() for part in np.meshgrid(codes, codes))
    return single(config, mode, left, right)


def random_pairs(config: MacConfig, mode: str, count: int, seed: int) -> Batch:
    most = 1 << config.formats[config.mode(mode)].bits
    left, right = np.random.default_rng(seed).integers(0, most, (2, count))
    return single(config, mode, left, right)


class Check:
    """Counts what was compared and what differed."""

    def __init__(self, config: MacConfig, design: ExportedDesign) -> None:
        self.config, self.design = config, design
        self.compared = self.differing = 0

    def __call__(self, title: str, batch: Batch) -> None:
        """Compare the three on one batch and print a line."""
        started = time.perf_counter()
        (found,), _ = verilog(self.design, self.config, [batch])
        model, oracle = golden(self.config, batch), exact(self.config, batch)
        wrong = int(np.sum((found != model) | (model != oracle)))
        self.compared += len(found)
        self.differing += wrong
        seconds = time.perf_counter() - started
        print(
            f"  {batch.mode:10} {title:18} {len(found):8} results, {len(batch.A):9} elements, "
            f"{wrong} differ   {seconds:5.0f} s",
            flush=True,
        )


def products(check: Check, mode: str, pairs: int) -> None:
    """Compare single products."""
    if check.config.formats[check.config.mode(mode)].bits <= 8:
        check("every pair", all_pairs(check.config, mode))
        return
    check("corners crossed", corners(check.config, mode))
    for at in range(0, pairs, CHUNK):
        count = min(CHUNK, pairs - at)
        check("random pairs", random_pairs(check.config, mode, count, seed=at))


def every_cycle(check: Check) -> None:
    """Change the mode with every element; each result must follow the one before."""
    config = check.config
    batches = [make_batch(config, mode, 5000, 1, seed=i) for i, mode in enumerate(config.modes)]
    found, run = verilog(check.design, config, batches)
    wrong = sum(int(np.sum(f != golden(config, b))) for f, b in zip(found, batches, strict=True))
    bubbles = int(np.sum(np.diff(run.cycles) != 1))
    check.compared += len(run.cycles)
    check.differing += wrong + bubbles
    print(f"  modes in turn: {len(run.cycles)} results, {wrong} differ, {bubbles} bubbles")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all comparisons; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="dot products per mode")
    parser.add_argument("--pairs", type=int, default=1_000_000, help="of each 16-bit format")
    parser.add_argument("--unit", choices=UNITS, action="append")
    options = parser.parse_args(arguments)
    differing = 0
    for name in options.unit or list(UNITS):
        config = UNITS[name]
        check = Check(config, export(config, "kiln_mac"))
        print(f"{name}: {config.plan.accumulator_bits} bits, latency {config.latency}", flush=True)
        every_cycle(check)
        for index, mode in enumerate(config.modes):
            products(check, mode, options.pairs)
            for at in range(0, options.count, 1000):
                count = min(1000, options.count - at)
                check("dot products", make_batch(config, mode, count, 4096, seed=at + index))
        differing += check.differing
        print(f"{name}: {check.compared} results compared, {check.differing} differ", flush=True)
    print("pass" if not differing else f"FAIL: {differing} differ")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
