"""Registers that skew the operands, so that each meets its partner in the array."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

__all__ = ["GROUP", "Delay", "Skew", "chain", "lanes_of", "skewed"]

GROUP = 8  # most lanes that are skewed in one module: few classes, and few instances


class Delay(wiring.Component):
    """Delays a bus by `length` cycles, without reset.

    Members
    -------
    i, o : In(width), Out(width)
        The bus, and what it was `length` cycles ago.
    """

    def __init__(self, width: int, length: int) -> None:
        self._length = length
        super().__init__({"i": In(unsigned(width)), "o": Out(unsigned(width))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += self.o.eq(_delayed(m, self.i, self._length, "stage"))
        return m


class Skew(wiring.Component):
    """Delays lane r of a bus by r cycles, without reset.

    Members
    -------
    i, o : In(lanes * bits), Out(lanes * bits)
        The bus before and after.
    """

    def __init__(self, lanes: int, bits: int) -> None:
        self._lanes, self._bits = lanes, bits
        super().__init__({"i": In(unsigned(lanes * bits)), "o": Out(unsigned(lanes * bits))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        lanes = (self.i.word_select(r, self._bits) for r in range(self._lanes))
        late = [_delayed(m, lane, r, f"lane{r}_") for r, lane in enumerate(lanes)]
        m.d.comb += self.o.eq(Cat(late))
        return m


def _delayed(m: Module, value: Any, length: int, name: str) -> Any:
    for index in range(length):
        later = Signal(len(value), name=f"{name}{index}", reset_less=True)
        m.d.sync += later.eq(value)
        value = later
    return value


def skewed(m: Module, platform: Any, bus: Any, bits: int) -> list[Any]:
    """Return the signed lanes of a bus, lane r delayed by r cycles, from shared modules.

    Lanes are skewed in equal groups, and each group is delayed as a whole.
    """
    lanes = len(bus) // bits
    group = max(size for size in range(1, min(GROUP, lanes) + 1) if lanes % size == 0)
    result = []
    for at in range(lanes // group):
        part = bus.word_select(at, group * bits)
        for _ in range(at):
            delay = shared(m, platform, f"delay{group}", Delay(group * bits, group))
            m.d.comb += delay.i.eq(part)
            part = delay.o
        if group > 1:
            skew = shared(m, platform, f"skew{group}", Skew(group, bits))
            m.d.comb += skew.i.eq(part)
            part = skew.o
        result += lanes_of(part, bits)
    return result


def lanes_of(bus: Any, bits: int) -> list[Any]:
    """Return the signed lanes of a bus, the lowest first."""
    return [bus.word_select(at, bits).as_signed() for at in range(len(bus) // bits)]


def chain(
    m: Module,
    value: Any,
    length: int,
    name: str,
    init: int | None = None,
    *,
    reset_less: bool = False,
) -> list[Any]:
    """Return `value` delayed by 0 to ``length - 1`` cycles; reset makes all stages `init`."""
    stages = [value]
    for index in range(1, length):
        later = Signal.like(value, name=f"{name}{index}", init=init, reset_less=reset_less)
        m.d.sync += later.eq(stages[-1])
        stages.append(later)
    return stages
