"""A small engine in plain Verilog under the test bench: results, cycles, stalls, errors."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from hw.contracts import ConfigError
from sim.cosim import CosimBuildError, CosimProtocolError, CosimStallError, GemmCase
from sim.memory import MemoryState, MemoryTiming

from .toy import ToyConfig, toy_design

TOY = ToyConfig()


@pytest.fixture
def run_toy(cosim):
    def run(*shapes, defect="none", stalls=None, text=None, **options):
        config = ToyConfig(defect=defect)
        cases = [
            GemmCase.random(config, shape, seed=seed, stalls=stalls)
            for seed, shape in enumerate(shapes)
        ]
        return cosim(config, cases, design=toy_design(config, text), **options)

    return run


def stalls(a=None, b=None, o=None):
    return SimpleNamespace(a=a, b=b, o=o)


def toy_cycles(shape, stalls=None, memory=None):
    """Return the cycles of a toy job: per tile k products, then its rows; one for the command."""
    job = TOY.plan(*shape)
    state = memory and MemoryState(memory, (TOY.rows, TOY.cols), (job.a_words, job.b_words))
    cycle = 0

    def willing(stream):
        pattern = getattr(stalls, stream, None)
        return pattern[cycle % len(pattern)] if pattern else True

    def step(accepts=None, row_bytes=0):
        """Wait for the cycle in which operands (or a row) move; count it."""
        nonlocal cycle
        while True:
            if row_bytes:
                moves = willing("o") and (state is None or state.accepts)
            elif accepts:
                moves = all(
                    willing(name) and (state is None or state.offers(client))
                    for client, name in enumerate("ab")
                )
            else:
                moves = True
            if state:
                both = bool(moves and accepts)
                state.advance((both, both), row_bytes if moves else 0)
            cycle += 1
            if moves:
                return

    step()
    for p, q in TOY._tiles(job):
        for _ in range(job.k):
            step(accepts=True)
        for _ in range(min(TOY.rows, job.m - p)):
            step(row_bytes=4 * min(TOY.cols, job.n - q))
    return cycle


def test_ragged_job_is_exact(run_toy):
    result = run_toy((5, 7, 9))
    assert result.mismatches == 0
    assert result.cycles == (toy_cycles((5, 7, 9)),)


def test_jobs_start_alone(run_toy):
    shapes = ((1, 1, 1), (9, 3, 6), (4, 8, 4))
    assert run_toy(*shapes).cycles == tuple(map(toy_cycles, shapes))


def test_jobs_follow_without_a_pause(run_toy):
    shapes = ((4, 3, 4), (4, 3, 4), (2, 5, 3))
    result = run_toy(*shapes, serial=False)
    assert result.mismatches == 0
    assert result.total_cycles == sum(map(toy_cycles, shapes))


@pytest.mark.parametrize(
    "pattern",
    [
        stalls(a=(True, False, False)),
        stalls(b=(False, True, True, False, True)),
        stalls(o=(False, False, True)),
        stalls(a=(False, True), b=(True, False, True), o=(True, False)),
    ],
    ids=["a", "b", "o", "all"],
)
def test_stall_patterns_count_from_the_command(run_toy, pattern):
    shapes = ((5, 7, 9), (8, 2, 3))
    result = run_toy(*shapes, stalls=pattern)
    assert result.mismatches == 0
    assert result.cycles == tuple(toy_cycles(shape, pattern) for shape in shapes)


MEMORIES = {
    "ample": MemoryTiming(bytes_per_cycle=Fraction(64), latency=1),
    "scarce": MemoryTiming(bytes_per_cycle=Fraction(5, 3), latency=9, write_queue=2),
    "refreshed": MemoryTiming(
        bytes_per_cycle=Fraction(8), latency=30, refresh_interval=50, refresh_cycles=11
    ),
    "shallow": MemoryTiming(bytes_per_cycle=Fraction(16), latency=20, read_queue=4),
}


@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
def test_memory_in_verilog_equals_its_definition(run_toy, memory):
    shapes = ((9, 17, 10), (4, 40, 4))
    pattern = stalls(o=(True, True, False))
    result = run_toy(*shapes, memory=memory, stalls=pattern)
    assert result.mismatches == 0
    assert result.cycles == tuple(toy_cycles(shape, pattern, memory) for shape in shapes)


def test_wrong_result_is_counted(run_toy):
    assert run_toy((4, 3, 4), defect="sum").mismatches == 16


def test_stalled_engine_is_named(run_toy):
    with pytest.raises(CosimStallError, match=r"nothing moved.*a valid=1 ready=0 \(7 words") as e:
        run_toy((4, 20, 4), defect="hang")
    assert e.value.state["rows_done"] == 0


@pytest.mark.parametrize(
    ("defect", "message"),
    [
        ("withdraw", "m_axis_tvalid fell before m_axis_tready"),
        ("change", "m_axis changed while it waited"),
        ("last", "ended after 4 rows; its plan says 8"),
        ("keep", "tkeep marks 32 elements of 24"),
    ],
)
def test_broken_rule_is_named(run_toy, defect, message):
    with pytest.raises(CosimProtocolError, match=message):
        run_toy((4, 3, 6), defect=defect, stalls=stalls(o=(False, False, True)))


def test_verilog_that_does_not_compile_is_named(run_toy):
    with pytest.raises(CosimBuildError, match="syntax error"):
        run_toy((4, 3, 3), text="module toy (;\nendmodule\n")


def test_pattern_that_is_never_willing_is_refused(run_toy):
    with pytest.raises(ConfigError, match=r"stalls\.a is never willing"):
        run_toy((4, 3, 3), stalls=stalls(a=(False, False)))


def test_coverage_and_activity_are_counted(run_toy):
    result = run_toy((9, 17, 10), coverage=True)
    assert result.coverage.line_percent > 80
    assert 40 < result.coverage.toggle_percent < 100
    assert 0.2 < result.activity["toy.s_axis_a_tdata"] < 0.5  # ragged edges carry zeros
    assert "toy.aclk" not in result.activity


def test_activity_counts_registers_and_inputs(run_toy):
    result = run_toy((9, 17, 10), activity=True)
    assert result.coverage is None
    assert 0.2 < result.activity["toy.s_axis_a_tdata"] < 0.5
    assert result.activity["toy.state"] > 0
    assert "toy.both" not in result.activity
    assert 0 < result.activity["toy.state:apart"] <= 2 * result.activity["toy.state"]
    assert not any("kiln_apart" in name for name in result.activity)


def test_random_operands_reach_the_extremes():
    case = GemmCase.random(TOY, (64, 64, 64), seed=0)
    assert (case.A.min(), case.A.max()) == (-128, 127)
    assert case.B.dtype == np.int64
