"""Start-up self-test: each checker in turn is made to see an error, and has to say so."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.contracts import check_ranges

__all__ = ["SelfTest"]


class SelfTest(wiring.Component):
    """Drives the `inject` inputs of `checkers` checkers, one after the other, after reset.

    Each takes ``latency + 2`` cycles: quiet, when no checker may fire; then `inject`, after which
    exactly that checker must have fired `latency` cycles later. Then `done`, for good.

    Parameters
    ----------
    checkers : int
        How many.
    latency : int
        Cycles from `inject` to `fired`, the same for all.

    Members
    -------
    fired : In(checkers)
        What the checkers say.
    inject : Out(checkers)
        One of them at a time.
    busy, done : Out(1)
        The test runs (alarms are not to be believed); it is over.
    failed : Out(1)
        A checker said nothing, or another did; stays.
    """

    def __init__(self, checkers: int, *, latency: int = 0) -> None:
        self.checkers, self.latency = checkers, latency
        check_ranges(self, {"checkers": (1, 4096), "latency": (0, 15)})
        super().__init__(
            {
                "fired": In(checkers),
                "inject": Out(checkers),
                "busy": Out(1),
                "done": Out(1),
                "failed": Out(1),
            }
        )

    @property
    def cycles(self) -> int:
        """Cycles of the whole test."""
        return self.checkers * (self.latency + 2)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        steps = self.latency + 2
        # One hot, so that no decoder stands between the test and what it tests.
        turn = Signal(self.checkers, init=1)
        step = Signal(range(steps))
        expected = Signal(self.checkers)
        m.d.comb += [self.busy.eq(~self.done)]
        with m.If(self.busy & (step == 1)):
            m.d.comb += self.inject.eq(turn)
        with m.If(self.busy & (step == steps - 1)):
            m.d.comb += expected.eq(turn)
        looks = (step == 0) | (step == steps - 1)
        with m.If(self.busy):
            m.d.sync += step.eq(step + 1)
            with m.If(looks & (self.fired != expected)):
                m.d.sync += self.failed.eq(1)
            with m.If(step == steps - 1):
                m.d.sync += [step.eq(0), turn.eq(turn << 1), self.done.eq(turn[-1])]
        return m
