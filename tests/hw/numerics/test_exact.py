"""Exact integers to float64 that round once; widths of exact accumulators; what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from hw.contracts import ConfigError
from hw.numerics import Minifloat, Posit, TwosComplement, as_floats, find_format, quire_bits

# Bits of an exact accumulator of 4,096 products: span of the products + sign + 12.
QUIRES = {
    "posit8": 38,
    "posit4": 30,
    "fp4": 21,
    "fp8_e4m3": 49,
    "fp8_e5m2": 77,
    "fp16": 93,
    "posit16": 126,
    "posit16_es2": 238,
    "bf16": 535,
    "int8": 28,
}


@pytest.mark.parametrize(("name", "bits"), QUIRES.items())
def test_quire_widths(name: str, bits: int) -> None:
    format = find_format(name)
    assert quire_bits(format, format, 4096) == bits


def odd(number: int) -> Fraction:
    """Round to odd, by the definition: cut, and set the lowest bit if that changed anything."""
    cut = max(abs(number).bit_length() - 53, 0)
    kept = abs(number) >> cut
    kept |= kept << cut != abs(number)
    return Fraction((kept << cut) * (-1 if number < 0 else 1))


@pytest.mark.parametrize("dtype", [np.int64, object])
def test_long_integers_become_odd_floats(dtype: Any) -> None:
    random = np.random.default_rng(2)
    most = 63 if dtype is np.int64 else 256
    numbers = [0, 1, -1, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, -(1 << 63), (1 << 62) + 1]
    numbers += [int(x) << 3 | 1 for x in random.integers(-(1 << 59), 1 << 59, 400)]
    numbers += [(1 << bit) - 1 for bit in range(most)] + [1 - (1 << bit) for bit in range(most)]
    found = as_floats(np.array(numbers, dtype=dtype), -30)
    for number, value in zip(numbers, found.tolist(), strict=True):
        exact = odd(number) if abs(number) >= 1 << 64 or dtype is object else None
        assert Fraction(value) * 2**30 == exact or exact is None
        if exact is None:  # int64 is cut at a fixed place, which need not be the lowest possible
            assert abs(Fraction(value) * 2**30 - number) < 1 << 11


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TwosComplement(bits=17), "bits=17 is out of range; use 2 to 16"),
        (lambda: Posit(bits=17, es=1), "bits=17 is out of range; use 2 to 16"),
        (lambda: Posit(bits=8, es=5), "es=5 is out of range; use 0 to 4"),
        (lambda: find_format("posit32_es2"), "bits=32 is out of range"),
        (lambda: find_format("posit_8"), "did you mean 'posit8'"),
        (lambda: find_format("mx_int8"), "look it up with find_scaled"),
        (
            lambda: Minifloat(name="x", exponent_bits=8, mantissa_bits=8),
            "mantissa_bits=8 is out of range; use 1 to 7",
        ),
        (
            lambda: Minifloat(name="x", exponent_bits=2, mantissa_bits=1, specials="finite"),
            "use saturate=True",
        ),
        (
            lambda: Minifloat(name="x", exponent_bits=2, mantissa_bits=1, specials="iee"),
            "use one of 'ieee', 'fn', 'finite'",
        ),
    ],
)
def test_impossible_formats_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_new_format_is_one_object() -> None:
    format = Minifloat(name="fp8_e3m4", exponent_bits=3, mantissa_bits=4)
    assert format.largest == 15.5
    assert format.quantise([1.03, 100.0, -0.0]).tolist() == [1.0, np.inf, 0.0]
