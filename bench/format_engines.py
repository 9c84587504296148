"""Engines with number formats on ECP5: what an element costs, and the clock that is routed.

Run ``python -m bench.format_engines [--pipeline 2]``; minutes a set the first time, then from the
cache. Each set of formats is a 4x4 array with small buffers, beside the same array of 8-bit
integers (one product per element and cycle). Printed are LUT, flip-flops and DSP blocks by element,
shares of sequencer, buffers and edges included, LUT by product per cycle, and the clock of one
routing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from boards.flows import synthesis, used
from boards.target import Target, load_target
from dse.explore.ladder import TOP, figure, measure_clock
from hw.export import export
from hw.matrix import FORMAT_SETS, MatrixConfig, mixed_config

__all__ = ["main"]

_SIDE = 4
_BUFFERS = {"a_depth": 1024, "b_depth": 1024, "banks": 1}


def row(config: MatrixConfig, target: Target) -> list[str]:
    """Return what one engine takes, by element, as text."""
    design = export(config, TOP)
    area = synthesis(design, target)
    clock, _ = measure_clock(design, area, target, seed=0)
    cells = config.rows * config.cols
    lut, ff, dsp = (used(area.metrics, name) / cells for name in ("lut", "ff", "dsp"))
    lanes = config.macs_per_cycle // cells
    numbers = f"{lanes}", f"{lut:.0f}", f"{ff:.0f}", f"{dsp:.0f}", f"{lut / lanes:.0f}"
    return [*numbers, f"{figure(clock, 'clock_mhz'):.1f}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pipeline", type=int, default=2)
    parser.add_argument("--target", default="ecpix5-85f")
    parser.add_argument("--sets", nargs="*", default=list(FORMAT_SETS))
    options = parser.parse_args(arguments)
    target = load_target(options.target)
    print("| formats | products | LUT | FF | DSP | LUT by product | MHz |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    plain = MatrixConfig(rows=_SIDE, cols=_SIDE, pipeline=min(options.pipeline, 2), **_BUFFERS)
    print(f"| integers of 8 bits | {' | '.join(row(plain, target))} |", flush=True)
    for formats in options.sets:
        config = mixed_config(
            formats=formats,
            rows=_SIDE,
            cols=_SIDE,
            multiplier="dsp",
            pipeline=options.pipeline,
            **_BUFFERS,
        )
        print(f"| {formats} | {' | '.join(row(config, target))} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
