"""Designs per second of the whole model: GPT-2, prompt 128, generate 64, every decode step.

Run ``python bench/system_model.py``. More than a million distinct engines, all knobs varying, each
with area, clock, the trace's cycles behind the memory, host, latency and power: `AcceleratorModel`
as the search makes it, from knobs to objectives. One core; rates count processor time, so that
other work on the machine does not, and the best of the repetitions; wall time is printed beside.
10,000 designs are then evaluated one at a time, each operator by itself (`time_trace`).

With ``--zigzag-python`` or KILN_ZIGZAG_PYTHON naming the interpreter of an environment that has
ZigZag (`INSTALL` makes one), the same GEMMs are timed there, one at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numpy as np

from boards.power import energy_model
from boards.target import Target, load_target
from dse.explore.limits import Limits
from dse.explore.model import AcceleratorModel, engine_duty, engine_power
from dse.workloads import Trace, load_workload, make_scenario
from hw.contracts import OperatorKind, SearchSpace, choice, power_of_two
from hw.contracts.space import Knob
from hw.matrix import MATRIX_SPACE, MatrixConfig
from sim.system import config_columns, space_columns, time_trace
from sim.system.distinct import distinct_rows
from sim.system.space import FIELDS
from surrogates.additive import GROUP_KNOBS, fits, group_of, predict

__all__ = ["BAR", "SPACE", "main", "single_design"]

BAR = 1_000_000
TOLERANCE = 1e-6
INSTALL = "python -m venv zigzag && zigzag/bin/pip install zigzag-dse==3.9.1 six"

_SIDES = Knob((4, 6, 8, 12, 16, 24, 32, 48, 64), ordinal=True)
SPACE = SearchSpace(
    MatrixConfig.from_knobs,
    MATRIX_SPACE.knobs
    | {
        "rows": _SIDES,
        "cols": _SIDES,
        "a_depth": power_of_two(512, 32768),
        "b_depth": power_of_two(512, 32768),
        "banks": choice(1, 2, 4),
        "result_ratio": power_of_two(1, 4),
    },
)
"""`MATRIX_SPACE` with more sides, depths, banks and result buffers."""


def timed(action: Callable[[], Any], repeats: int) -> tuple[float, float, float, Any]:
    """Return the best and the median processor time, the best wall time, and the last result."""
    cpu, wall, result = [], [], None
    for _ in range(repeats):
        result = None  # frees the one before
        start, clock = time.process_time(), time.perf_counter()
        result = action()
        cpu.append(time.process_time() - start)
        wall.append(time.perf_counter() - clock)
    return min(cpu), float(np.median(cpu)), min(wall), result


def single_design(trace: Trace, target: Target, config: MatrixConfig) -> dict[str, float]:
    """Return cycles and objectives of one design, every operator and every context by itself."""
    columns = config_columns([config])
    predicted = predict(columns, target.family)
    clock = min(float(predicted["clock_mhz"][0]), target.clock.max_mhz)
    times = time_trace(trace, config, target, clock)
    cycles = sum(row.cycles for row in times.operators)
    macs = sum(row.macs for row in times.operators if row.block == "matrix")
    spent = {
        f"{phase}_{name}_ms": sum(
            row.ms for row in times.operators if row.phase == phase and row.block == block
        )
        for phase, (name, block) in product(
            ("prefill", "decode"), (("engine", "matrix"), ("host", "host"))
        )
    }
    duty = engine_duty(spent | {"utilisation": macs / cycles / config.macs_per_cycle})
    energy = energy_model(target.family, target.budget.get("lut"))
    power = engine_power(columns, predicted, energy, clock, duty)
    area = predicted["area_um2" if target.family == "sky130" else "lut"]
    return {
        "engine_cycles": cycles,
        "latency_ms": times.latency_ms,
        "power_mw": float(power[0]),
        "area": float(area[0]),
    }


def compare(model: AcceleratorModel, trace: Trace, target: Target, count: int) -> float:
    """Print the largest difference to single designs, and return the seconds of one."""
    points = np.random.default_rng(0).choice(len(SPACE), count, replace=False)
    configs = [SPACE.decode(SPACE.point(int(point))) for point in points]
    start = time.process_time()
    singles = [single_design(trace, target, config) for config in configs]
    each = (time.process_time() - start) / count
    found = model.quantities(points, {name: of[points] for name, of in model.figures.items()})
    whole = {**model.modelled, **model.figures}
    differences = [
        np.abs(values / [one[name] for one in singles] - 1)
        for name in singles[0]
        for values in (whole[name][points], found[name])
    ]
    worst = float(np.max(differences))
    print(f"{count} of them one by one: largest relative difference {worst:.1e}")
    if not worst <= TOLERANCE:
        raise SystemExit(f"that is more than {TOLERANCE}; the two paths disagree")
    return each


def stand_in(family: str) -> None:
    """Lend groups of designs that the predictor does not know the coefficients of 8 bits."""
    groups, lent = fits()[family]["groups"], []
    for values in product(*(SPACE.knobs[name].values for name in GROUP_KNOBS)):
        label = group_of(*values)
        if label not in groups:
            groups[label] = groups[group_of(*values[:2], 8)]
            lent.append(label)
    if lent:
        print(f"not calibrated, timed with the coefficients of 8 bits: {', '.join(lent)}")


def zigzag_seconds(python: str, shapes: Sequence[tuple[int, int, int]]) -> float:
    """Return ZigZag's processor time for all shapes, one after another."""
    script = Path(__file__).with_name("zigzag_gemms.py")
    done = subprocess.run(
        [python, str(script)], input=json.dumps(shapes), capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{python} {script.name} failed:\n{done.stderr[-2000:]}{INSTALL}")
    return float(sum(json.loads(done.stdout)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print designs per second and the ratios; return 1 if the promised rate is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--check", type=int, default=10_000, help="designs compared one by one")
    parser.add_argument("--zigzag-python", default=os.environ.get("KILN_ZIGZAG_PYTHON"))
    options = parser.parse_args(arguments)
    trace = load_workload("gpt2", make_scenario(prompt=128, generate=64)).trace()
    target, count = load_target(), len(SPACE)
    stand_in(target.family)

    best, median, wall, model = timed(
        lambda: AcceleratorModel(SPACE, trace, target, Limits()), options.repeats
    )
    shapes = sorted({(op.m, op.k, op.n) for op in trace.operators if op.kind is OperatorKind.GEMM})
    columns = space_columns(SPACE)
    columns["multiplier"] = columns["multiplier"] == "dsp"
    distinct = len(distinct_rows(columns, FIELDS)[0])
    print(f"{distinct:,} distinct designs of {len(SPACE.knobs)} knobs, {len(shapes)} GEMMs")
    print(
        f"knobs to objectives {count / best:12,.0f} designs/s "
        f"(median {count / median:,.0f}, wall {count / wall:,.0f})"
    )
    points = np.arange(count)
    again = timed(lambda: model.quantities(points, model.figures), min(3, options.repeats))[0]
    print(f"clocks corrected    {count / again:12,.0f} designs/s")
    each = compare(model, trace, target, options.check)
    print(f"one by one {each * 1e3:.2f} ms a design: {each * count / best:,.0f} times as long")
    if options.zigzag_python:
        seconds = zigzag_seconds(options.zigzag_python, shapes)
        print(
            f"ZigZag {seconds:.1f} s for the {len(shapes)} GEMMs on one architecture: "
            f"{seconds * count / best:,.0f} times as long"
        )
    else:
        print(f"ZigZag was not run: name its interpreter with --zigzag-python; {INSTALL}")
    return int(count / best < BAR)


if __name__ == "__main__":
    sys.exit(main())
