"""Counters whose flags are registers, so that the paths behind them stay short."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal

__all__ = ["Counter", "Level", "increment"]


class Counter:
    """Counts down from a bound.

    Members
    -------
    left : Signal(width)
        Steps that follow this one.
    first, last, second_last : Signal()
        Where it stands.
    """

    def __init__(self, name: str, width: int) -> None:
        self.left = Signal(width, name=f"{name}_left", reset_less=True)
        self.first = Signal(name=f"{name}_first", reset_less=True)
        self.last = Signal(name=f"{name}_last", reset_less=True)
        self.second_last = Signal(name=f"{name}_second_last", reset_less=True)

    def reload(self, bound: Any, is_zero: Any, is_one: Any) -> list[Any]:
        """Return the statements that start anew, `bound` steps to follow the first."""
        return [
            self.left.eq(bound),
            self.first.eq(1),
            self.last.eq(is_zero),
            self.second_last.eq(is_one),
        ]

    def advance(self) -> list[Any]:
        """Return the statements that go one step on."""
        return [
            self.left.eq(self.left - 1),
            self.first.eq(0),
            self.last.eq(self.second_last),
            self.second_last.eq(self.left == 2),
        ]


class Level:
    """Counts things that come and go, at most one of each per cycle.

    Members
    -------
    value : Signal
        How many there are.
    some : Signal()
        Whether there are any.
    """

    def __init__(self, name: str, most: int) -> None:
        self.value = Signal(range(most + 1), name=name)
        self.some = Signal(name=f"{name}_some")

    def elaborate_into(self, m: Module, come: Any, go: Any) -> None:
        """Add the counting to `m`; `go` may come late, it is one gate away from the flag."""
        m.d.sync += self.value.eq(self.value + come - go)
        m.d.sync += self.some.eq(come | Mux(go, self.value > 1, self.value != 0))


def increment(pointer: Signal, size: int) -> Any:
    """Return the place after `pointer` in a ring of `size`."""
    if size & (size - 1) == 0:
        return (pointer + 1)[: len(pointer)]
    return Mux(pointer == size - 1, 0, pointer + 1)
