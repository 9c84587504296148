"""The planner: blocks fit the buffers, traffic is least, and arrays agree with single jobs."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hw.matrix import MatrixConfig
from hw.matrix.cycles import stall_free_cycles, stream_words
from hw.matrix.numbers import wrap

from .designs import random_config, random_shape


@pytest.mark.parametrize("seed", range(200))
def test_streams_have_the_planned_lengths_and_lose_nothing(seed: int) -> None:
    rnd = random.Random(seed)
    config, (m, k, n) = random_config(rnd), random_shape(rnd)
    job = config.plan(m, k, n)
    rng = np.random.default_rng(seed)
    A, B = rng.integers(-8, 8, (m, k)), rng.integers(-8, 8, (k, n))
    a, b = config.pack_a(job, A), config.pack_b(job, B)
    assert a.shape == (job.a_words, config.rows)
    assert b.shape == (job.b_words, config.cols)
    beats = np.arange(job.out_rows * config.cols).reshape(job.out_rows, config.cols)
    values = config.unpack(job, beats)
    assert len(np.unique(values)) == m * n
    nonzero = np.count_nonzero(A) * (1 if job.resident else job.col_tiles)
    assert np.count_nonzero(a) == nonzero


@pytest.mark.parametrize("seed", range(200))
def test_blocks_fit_the_buffers(seed: int) -> None:
    rnd = random.Random(seed)
    config, shape = random_config(rnd), random_shape(rnd)
    job = config.plan(*shape)
    assert 1 <= job.last_block <= job.block
    if config.dataflow == "os":
        assert job.block == 1 or job.k <= config.b_depth
        held = job.block * job.k
    else:
        assert 2 * job.block <= config.result_rows
        held = job.block * job.k_tiles
    assert not job.resident or job.col_tiles == 1 or held <= config.a_depth


def test_a_block_of_all_rows_reads_each_operand_once() -> None:
    job = MatrixConfig(rows=8, cols=8, a_depth=4096, b_depth=1024).plan(32, 512, 100)
    assert (job.a_words, job.b_words) == (4 * 512, 13 * 512)


def test_a_small_buffer_streams_the_operand_that_costs_less() -> None:
    narrow = MatrixConfig(rows=8, cols=8, a_depth=64, b_depth=64).plan(8, 512, 64)
    assert narrow.b_words == 8 * 512  # one panel: B is read once, A again per column tile
    assert narrow.a_words == 8 * 512


def test_arrays_agree_with_single_jobs() -> None:
    rnd = random.Random(1)
    configs = [random_config(rnd) for _ in range(40)]
    shapes = [random_shape(rnd) for _ in range(30)]
    knobs = {
        name: np.array([[config.plan_knobs[name]] for config in configs])
        for name in configs[0].plan_knobs
    }
    m, k, n = np.array(shapes).T
    cycles = stall_free_cycles(m, k, n, **knobs)
    words = stream_words(m, k, n, **knobs)
    assert cycles.shape == (40, 30)
    for row, config in enumerate(configs):
        for col, shape in enumerate(shapes):
            job = config.plan(*shape)
            assert cycles[row, col] == config.cycles(job).total
            got = tuple(int(array[row, col]) for array in words)
            assert got == (job.a_words, job.b_words, job.out_rows)


@pytest.mark.parametrize("bits", [8, 17, 32, 63, 64])
def test_sums_wrap_like_the_accumulator(bits: int) -> None:
    half = 1 << (bits - 1)
    values = np.array([-(1 << 63), -half, -1, 0, half - 1, (1 << 63) - 1])
    wanted = [(int(value) + half) % (1 << bits) - half for value in values]
    assert wrap(values, bits).tolist() == wanted
