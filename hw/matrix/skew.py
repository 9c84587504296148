"""Registers that skew the operands, so that each meets its partner in the array."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

__all__ = ["Delay", "chain", "lanes_of", "skewed"]

BASE = 8  # of the delays' lengths: few classes, and few instances per lane


class Delay(wiring.Component):
    """Delays a value by `length` cycles, without reset.

    Members
    -------
    i : In(shape)
        Value.
    o : Out(shape)
        The value of `length` cycles ago.
    """

    def __init__(self, shape: Any, length: int) -> None:
        self._length = length
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        value: Any = self.i
        for index in range(self._length):
            later = Signal.like(self.i, name=f"stage{index}", reset_less=True)
            m.d.sync += later.eq(value)
            value = later
        m.d.comb += self.o.eq(value)
        return m


def skewed(m: Module, platform: Any, lanes: list[Any], shape: Shape) -> list[Any]:
    """Return lane r delayed by r cycles, from shared delays of 1, 8, 64 cycles."""
    result = []
    for index, lane in enumerate(lanes):
        length, left = 1, index
        while left:
            for _ in range(left % BASE):
                delay = shared(m, platform, f"delay{length}", Delay(shape, length))
                m.d.comb += delay.i.eq(lane)
                lane = delay.o
            length, left = length * BASE, left // BASE
        result.append(lane)
    return result


def lanes_of(bus: Any, bits: int) -> list[Any]:
    """Return the signed lanes of a bus, the lowest first."""
    return [bus.word_select(at, bits).as_signed() for at in range(len(bus) // bits)]


def chain(m: Module, value: Any, length: int, name: str, init: int | None = None) -> list[Any]:
    """Return `value` delayed by 0 to ``length - 1`` cycles; reset makes all stages `init`."""
    stages = [value]
    for index in range(1, length):
        later = Signal.like(value, name=f"{name}{index}", init=init)
        m.d.sync += later.eq(stages[-1])
        stages.append(later)
    return stages
