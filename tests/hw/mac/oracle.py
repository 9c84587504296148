"""Dot products in exact integers, from the standards' definitions: not from the golden model."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Sequence
from fractions import Fraction

from hw.mac import MacConfig, ModePlan
from hw.numerics import Minifloat, NumberFormat, Posit, TwosComplement

from ..numerics.oracles import float_value, integer_value, posit_value

__all__ = ["Dot", "code_of", "dot", "holds_products", "integers", "values"]


@functools.cache
def values(format: NumberFormat) -> list[Fraction | str]:
    """Return the value of every code, ``"nan"`` or ``"inf"``."""
    codes = range(1 << format.bits)
    if isinstance(format, TwosComplement):
        return [integer_value(code, format.bits, format.fraction_bits) for code in codes]
    if isinstance(format, Posit):
        return [posit_value(code, format.bits, format.es) for code in codes]
    assert isinstance(format, Minifloat)
    e, f, special = format.exponent_bits, format.mantissa_bits, format.specials
    return [float_value(code, e, f, special) for code in codes]


@functools.cache
def integers(format: NumberFormat) -> tuple[list[int], int]:
    """Return all values as integers times a power of two; 0 for what is no number."""
    fractions = [v if isinstance(v, Fraction) else Fraction(0) for v in values(format)]
    bits = max(v.denominator for v in fractions).bit_length() - 1
    return [int(v * 2**bits) for v in fractions], -bits


@functools.cache
def scales(format: NumberFormat) -> list[int]:
    """Return the exponents of all values; subnormals and integers have a fixed one."""
    if isinstance(format, TwosComplement):
        return [format.bits - 1 - format.fraction_bits] * (1 << format.bits)
    least = 1 - format.bias if isinstance(format, Minifloat) else -1000
    result = []
    for value in values(format):
        if not isinstance(value, Fraction) or not value:
            result.append(0)
            continue
        size = abs(value)
        floor = size.numerator.bit_length() - size.denominator.bit_length()
        floor -= Fraction(2) ** floor > size
        result.append(max(floor, least))
    return result


@functools.cache
def specials(format: NumberFormat) -> frozenset[int]:
    """Return the codes that are no numbers."""
    return frozenset(c for c, v in enumerate(values(format)) if not isinstance(v, Fraction))


@functools.cache
def _signs(format: NumberFormat) -> list[int]:
    return [-1 if code >> (format.bits - 1) else 1 for code in range(1 << format.bits)]


@functools.cache
def holds_products(result: NumberFormat, operands: NumberFormat) -> bool:
    """Return whether `result` has a code for every product of two numbers of `operands`."""
    mine, exponent = integers(operands)
    held = {v for v in values(result) if isinstance(v, Fraction)}
    unit = Fraction(2) ** (2 * exponent)
    return all(product * unit in held for product in {x * y for x in mine for y in mine})


class Dot:
    """One accumulator, fed one element (one product for each lane) at a time."""

    def __init__(self, config: MacConfig, mode: ModePlan) -> None:
        self._plan, self._mode = config.plan, mode
        self._wide = self._plan.accumulator_bits
        self._bounded = config.accumulator == "bounded"
        self._numbers, self._exponent = integers(mode.format)
        self._scales = scales(mode.format)
        self.total, self.base = 0, 0
        self.flags: set[str] = set()

    @property
    def exponent(self) -> int:
        """Weight of the total's lowest bit."""
        if self._bounded:
            return self._mode.origin + self._plan.step * self.base
        return 2 * self._exponent

    def feed(self, a: Sequence[int], b: Sequence[int]) -> None:
        if not self._bounded:
            self.total += sum(
                self._numbers[x] * self._numbers[y] for x, y in zip(a, b, strict=True)
            )
        else:
            self._window(a, b)
        self._specials(a, b)

    def _window(self, a: Sequence[int], b: Sequence[int]) -> None:
        """Apply the rule that `hw.mac.golden` states."""
        plan, mode = self._plan, self._mode
        pairs = [(x, y) for x, y in zip(a, b, strict=True) if self._numbers[x] * self._numbers[y]]
        before = self.base
        for x, y in pairs:
            reach = self._scales[x] + self._scales[y] + mode.bias
            self.base = max(self.base, reach // plan.step - plan.spare)
        fall = plan.step * (self.base - before)
        self.total = self.total >> fall if fall < self._wide else 0
        shift = 2 * self._exponent - self.exponent
        for x, y in pairs:
            product = self._numbers[x] * self._numbers[y]
            size = abs(product) << shift if shift >= 0 else abs(product) >> -shift
            self.total += size if product > 0 else -size

    def _specials(self, a: Sequence[int], b: Sequence[int]) -> None:
        odd = specials(self._mode.format)
        if odd.isdisjoint(a) and odd.isdisjoint(b):
            return
        table, signs = values(self._mode.format), _signs(self._mode.format)
        for x, y in zip(a, b, strict=True):
            pair = (table[x], table[y])
            if "nan" in pair or ("inf" in pair and 0 in pair):
                self.flags.add("nan")
            elif "inf" in pair:
                self.flags.add("positive" if signs[x] == signs[y] else "negative")

    def code(self, format: NumberFormat) -> int:
        """Return the result, rounded once."""
        if "nan" in self.flags or {"positive", "negative"} <= self.flags:
            return _nan(format)
        if self.flags:
            return _infinity(format, "negative" in self.flags)
        return code_of(format, self.total, self.exponent)


def dot(config: MacConfig, mode: ModePlan, a: list[list[int]], b: list[list[int]]) -> Dot:
    """Return the accumulator after elements, each a list of lanes."""
    result = Dot(config, mode)
    for x, y in zip(a, b, strict=True):
        result.feed(x, y)
    return result


def _nan(format: NumberFormat) -> int:
    if isinstance(format, Posit):
        return 1 << (format.bits - 1)
    if isinstance(format, TwosComplement) or format.specials == "finite":  # type: ignore[attr-defined]
        return 0
    return {"fp8_e4m3": 0x7F, "fp8_e5m2": 0x7E, "bf16": 0x7FC0, "fp16": 0x7E00}[format.name]


def _infinity(format: NumberFormat, negative: bool) -> int:
    if isinstance(format, Posit):
        return _nan(format)
    _, codes = _ordered(format, negative)
    return codes[-1]


@functools.cache
def _ordered(format: NumberFormat, negative: bool) -> tuple[list[int], list[int]]:
    """Return ties, doubled and in units, and codes, between which they lie, by magnitude.

    A format that overflows to infinity has its code last.
    """
    numbers, _ = integers(format)
    exact = [c for c, v in enumerate(values(format)) if isinstance(v, Fraction)]
    sign = -1 if negative else 1
    codes = sorted((c for c in exact if sign * numbers[c] > 0), key=lambda c: abs(numbers[c]))
    zero = 1 << (format.bits - 1) if negative and isinstance(format, Minifloat) else 0
    codes = [zero, *codes]
    size = [abs(numbers[c]) << 8 for c in codes]
    if isinstance(format, Posit):  # between strings: the posit one bit longer
        unit = Fraction(1, 2 ** (8 - integers(format)[1]))
        ties = [0]
        for low in codes[1:-1]:
            code = (2 * low - 1 if negative else 2 * low + 1) % (2 << format.bits)
            tie = posit_value(code, format.bits + 1, format.es)
            assert isinstance(tie, Fraction)
            ties.append(int(abs(tie) / unit))
    else:
        ties = [(low + high) // 2 for low, high in itertools.pairwise(size)]
        if isinstance(format, Minifloat) and not format.saturate:
            ties.append(size[-1] + (size[-1] - size[-2]) // 2)
            codes.append(codes[-1] + 1)
    return [2 * tie for tie in ties], codes


def code_of(format: NumberFormat, number: int, exponent: int) -> int:
    """Return the code of ``number * 2**exponent``, rounded as the standard says."""
    if not number:
        return 0
    ties, codes = _ordered(format, number < 0)
    shift = exponent - integers(format)[1] + 8
    size = abs(number)
    whole = size << shift if shift >= 0 else size >> -shift
    doubled = 2 * whole + (shift < 0 and whole << -shift != size)  # odd between two units
    at = bisect.bisect_left(ties, doubled)
    if at < len(ties) and ties[at] == doubled and (codes[at] % 2 and ties[at]):
        at += 1
    return codes[at]
