"""The matrix engine's exported Verilog on Verilator: exact cycles, bit-exact results."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bench.cosim_pairs import compare, configurations
from hw.matrix import MatrixConfig
from sim.cosim import GemmCase, verify_design
from sim.cosim.verify import random_cases, random_stalls
from sim.memory import MemoryState, MemoryTiming

SMALL = MatrixConfig(rows=4, cols=3, a_depth=32, b_depth=32, result_rows=8)
ALL = list(configurations(26))


@pytest.mark.parametrize("index", [0, 3, 4, 5])
def test_random_products_are_exact(cosim, index):
    config = ALL[index]
    assert compare(config, random_cases(config, 6, seed=index), cosim) == []


@pytest.mark.slow
@pytest.mark.parametrize("index", range(len(ALL)))
def test_all_random_products_are_exact(cosim, index):
    config = ALL[index]
    assert compare(config, random_cases(config, 8, seed=index), cosim) == []


@pytest.mark.parametrize("index", [0, 3])
def test_cycles_with_a_memory_are_exact(cosim, index):
    config = ALL[index]
    memory = MemoryTiming(
        bytes_per_cycle=Fraction(7, 2), latency=13, refresh_interval=90, refresh_cycles=8
    )
    cases = random_cases(config, 6, seed=index)
    result = cosim(config, cases, memory=memory)
    for case, found in zip(cases, result.jobs, strict=True):
        words = (case.job.a_words, case.job.b_words)
        word_bytes = (-(-config.a_bits // 8), -(-config.b_bits // 8))
        state = MemoryState(memory, word_bytes, words)
        assert found.cycles == config.cycles(case.job, memory=state, stalls=case.stalls).total
        assert found.mismatches == 0


def test_job_after_a_short_last_tile_finds_the_engine_idle(cosim):
    config = MatrixConfig(rows=8, cols=3, a_depth=64, b_depth=64, result_rows=8)
    shapes = ((9, 12, 3), (7, 3, 7), (10, 12, 5), (7, 3, 7))
    cases = [GemmCase.random(config, shape, seed=0) for shape in shapes]
    expected = tuple(config.cycles(case.job).total for case in cases)
    assert cosim(config, cases).cycles == expected


@pytest.mark.parametrize("index", [0, 3])
def test_queued_products_are_bit_exact(cosim, index):
    config = ALL[index]
    alone = random_cases(config, 8, seed=99)
    result = cosim(config, alone, serial=False)
    assert result.mismatches == 0


def test_queue_overlaps_jobs(cosim):
    config = ALL[0]
    cases = [GemmCase.random(config, (7, 20, 9), seed=seed) for seed in range(6)]
    alone = cosim(config, cases)
    queued = cosim(config, cases, serial=False)
    assert queued.total_cycles < sum(alone.cycles)


def test_verified_design_passes(cosim):
    from hw.export import export

    result = verify_design(export(SMALL), SMALL, cases=6)
    assert result.passed, result
    assert result.coverage.line_percent > 95
    assert result.coverage.toggle_percent > 75


def test_defect_in_the_verilog_is_found(cosim):
    from types import SimpleNamespace

    from hw.export import export

    design = export(SMALL)
    broken = SimpleNamespace(
        top=design.top,
        verilog=design.verilog.replace("$signed(a_in) * $signed(b_in)", "$signed(a_in) * 1", 1),
        ports=design.ports,
    )
    assert broken.verilog != design.verilog
    result = verify_design(broken, SMALL, cases=2, coverage=False)
    assert not result.passed
    assert any(case.mismatches for case in result.cases)


def test_random_stalls_are_willing_now_and_then():
    import numpy as np

    rng = np.random.default_rng(0)
    patterns = [getattr(random_stalls(rng), stream) for _ in range(50) for stream in "abo"]
    assert all(any(pattern) for pattern in patterns)
    assert not all(all(pattern) for pattern in patterns)
