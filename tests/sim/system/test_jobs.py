"""The closed form of one job against the engine and memory models that equal co-simulation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hw.matrix import MATRIX_SPACE, MatrixConfig
from sim.memory import MemoryTiming
from sim.system.reference import simulate_job

from .designs import DESIGNS, memory, modelled, some_points

# GPT-2's GEMMs with the long dimensions of the prefill cut, so that a test takes a second.
PREFILL = ((128, 768, 144), (128, 64, 128), (128, 128, 64), (128, 1536, 48))
DECODE = ((1, 768, 288), (1, 64, 129), (1, 64, 191), (1, 129, 64), (1, 191, 64), (1, 1536, 96))


def totals(config: MatrixConfig, shapes: tuple, timing: MemoryTiming) -> tuple[float, int]:
    closed = sum(modelled(config, shape, timing) for shape in shapes)
    exact = sum(simulate_job(config, config.plan(*shape), timing) for shape in shapes)
    return closed, exact


@pytest.mark.parametrize("config", DESIGNS, ids=lambda c: f"{c.dataflow}{c.rows}x{c.cols}")
@pytest.mark.parametrize("shapes", [PREFILL, DECODE], ids=["prefill", "decode"])
def test_within_two_percent_of_the_exact_models(config: MatrixConfig, shapes: tuple) -> None:
    closed, exact = totals(config, shapes, memory())
    assert closed == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_random_designs_and_clocks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = MATRIX_SPACE.decode(MATRIX_SPACE.point(int(some_points(1, seed)[0])))
    timing = memory(float(rng.uniform(40, 180)), float(rng.choice([4, 8, 16, 32])))
    closed, exact = totals(config, PREFILL[1:3] + DECODE[:4], timing)
    assert closed == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("seed", range(12))
def test_with_a_memory_that_never_waits_it_is_the_engines_own_closed_form(seed: int) -> None:
    config = MATRIX_SPACE.decode(MATRIX_SPACE.point(int(some_points(1, seed)[0])))
    timing = MemoryTiming(bytes_per_cycle=Fraction(10**6), latency=1)
    for shape in PREFILL + DECODE:
        assert modelled(config, shape, timing) == config.cycles(config.plan(*shape)).total


def test_decode_gemv_reaches_the_bandwidth_less_refresh() -> None:
    config, timing = DESIGNS[0], memory()
    job = config.plan(1, 768, 768)
    cycles = simulate_job(config, job, timing)
    reached = 768 * 768 / cycles / float(timing.sustained_bytes_per_cycle)
    assert reached >= 0.9


def test_more_bandwidth_never_costs_time() -> None:
    for config in DESIGNS:
        for shape in PREFILL + DECODE:
            times = [modelled(config, shape, memory(90, rate)) for rate in (2, 4, 8, 16, 64)]
            assert times == sorted(times, reverse=True)
