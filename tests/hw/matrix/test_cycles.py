"""Cycles: model against closed form, against memories, and what the causes say."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from hw.contracts import ConfigError
from hw.matrix import MatrixConfig
from hw.matrix.cycles import Stalls
from hw.matrix.timing import create_timing

from .designs import random_config, random_shape


@pytest.mark.parametrize("seed", range(400))
def test_closed_form_equals_the_model_where_nothing_stalls(seed: int) -> None:
    rnd = random.Random(seed)
    config = random_config(rnd)
    job = config.plan(*random_shape(rnd))
    timing = create_timing(config, job)
    while not timing.done:
        timing.advance(True, True, True)
    assert timing.cycle == config.cycles(job).total


def test_a_big_array_reaches_ninety_percent_of_its_peak() -> None:
    config = MatrixConfig(rows=32, cols=32, a_depth=16384, b_depth=16384, result_rows=64)
    shapes = [(128, 768, 2304), (128, 768, 768), (128, 768, 3072), (128, 3072, 768)]
    cycles = sum(config.cycles(config.plan(*shape)).total for shape in shapes)
    macs = sum(m * k * n for m, k, n in shapes)
    assert macs / (cycles * config.macs_per_cycle) > 0.999


class Narrow:
    """A memory that moves one word or row every `period` cycles, results first."""

    def __init__(self, period: int) -> None:
        self.period, self.cycle, self.bytes = period, 0, 0

    def offers(self, client: int) -> bool:
        return self.cycle % (2 * self.period) == client * self.period

    @property
    def accepts(self) -> bool:
        return True

    def advance(self, taken: Sequence[bool], row_bytes: int = 0) -> None:
        self.cycle += 1
        self.bytes += row_bytes


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_a_slow_memory_costs_what_equal_stalls_cost(dataflow: str) -> None:
    config = MatrixConfig(rows=4, cols=4, dataflow=dataflow, a_depth=64, b_depth=64)
    job = config.plan(9, 30, 7)
    a, b = (True, False, False, False), (False, False, True, False)
    memory = Narrow(2)
    slow = config.cycles(job, memory=memory)
    assert slow == config.cycles(job, stalls=Stalls(a=a, b=b))
    assert slow.memory > 0
    assert memory.bytes == 9 * 7 * 4
    assert memory.cycle == slow.total


def test_causes_name_who_was_waited_for() -> None:
    config = MatrixConfig(rows=4, cols=4, a_depth=64, b_depth=64, result_rows=4)
    job = config.plan(8, 16, 8)
    free = config.cycles(job)
    assert (free.memory, free.stall, free.compute) == (0, 0, 4 * 16)
    starved = config.cycles(job, stalls=Stalls(b=(True, False, False)))
    assert starved.memory > free.total / 2
    assert starved.stall == 0
    blocked = config.cycles(job, stalls=Stalls(o=(True, *[False] * 9)))
    assert blocked.stall > free.total / 2
    assert blocked.memory == 0


def test_a_peer_that_is_never_willing_is_refused() -> None:
    with pytest.raises(ConfigError, match="is never willing; add a True"):
        Stalls(o=(False, False))
