"""Designs, memories and traces that the tests of the system model share."""

from __future__ import annotations

from functools import cache

import numpy as np

from dse.workloads import Scenario, Trace, load_workload, make_scenario
from hw.matrix import MATRIX_SPACE, MatrixConfig
from sim.memory import MemoryTiming
from sim.system.space import config_columns
from sim.system.terms import KNOBS, shape_terms
from sim.system.timing import job_cycles, view_timing

DESIGNS = (
    MatrixConfig.from_knobs(rows=16, cols=16, a_depth=4096, b_depth=1024),
    MatrixConfig.from_knobs(rows=8, cols=32, a_depth=2048, b_depth=2048, result_ratio=1),
    MatrixConfig.from_knobs(rows=16, cols=16, dataflow="ws", a_depth=2048, b_depth=512),
)


@cache
def gpt2(prompt: int = 128, generate: int = 64) -> Trace:
    scenario: Scenario | None = make_scenario(prompt=prompt, generate=generate)
    return load_workload("gpt2", scenario).trace()


def memory(engine_mhz: float = 90.0, bytes_per_cycle: float = 8.0) -> MemoryTiming:
    """The default target's DDR3, seen by an engine."""
    return MemoryTiming.at_clock(
        engine_mhz=engine_mhz,
        memory_mhz=75,
        bytes_per_cycle=bytes_per_cycle,
        latency_ns=300,
        refresh_fraction=0.043,
    )


def modelled(config: MatrixConfig, shape: tuple[int, int, int], timing: MemoryTiming) -> float:
    """Return the closed form's cycles of one job."""
    columns = config_columns([config])
    terms = shape_terms(*shape, {name: columns[name] for name in KNOBS})
    row = config.cols * -(-config.result_bits // 8)
    view = view_timing(timing, (-(-config.a_bits // 8), -(-config.b_bits // 8)), row)
    return float(job_cycles(terms, view).total[0])


def some_points(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(len(MATRIX_SPACE), count, replace=False)
