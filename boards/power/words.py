"""Random words with the spread of measured ones: their upper bits repeat the sign.

Numbers seldom fill their registers. Below a breakpoint bits are as good as independent, above it
they are copies of the sign (the dual-bit-type model of Landman and Rabaey, IEEE Transactions on
VLSI Systems 3(2), 1995). Adders and multipliers toggle less on such words than on random bits. The
breakpoint is found from how often neighbouring bits come to differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boards.netlist import Bit, Module

from .activity import Activity

__all__ = ["Word", "words"]

Vector = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Word:
    """Nets that are one word, lowest first.

    Members
    -------
    bits : tuple
        The nets.
    rate : float
        Mean toggles per bit and cycle, at most 0.5: words are drawn anew now and then.
    free : float
        How many bits are independent of those above them.
    """

    bits: tuple[Bit, ...]
    rate: float
    free: float

    def draw(self, count: int, random: np.random.Generator) -> Mapping[Bit, tuple[Vector, Vector]]:
        """Return what each net is at before and after a clock edge, in 64 * `count` cases."""
        anew = _vector(2 * self.rate, count, random)
        before, after = self._value(count, random), self._value(count, random)
        return {
            bit: (old, old ^ ((old ^ new) & anew))
            for bit, old, new in zip(self.bits, before, after, strict=True)
        }

    def _value(self, count: int, random: np.random.Generator) -> list[Vector]:
        """Return the bits of random words, lowest first."""
        bits = [_vector(0.5, count, random)]
        for place in range(len(self.bits) - 2, -1, -1):
            differ = _vector(_differing(self.free - place), count, random)
            bits.append(bits[-1] ^ differ)
        return bits[::-1]


def words(module: Module, record: Activity) -> list[Word]:
    """Return the words of a module of whose neighbouring bits the record says something."""
    found = []
    for signal, bits in _signals(module).items():
        rate, apart = record.signal(module.name, signal), record.apart(module.name, signal)
        if apart is not None and 0 < rate <= 0.5 and len(bits) > 1:
            found.append(Word(tuple(bits), rate, min(1.0, apart / rate) * (len(bits) - 1)))
    return found


def _signals(module: Module) -> dict[str, list[Bit]]:
    signals: dict[str, list[Bit]] = {}
    for bit, names in module.names.items():
        if isinstance(bit, int):
            for name in names:
                signals.setdefault(name, []).append(bit)
    return signals


def _differing(free: float) -> float:
    """Return how probable it is that a bit differs from the next; `free` below 1: less than 1/2.

    Of two words drawn independently it is then in `free` times as many cases as for free bits that
    just one of the two has a difference there: 2 * p * (1 - p) = free / 2.
    """
    share = min(max(free, 0.0), 1.0)
    return (1 - math.sqrt(1 - share)) / 2


def _vector(rate: float, count: int, random: np.random.Generator) -> Vector:
    """Return a vector in which the share `rate` of the bits, at most all, is set."""
    bits = random.random((count, 64)) < rate
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint64)[:, 0]
