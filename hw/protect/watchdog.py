"""A watchdog: an alarm if something that has to happen does not."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.contracts import check_ranges

from .registers import kept_register

__all__ = ["Watchdog"]


class Watchdog(wiring.Component):
    """Raises `detected` when `active` has held for `limit` cycles in which there was no `kick`.

    The counter is there twice: an upset of it is an alarm, one cycle later at most, never a
    watchdog that sleeps. `detected` stays until `clear`.

    Members
    -------
    active, kick, clear : In(1)
        Something is awaited; it came; forget the alarm.
    inject : In(1)
        Self-test: the counters count as if they had come to their end.
    detected : Out(1)
        The alarm, a cycle after the last cycle that was allowed.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        check_ranges(self, {"limit": (1, 1 << 32)})
        ports = {name: In(1) for name in ("active", "kick", "clear", "inject")}
        super().__init__({**ports, "detected": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        width = self.limit.bit_length()
        counters = [kept_register(width, f"left{at}", self.limit) for at in range(2)]
        expired = Signal()
        for left in counters:
            with m.If(self.kick | ~self.active):
                m.d.sync += left.eq(self.limit)
            with m.Elif(left != 0):
                m.d.sync += left.eq(left - 1)
        waiting = self.active & ~self.kick
        m.d.comb += expired.eq(waiting & ((counters[0] <= 1) | (counters[1] <= 1)))
        alarm = expired | self.inject | (counters[0] != counters[1])
        m.d.sync += self.detected.eq((self.detected & ~self.clear) | alarm)
        return m
