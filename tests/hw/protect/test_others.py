"""Watchdog, sparse states and self-test, cycle by cycle."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.contracts import ConfigError
from hw.protect import (
    HsiaoCode,
    HsiaoCorrector,
    ParityRegister,
    SelfTest,
    SparseState,
    TmrRegister,
    Watchdog,
    sparse_codes,
)


def run(dut: Any, steps: list[dict[str, int]], output: str) -> list[int]:
    """Return an output in every cycle, inputs being those of `steps`, 0 if not named."""
    found: list[int] = []
    names = {name for step in steps for name in step}

    async def bench(ctx: Any) -> None:
        for step in steps:
            for name in names:
                ctx.set(getattr(dut, name), step.get(name, 0))
            found.append(int(ctx.get(getattr(dut, output))))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def test_the_watchdog_waits_as_long_as_it_may() -> None:
    waits = [{"active": 1}] * 5
    kicked = [{"active": 1}] * 2 + [{"active": 1, "kick": 1}] + [{"active": 1}] * 2 + [{}]
    assert run(Watchdog(3), waits, "detected") == [0, 0, 0, 1, 1]
    assert run(Watchdog(3), kicked, "detected") == [0] * 6
    stays = [{"inject": 1}, {}, {"clear": 1}, {}]
    assert run(Watchdog(3), stays, "detected") == [0, 1, 1, 0]


@pytest.mark.parametrize(("count", "distance"), [(2, 2), (5, 2), (5, 3), (9, 4)])
def test_sparse_codes_are_apart(count: int, distance: int) -> None:
    codes = sparse_codes(count, distance)
    assert len(codes) == count
    assert min((a ^ b).bit_count() for a, b in combinations(codes, 2)) >= distance
    assert 0 not in codes
    assert (1 << max(codes).bit_length()) - 1 not in codes


def test_a_state_machine_goes_where_it_is_told_and_says_what_is_injected() -> None:
    dut = SparseState(5, distance=3)
    steps = [{"to": to} for to in (3, 1, 4, 0, 2)]
    assert run(dut, steps, "now") == [0, 3, 1, 4, 0]
    assert run(SparseState(3), [{}, {"inject": 1}, {}], "detected") == [0, 1, 0]


def test_codes_of_no_distance_are_refused() -> None:
    with pytest.raises(ConfigError, match="distance=0: use one state or more"):
        sparse_codes(3, 0)


class SelfTested(wiring.Component):
    """A self-test with three checkers; of them `broken` never fires."""

    def __init__(self, broken: int = -1) -> None:
        self._broken = broken
        super().__init__({"failed": Out(1), "done": Out(1), "noise": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.test = test = SelfTest(3)
        m.submodules.parity = parity = ParityRegister(8)
        m.submodules.tmr = tmr = TmrRegister(4)
        code = HsiaoCode(data_bits=4)
        m.submodules.ecc = ecc = HsiaoCorrector(code)
        fired = [parity.detected, tmr.corrected, ecc.detected]
        for at, signal in enumerate(fired):
            m.d.comb += test.fired[at].eq(0 if at == self._broken else signal | self.noise)
        m.d.comb += [
            parity.inject.eq(test.inject[0]),
            tmr.inject.eq(test.inject[1]),
            ecc.inject.eq(test.inject[2].replicate(2)),
            self.failed.eq(test.failed),
            self.done.eq(test.done),
        ]
        return m


def test_the_self_test_passes_whole_checkers_and_fails_each_broken_one() -> None:
    steps = [{"noise": 0}] * 8
    assert SelfTest(3).cycles == 6
    assert run(SelfTested(), steps, "done") == [0] * 6 + [1] * 2
    assert run(SelfTested(), steps, "failed") == [0] * 8
    for broken in range(3):
        assert run(SelfTested(broken), steps, "failed")[-1] == 1
    assert run(SelfTested(), [{"noise": 1}, *steps], "failed")[-1] == 1
