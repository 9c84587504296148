"""The multiply-accumulate unit's Verilog against its golden model and exact integers, at length.

Run ``python -m bench.mac_oracle [--count N] [--pairs N] [--unit U]`` (an hour on one core).
For units that have all named formats between them, exact and with windows, mode by mode:

- every pair of codes of formats of up to 8 bits, the product rounded into a format that holds all
  of them exactly where the unit has one; of longer formats the corners crossed, a million random
  pairs, and pairs less a neighbour's product, whose sum is short enough to show every bit;
- 10,000 random dot products of 1 to 4,096 products (lengths drawn so that their logarithms are
  uniform), with zeros, largest values, NaR or NaN, cancellation and saturation, rounded into all
  formats of the unit's results in turn;
- modes in turn with every element: results must come one per cycle.

Verilator, `hw.mac.golden` and the oracle of ``tests/hw/mac`` must agree, and SoftPosit's quires
with them wherever these cannot overflow; fails on any difference.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.mac_units import FLOATS, LONG, QUIRE, REFERENCE, SHORT
from hw.export import ExportedDesign, export
from hw.mac import MacConfig
from hw.numerics import FORMATS, NumberFormat
from tests.hw.mac.cases import (
    Batch,
    all_pairs,
    exact,
    golden,
    make_batch,
    neighbours,
    single,
    verilog,
)
from tests.hw.mac.oracle import holds_products
from tests.hw.mac.softposit_quire import has_quire, quire_codes

__all__ = ["UNITS", "corners", "main"]

CHUNK = 100_000
_LONGER = ("fp16", *(f"int{bits}" for bits in range(9, 17)), "posit16", "posit16_es2")
_WINDOW: dict[str, Any] = {"accumulator": "bounded", "segment": 0, "step": 8, "alignment": 40}
UNITS = {
    "bounded": REFERENCE,
    "quire": QUIRE,
    "short": replace(SHORT, outputs=("bf16", "posit16", "int16", "posit16_es2")),
    "short-bounded": replace(SHORT, **_WINDOW, outputs=()),
    "long": replace(LONG, modes=_LONGER),
    "long-bounded": replace(LONG, **_WINDOW, modes=_LONGER, outputs=("int16", "fp16", "posit16")),
    "floats": FLOATS,
}
"""Units that have every named format between them, exact and, where that fits, in a window."""


def corners(config: MacConfig, mode: str) -> Batch:
    """Return the corners of a long format crossed: around powers of two, zero, and the ends."""
    bits = config.formats[config.mode(mode)].bits
    quarter = 1 << (bits - 2)
    near = [quarter * part + step for part in range(4) for step in range(-4, 5)]
    powers = [1 << bit for bit in range(bits)] + [(1 << bit) - 1 for bit in range(bits + 1)]
    codes = np.unique(np.array([*near, *powers, *(-code for code in powers)]) & (4 * quarter - 1))
    left, right = (part.ravel() for part in np.meshgrid(codes, codes))
    return single(config, mode, left, right, _output(config, 0))


def random_pairs(config: MacConfig, mode: str, count: int, seed: int) -> Batch:
    most = 1 << config.formats[config.mode(mode)].bits
    left, right = np.random.default_rng(seed).integers(0, most, (2, count))
    return single(config, mode, left, right, _output(config, seed // CHUNK))


def _output(config: MacConfig, turn: int) -> str | None:
    """Return the formats of results in turn, where there is a choice."""
    return config.outputs[turn % len(config.outputs)] if config.outputs else None


def exact_output(config: MacConfig, mode: str) -> str | None:
    """Return a format of results that holds all products of a mode exactly, if there is one."""
    format = config.formats[config.mode(mode)]
    names = [name for name in config.outputs if holds_products(FORMATS[name], format)]
    return names[0] if names else None


class Check:
    """Counts what was compared and what differed."""

    def __init__(self, config: MacConfig, design: ExportedDesign) -> None:
        self.config, self.design = config, design
        self.compared = self.differing = self.quires = 0

    def __call__(self, title: str, batch: Batch) -> None:
        """Compare all on one batch and print a line."""
        started = time.perf_counter()
        (found,), _ = verilog(self.design, self.config, [batch])
        model, oracle = golden(self.config, batch), exact(self.config, batch)
        wrong = (found != model) | (model != oracle)
        if self._has_quire(batch):
            codes, known = quire_codes(self._format(batch), batch.A, batch.B, batch.lengths)
            wrong |= known & (codes != found)
            self.quires += int(np.sum(known))
            title += ", SoftPosit"
        self.compared += len(found)
        self.differing += int(np.sum(wrong))
        seconds = time.perf_counter() - started
        print(
            f"  {batch.mode:11} {title:26} {len(found):8} results, {len(batch.A):9} elements, "
            f"{int(np.sum(wrong))} differ   {seconds:5.0f} s",
            flush=True,
        )

    def _format(self, batch: Batch) -> NumberFormat:
        return self.config.formats[self.config.mode(batch.mode)]

    def _has_quire(self, batch: Batch) -> bool:
        """Whether SoftPosit has a quire of this mode, and the unit adds and rounds as it does."""
        plan = self.config.plan.modes[self.config.mode(batch.mode)]
        own = batch.output in (None, plan.format.name) and not self.config.outputs
        exactly = plan.exact or self.config.accumulator == "quire"
        return has_quire(plan.format) and own and exactly and self.config.reduce


def products(check: Check, mode: str, pairs: int) -> None:
    """Compare single products."""
    config = check.config
    if config.formats[config.mode(mode)].bits <= 8:
        output = exact_output(config, mode)
        title = "every pair, exact" if output else "every pair"
        check(title, replace(all_pairs(config, mode), output=output or _output(config, 0)))
        return
    check("corners crossed", corners(config, mode))
    for at in range(0, pairs, CHUNK):
        count = min(CHUNK, pairs - at)
        check("random pairs", random_pairs(config, mode, count, seed=at))
    count = min(CHUNK, pairs)
    check("less a neighbour", neighbours(config, mode, count, seed=7, output=_output(config, 0)))


def every_cycle(check: Check) -> None:
    """Change the mode with every element; each result must follow the one before."""
    config = check.config
    batches = [
        make_batch(config, mode, 5000, 1, seed=i, output=_output(config, i))
        for i, mode in enumerate(config.modes)
    ]
    found, run = verilog(check.design, config, batches)
    wrong = sum(int(np.sum(f != golden(config, b))) for f, b in zip(found, batches, strict=True))
    bubbles = int(np.sum(np.diff(run.cycles) != 1))
    check.compared += len(run.cycles)
    check.differing += wrong + bubbles
    print(f"  modes in turn: {len(run.cycles)} results, {wrong} differ, {bubbles} bubbles")


def dot_products(check: Check, mode: str, count: int) -> None:
    """Compare dot products, their results in all formats in turn."""
    index = check.config.mode(mode)
    step = min(1000, -(-count // max(len(check.config.outputs), 1)))
    for turn, at in enumerate(range(0, count, step)):
        output = _output(check.config, turn)
        part = make_batch(check.config, mode, min(step, count - at), 4096, at + index, output)
        check("dot products", part)


def check_unit(name: str, count: int, pairs: int, modes: Sequence[str] = ()) -> tuple[int, int]:
    """Run all comparisons of one unit; return how many results there were and how many differ.

    With `modes`, single products and dot products of these only.
    """
    config = UNITS[name]
    check = Check(config, export(config, "kiln_mac"))
    print(f"{name}: {config.plan.accumulator_bits} bits, latency {config.latency}", flush=True)
    every_cycle(check)
    for mode in modes or config.modes:
        products(check, mode, pairs)
        dot_products(check, mode, count)
    print(
        f"{name}: {check.compared} results compared, {check.quires} of them with SoftPosit, "
        f"{check.differing} differ",
        flush=True,
    )
    return check.compared, check.differing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all comparisons; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="dot products per mode")
    parser.add_argument("--pairs", type=int, default=1_000_000, help="of each 16-bit format")
    parser.add_argument("--unit", choices=UNITS, action="append")
    parser.add_argument("--mode", action="append", default=[], help="of one unit: these only")
    options = parser.parse_args(arguments)
    units = options.unit or list(UNITS)
    found = [check_unit(name, options.count, options.pairs, options.mode) for name in units]
    compared, differing = (sum(numbers) for numbers in zip(*found, strict=True))
    print(f"{compared} results: " + ("pass" if not differing else f"FAIL: {differing} differ"))
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
