"""Sparse state encodings: a flipped bit, or several, never make another valid state."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.contracts import ConfigError, check_ranges

__all__ = ["SparseState", "sparse_codes"]


@lru_cache(maxsize=64)
def sparse_codes(count: int, distance: int) -> tuple[int, ...]:
    """Return `count` codes that differ pairwise in `distance` bits or more, as narrow as the greedy
    choice in numerical order (a lexicode) makes them; none of them is all zeros or all ones.

    Raises
    ------
    ConfigError
        No states, or a distance outside 1 to 8.
    """
    if count < 1 or not 1 <= distance <= 8:
        raise ConfigError(
            f"count={count}, distance={distance}: use one state or more, and a distance of 1 to 8"
        )
    width = max(1, (count - 1).bit_length())
    while True:
        found: list[int] = []
        for code in range(1, (1 << width) - 1):
            if all((code ^ other).bit_count() >= distance for other in found):
                found.append(code)
                if len(found) == count:
                    return tuple(found)
        width += 1


class SparseState(wiring.Component):
    """The state register of a machine with `count` states, in a sparse code.

    Up to ``distance - 1`` flipped bits are seen in the cycle that begins with them; the machine
    then goes to state 0 in the next, whatever `to` says.

    Members
    -------
    to : In(range(count))
        The next state.
    now : Out(range(count))
        The state; 0 if the code is not valid.
    inject : In(1)
        Self-test: `detected` must be 1; the state is not harmed.
    detected : Out(1)
        The register holds no valid code.
    """

    def __init__(self, count: int, *, distance: int = 2) -> None:
        self.count, self.distance = count, distance
        check_ranges(self, {"count": (1, 256)})
        self.codes = sparse_codes(count, distance)
        index = range(count)
        ports = {"to": In(index), "now": Out(index), "inject": In(1), "detected": Out(1)}
        super().__init__(ports)

    @property
    def width(self) -> int:
        """Bits of the register."""
        return max(self.codes).bit_length()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        state = Signal(self.width, init=self.codes[0], attrs={"keep": 1})
        hit = Signal(self.count)
        following = Signal(self.width)
        m.d.comb += hit.eq(Cat(state == code for code in self.codes))
        with m.Switch(self.to):
            for index, code in enumerate(self.codes):
                with m.Case(index):
                    m.d.comb += following.eq(code)
            with m.Default():
                m.d.comb += following.eq(self.codes[0])
        for index in range(self.count):
            with m.If(hit[index]):
                m.d.comb += self.now.eq(index)
        m.d.sync += state.eq(Mux(hit.any(), following, self.codes[0]))
        m.d.comb += self.detected.eq(~hit.any() ^ self.inject)
        return m
