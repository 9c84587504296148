"""The simulated engine: bit-exact results and exact cycles, whatever the peers do."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hw.matrix import MatrixConfig
from hw.matrix.cycles import Stalls

from .bench import check_case, random_case, run_jobs
from .designs import random_config, random_shape, random_stalls

SMALL = {"rows": 4, "cols": 3, "a_depth": 64, "b_depth": 64, "result_rows": 8}


def check(config: MatrixConfig, shape: tuple[int, int, int], stalls: Stalls, seed: int) -> None:
    run = check_case(config, shape, seed, a=stalls.a, b=stalls.b, o=stalls.o)
    assert run.cycles == [config.cycles(config.plan(*shape), stalls=stalls).total]


@pytest.mark.parametrize("dataflow", ["os", "ws"])
@pytest.mark.parametrize("shape", [(4, 5, 3), (9, 7, 8), (1, 12, 10), (5, 1, 4), (1, 1, 1)])
def test_ragged_edges(dataflow: str, shape: tuple[int, int, int]) -> None:
    check(MatrixConfig(dataflow=dataflow, **SMALL), shape, Stalls(), 1)


@pytest.mark.parametrize("dataflow", ["os", "ws"])
@pytest.mark.parametrize("pipeline", [0, 1, 2])
@pytest.mark.parametrize("multiplier", ["dsp", "lut"])
def test_multipliers_and_pipelines(dataflow: str, pipeline: int, multiplier: str) -> None:
    bits = (4, 8, 16)[pipeline]
    config = MatrixConfig(
        dataflow=dataflow, pipeline=pipeline, multiplier=multiplier, operand_bits=bits, **SMALL
    )
    check(config, (5, 6, 4), Stalls(), bits)


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_extreme_operands(dataflow: str) -> None:
    config = MatrixConfig(dataflow=dataflow, accum_bits=16, multiplier="lut", **SMALL)
    job = config.plan(4, 9, 3)
    A, B = np.full((4, 9), -128), np.full((9, 3), -128)
    run = run_jobs(config, [(job, A, B)])
    np.testing.assert_array_equal(run.results[0], config.golden(job, (A, B)))


@pytest.mark.parametrize("seed", range(16))
def test_random_designs_under_random_stalls(seed: int) -> None:
    rnd = random.Random(seed)
    config = random_config(rnd, most=6)
    check(config, random_shape(rnd, most=20), random_stalls(rnd), seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 400))
def test_many_random_designs_under_random_stalls(seed: int) -> None:
    test_random_designs_under_random_stalls(seed)


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_jobs_overlap_back_to_back(dataflow: str) -> None:
    config = MatrixConfig(dataflow=dataflow, **SMALL)
    rng = np.random.default_rng(0)
    cases = [random_case(config, shape, rng) for shape in [(4, 30, 6), (7, 9, 3), (1, 20, 9)]]
    run = run_jobs(config, cases)
    for (job, A, B), Z in zip(cases, run.results, strict=True):
        np.testing.assert_array_equal(Z, config.golden(job, (A, B)))
    alone = sum(config.cycles(job).total for job, _, _ in cases)
    assert run.ends[-1] < alone - 10
    assert run.commands[1] < run.ends[0]


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_jobs_of_all_sizes_follow_each_other_under_stalls(dataflow: str) -> None:
    config = MatrixConfig(dataflow=dataflow, **{**SMALL, "a_depth": 16, "b_depth": 16})
    rng, rnd = np.random.default_rng(1), random.Random(1)
    cases = [random_case(config, random_shape(rnd, most=12), rng) for _ in range(12)]
    stalls = random_stalls(rnd)
    run = run_jobs(config, cases, a=stalls.a, b=stalls.b, o=stalls.o)
    for (job, A, B), Z in zip(cases, run.results, strict=True):
        np.testing.assert_array_equal(Z, config.golden(job, (A, B)))


@pytest.mark.parametrize("dataflow", ["os", "ws"])
@pytest.mark.parametrize("aborted", [3, 9, 14, 21, 40])
def test_reset_forgets_a_job_at_any_point(dataflow: str, aborted: int) -> None:
    config = MatrixConfig(dataflow=dataflow, pipeline=aborted % 3, **SMALL)
    run = check_case(config, (6, 7, 5), 1, aborted=aborted)
    assert run.cycles == [config.cycles(config.plan(6, 7, 5)).total]
