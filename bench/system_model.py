"""Designs per second of the system model: GPT-2, prompt 128, generate 64, every decode step.

Run ``python bench/system_model.py``. One core; processor time, so that other work on the machine
does not count; best of the repetitions. ``whole space`` is what a search pays once: reducing the
trace, counts of cycles and words for every structure, and all figures of every design at its own
clock. ``again`` is what every correction of the clocks costs after that.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from boards.target import load_target
from dse.workloads import load_workload, make_scenario
from hw.matrix import MATRIX_SPACE
from sim.system import TraceModel, space_columns, time_trace

__all__ = ["BAR", "main"]

BAR = 1_000_000


def best(action: Callable[[], object], repeats: int) -> float:
    """Return the least processor time of `action`, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print designs per second; return 1 if clocks are not corrected at the promised rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args(arguments).repeats
    trace = load_workload("gpt2", make_scenario(prompt=128, generate=64)).trace()
    target = load_target()
    columns = space_columns(MATRIX_SPACE)
    count = len(columns["rows"])
    clocks = np.random.default_rng(0).uniform(60, 200, count)

    whole = best(lambda: TraceModel(trace, target, columns).evaluate(clocks), repeats)
    model = TraceModel(trace, target, columns)
    again = best(lambda: model.engine_cycles(clocks), repeats)
    config = MATRIX_SPACE.decode(MATRIX_SPACE.point(0))
    single = best(lambda: time_trace(trace, config, target, 100.0), repeats)
    print(f"{count} designs, {len(trace.operators)} operators, {len(model.shapes)} shapes")
    print(f"whole space  {whole * 1e3:7.1f} ms  {count / whole:12,.0f} designs/s")
    print(f"again        {again * 1e3:7.1f} ms  {count / again:12,.0f} designs/s")
    print(f"one design by operator and cause {single * 1e3:.1f} ms")
    return int(count / again < BAR)


if __name__ == "__main__":
    sys.exit(main())
