"""Hsiao codes: single errors corrected, double errors detected, for words of any width.

M. Y. Hsiao, "A Class of Optimal Minimum Odd-weight-column SEC-DED Codes", IBM Journal of Research
and Development 14 (4), 1970. Every column of the parity-check matrix has odd weight, so that the
syndrome of a double error has even weight, and is never that of a single one; columns are as light
as there are any, and rows as equal as can be, which makes for few and shallow trees of XOR gates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from itertools import combinations
from operator import xor
from typing import Any, Final

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.contracts import check_ranges

__all__ = [
    "CLEAN", "CORRECTED", "DETECTED", "HsiaoCode", "HsiaoCorrector", "HsiaoEncoder", "syndrome_of",
]  # fmt: skip

CLEAN: Final = 0
CORRECTED: Final = 1
DETECTED: Final = 2


@dataclass(frozen=True, kw_only=True)
class HsiaoCode:
    """The code of words of `data_bits` bits, with as few check bits as any such code has.

    A codeword holds the data in its lowest bits, the check bits above.

    Members
    -------
    check_bits : int
        The least r with ``2**(r-1) - r >= data_bits``: so many columns of odd weight from 3 on.
    columns : tuple of int
        Syndrome of an error in each data bit, and then in each check bit.
    """

    data_bits: int

    def __post_init__(self) -> None:
        check_ranges(self, {"data_bits": (1, 4096)})

    @cached_property
    def check_bits(self) -> int:
        bits = 3
        while (1 << (bits - 1)) - bits < self.data_bits:
            bits += 1
        return bits

    @property
    def bits(self) -> int:
        """Bits of a codeword."""
        return self.data_bits + self.check_bits

    @property
    def columns(self) -> tuple[int, ...]:
        return _columns(self.data_bits, self.check_bits)

    @cached_property
    def rows(self) -> tuple[tuple[int, ...], ...]:
        """Data bits that each check bit is the parity of."""
        return tuple(
            tuple(at for at in range(self.data_bits) if self.columns[at] >> row & 1)
            for row in range(self.check_bits)
        )

    def encode(self, data: int) -> int:
        """Return the codeword of `data`."""
        check = reduce(xor, (c for at, c in enumerate(self.columns) if data >> at & 1), 0)
        return data | check << self.data_bits

    def syndrome(self, word: int) -> int:
        """Return 0 for a codeword, else what tells the error."""
        return reduce(xor, (c for at, c in enumerate(self.columns) if word >> at & 1), 0)

    def decode(self, word: int) -> tuple[int, int]:
        """Return the data, corrected, and `CLEAN`, `CORRECTED` or `DETECTED`."""
        data, syndrome = word & ((1 << self.data_bits) - 1), self.syndrome(word)
        if not syndrome:
            return data, CLEAN
        if syndrome not in self.columns:
            return data, DETECTED
        flipped = 1 << self.columns.index(syndrome)
        return (data ^ flipped) & ((1 << self.data_bits) - 1), CORRECTED


@lru_cache(maxsize=64)
def _columns(data_bits: int, check_bits: int) -> tuple[int, ...]:
    chosen: list[int] = []
    weights = [0] * check_bits
    for weight in range(3, check_bits + 1, 2):
        left = list(_of_weight(check_bits, weight))
        while left and len(chosen) < data_bits:
            best = min(left, key=lambda column: _load(column, weights))
            left.remove(best)
            chosen.append(best)
            weights = [old + (best >> row & 1) for row, old in enumerate(weights)]
    return (*chosen, *(1 << row for row in range(check_bits)))


def _of_weight(bits: int, weight: int) -> Iterator[int]:
    return (sum(1 << at for at in places) for places in combinations(range(bits), weight))


def _load(column: int, weights: list[int]) -> tuple[int, int]:
    """Return how heavy the rows that a column adds to are: the heaviest, and all together."""
    touched = [weight for row, weight in enumerate(weights) if column >> row & 1]
    return max(touched), sum(touched)


def syndrome_of(code: HsiaoCode, word: Any) -> Any:
    """Return the syndrome of a codeword in hardware."""
    checks = word[code.data_bits :]
    return Cat(
        reduce(xor, (word[at] for at in row), checks[number])
        for number, row in enumerate(code.rows)
    )


class HsiaoEncoder(wiring.Component):
    """Adds check bits; no latency.

    Members
    -------
    data : In(data_bits)
        The word.
    word : Out(bits)
        Its codeword.
    """

    def __init__(self, code: HsiaoCode) -> None:
        self.code = code
        super().__init__({"data": In(code.data_bits), "word": Out(code.bits)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        checks = (reduce(xor, (self.data[at] for at in row), 0) for row in self.code.rows)
        m.d.comb += self.word.eq(Cat(self.data, *(Cat(bit)[:1] for bit in checks)))
        return m


class HsiaoCorrector(wiring.Component):
    """Corrects a single wrong bit, says so, and says if there are two; no latency.

    Three or more wrong bits are beyond the code: an odd number may be "corrected" to a wrong word.

    Members
    -------
    word : In(bits)
        A codeword, perhaps with errors.
    inject : In(2)
        Self-test: inverts the lowest data bit, and the lowest check bit, before the code is
        checked. One of them must raise `corrected`, both of them `detected`.
    data : Out(data_bits)
        The word, corrected.
    corrected, detected : Out(1)
        One bit was wrong; more than one.
    """

    def __init__(self, code: HsiaoCode) -> None:
        self.code = code
        super().__init__(
            {
                "word": In(code.bits),
                "inject": In(2),
                "data": Out(code.data_bits),
                "corrected": Out(1),
                "detected": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        code = self.code
        word, syndrome = Signal(code.bits), Signal(code.check_bits)
        flip = Signal(code.bits)
        tested = (0, code.data_bits)
        m.d.comb += [
            word.eq(
                Cat(
                    bit ^ self.inject[tested.index(at)] if at in tested else bit
                    for at, bit in enumerate(self.word)
                )
            ),
            syndrome.eq(syndrome_of(code, word)),
            flip.eq(Cat(syndrome == column for column in code.columns)),
            self.data.eq(word[: code.data_bits] ^ flip[: code.data_bits]),
            self.corrected.eq(flip.any()),
            self.detected.eq(Mux(flip.any(), 0, syndrome.any())),
        ]
        return m
