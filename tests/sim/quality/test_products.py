"""Exact and bounded products against rational arithmetic, and against hw.mac's golden model."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hw.contracts import ConfigError
from hw.mac import MacConfig
from hw.mac.golden import sums
from hw.numerics import find_format, find_scaled, quire_bits
from sim.quality.arithmetic import Arithmetic
from sim.quality.bounded import bounded_product, window_of
from sim.quality.exact import exact_product
from sim.quality.quantise import NEVER, Tensor, find_any, take

MAC_FORMATS = ("int8", "int16", "fp4_e2m1", "fp6_e3m2", "fp8_e4m3", "fp8_e5m2", "bf16", "fp16")
POSITS = ("posit4", "posit8", "posit16", "posit8_es2", "posit16_es2")
BLOCKS = ("mx_int8", "mx_fp4_e2m1", "mx_fp8_e5m2")


def operands(name: str, seed: int, shape: tuple[int, int, int] = (3, 70, 4)) -> list[Tensor]:
    """Return a product's operands with zeros, cancellation, largest and smallest values."""
    random = np.random.default_rng(seed)
    m, k, n = shape
    format = find_any(name)
    size = 30.0 if name.startswith("int") else 1.0
    matrices = []
    for rows, columns, axis in ((m, k, 1), (k, n, 0)):
        spread = random.lognormal(sigma=3, size=(rows, columns))
        values = random.normal(size=(rows, columns)) * spread * size
        values[random.random(values.shape) < 0.1] = 0
        values[random.random(values.shape) < 0.05] = 1e30
        values[random.random(values.shape) < 0.05] = 1e-30
        matrices.append((values, axis))
    half = k // 2  # the second half takes the first away again, but for the last column
    matrices[0][0][0, half : 2 * half] = -matrices[0][0][0, :half]
    matrices[1][0][half : 2 * half, :-1] = matrices[1][0][:half, :-1]
    return [take(format, v, axis=axis, scales=True) for v, axis in matrices]


def rational(A: NDArray[Any], B: NDArray[Any]) -> list[list[Fraction]]:
    left = [[Fraction(x) for x in row] for row in A.tolist()]
    right = [[Fraction(x) for x in column] for column in B.T.tolist()]
    return [[sum(map(Fraction.__mul__, r, c), Fraction()) for c in right] for r in left]


def single(value: Fraction) -> float:
    """Round a rational number to float32: to nearest, ties to even, by its own definition."""
    if not value:
        return 0.0
    scale = 0
    while abs(value) >= Fraction(2) ** (scale + 1):
        scale += 1
    while abs(value) < Fraction(2) ** scale:
        scale -= 1
    unit = Fraction(2) ** (scale - 23)
    return float(round(value / unit) * unit)


@pytest.mark.parametrize("name", [*MAC_FORMATS, *POSITS, *BLOCKS])
@pytest.mark.parametrize("seed", range(2))
def test_exact_products_round_once(name: str, seed: int) -> None:
    A, B = operands(name, seed)
    with np.errstate(over="ignore"):
        found = exact_product(A.values, B.values).astype(np.float32)
    expected = [[single(value) for value in row] for row in rational(A.values, B.values)]
    limit = float(np.finfo(np.float32).max)
    fits = np.abs(expected) <= limit
    assert fits.any()
    np.testing.assert_array_equal(found[fits], np.array(expected)[fits])


def test_rounding_needs_every_bit() -> None:
    """One unit beyond a tie, 90 bits below it, decides."""
    A = np.array([[1.0, 2.0**-24, 2.0**-90], [1.0, 2.0**-24, -(2.0**-90)], [1.0, 2.0**-24, 0.0]])
    found = exact_product(A, np.ones((3, 1))).astype(np.float32)[:, 0].tolist()
    assert found == [1 + 2.0**-23, 1.0, 1.0]
    assert exact_product(-A, np.ones((3, 1))).astype(np.float32)[0, 0] == -1 - 2.0**-23


def test_bf16_beyond_any_float() -> None:
    """Products 500 bits apart: cancelled exactly, what is small remains."""
    A = np.array([[2.0**127, 2.0**-133, 2.0**127]])
    B = np.array([[2.0**127, 2.0**-133, -(2.0**127)]]).T
    assert exact_product(A, B)[0, 0] == 2.0**-266


def test_exact_products_refuse_infinities() -> None:
    with pytest.raises(ConfigError, match="infinities or NaN"):
        exact_product(np.array([[np.inf]]), np.ones((1, 1)))


def golden(config: MacConfig, A: Tensor, B: Tensor) -> NDArray[Any]:
    """Return what hw.mac's golden model accumulates, as exact float64."""
    (name,) = config.modes
    format = find_format(name).saturating()
    lanes = config.plan.modes[0].lanes
    codes = [format.encode(A.values), format.encode(B.values).T]
    missing = -codes[0].shape[1] % lanes
    left, right = (np.pad(c, ((0, 0), (0, missing))) for c in codes)
    rows, columns = np.divmod(np.arange(len(left) * len(right)), len(right))
    elements = left.shape[1] // lanes
    pairs = [left[rows].reshape(-1, lanes), right[columns].reshape(-1, lanes)]
    found = sums(config, name, *pairs, np.full(len(rows), elements))
    values = [
        float(Fraction(int(total)) * Fraction(2) ** int(exponent))
        for total, exponent in zip(found.total, found.exponent, strict=True)
    ]
    return np.array(values).reshape(len(left), len(right))


@pytest.mark.parametrize("name", [*MAC_FORMATS, *POSITS])
@pytest.mark.parametrize("bits", [12, 16, 24, 32])
def test_bounded_products_are_the_golden_models(name: str, bits: int) -> None:
    A, B = operands(name, bits)
    config = MacConfig(modes=(name,), accumulator="bounded", alignment=bits, length=128)
    window = window_of(name, bits, 128)
    found = bounded_product(A, B, window)
    np.testing.assert_array_equal(found, golden(config, A, B))
    exact = exact_product(A.values, B.values)
    assert window.exact <= np.array_equal(found, exact)
    if name in ("posit16", "bf16"):  # the rule bites, or nothing was tested
        assert not np.array_equal(found, exact)


def test_large_products_are_the_golden_models() -> None:
    """More than one tile in both directions, on trained-like numbers."""
    random = np.random.default_rng(3)
    format = find_format("posit16")
    A = take(format, random.normal(size=(70, 40)), axis=1, scales=True)
    B = take(format, random.normal(size=(40, 150)), axis=0, scales=True)
    config = MacConfig(modes=("posit16",), accumulator="bounded", alignment=24, length=64)
    found = bounded_product(A, B, window_of("posit16", 24, 64))
    np.testing.assert_array_equal(found, golden(config, A, B))


def by_the_rule(A: Tensor, B: Tensor, window: Any) -> list[list[Fraction]]:
    """The rule of hw.mac.golden, in rational numbers, one product after the other."""
    assert A.scales is not None
    assert B.scales is not None
    rows = []
    for i in range(len(A.values)):
        row = []
        for j in range(B.values.shape[1]):
            total, base = Fraction(), 0
            for first in range(0, A.values.shape[1], window.lanes):
                group = range(first, min(first + window.lanes, A.values.shape[1]))
                pairs = [(k, int(A.scales[i, k]) + int(B.scales[k, j])) for k in group]
                before = base
                for k, scale in pairs:
                    if A.values[i, k] and B.values[k, j]:
                        base = max(base, (scale + window.bias) // window.step - window.spare)
                unit = Fraction(2) ** (window.origin + window.step * base)
                gone = (base - before) * window.step >= window.register_bits
                total = Fraction() if gone else total // unit * unit
                for k in group:
                    product = Fraction(A.values[i, k]) * Fraction(B.values[k, j])
                    cut = abs(product) // unit * unit
                    total += cut if product > 0 else -cut
            row.append(total)
        rows.append(row)
    return rows


@pytest.mark.parametrize("name", [*BLOCKS, "mx_posit8", "posit16", "bf16"])
@pytest.mark.parametrize("bits", [16, 24])
def test_bounded_products_follow_the_rule(name: str, bits: int) -> None:
    A, B = operands(name, 5)
    window = window_of(name, bits, 128)
    found = bounded_product(A, B, window).tolist()
    assert [[Fraction(x) for x in row] for row in found] == by_the_rule(A, B, window)


@pytest.mark.parametrize("name", BLOCKS)
def test_windows_of_blocks_hold_the_largest_and_start_at_the_smallest(name: str) -> None:
    element = find_scaled(name).element
    window = window_of(name, 24, 512)
    top = window.origin + window.bits  # at the base
    assert window.origin <= 2 * (element.quantum - 127)
    asked = (2 * (element.max_scale + 127) + window.bias) // window.step - window.spare
    assert top + window.step * asked > 2 * (element.max_scale + 127) + 1


def test_wide_registers_and_missing_scales_are_refused() -> None:
    A, B = operands("bf16", 1)
    with pytest.raises(ConfigError, match="narrower by 4 bits"):
        bounded_product(A, B, window_of("bf16", 48, 256))
    bare = Tensor(A.values, None, 1.0)
    with pytest.raises(ConfigError, match="use take"):
        bounded_product(bare, B, window_of("bf16", 24, 256))


def test_scales_are_the_formats_own() -> None:
    format = find_format("fp8_e4m3")
    values = np.array([[0.0, 1.0, 448.0, 2.0**-9]])  # the last is subnormal
    found = take(format, values, scales=True)
    assert found.scales is not None
    assert found.scales.tolist() == [[NEVER, 0, 8, -6]]
    blocks = take(find_scaled("mx_fp4_e2m1"), np.array([[3.0, 0.0, 48.0]]), scales=True)
    assert blocks.scales is not None
    assert blocks.scales.tolist() == [[3, NEVER, 3 + 2]]  # 3 becomes 0.5 * 8, a subnormal


def test_quires_of_small_formats_take_one_blas_call() -> None:
    """What the speed rests on: sums of up to 53 bits need no slices."""
    for name in ("int8", "posit8", "fp8_e4m3", "fp4_e2m1"):
        format = find_format(name)
        assert quire_bits(format, format, 4096) <= 53


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("posit8@8", "window=8 is out of range; use 12 to 40 bits"),
        ("posit8@x", "after @ comes the window in bits"),
        ("posit_8", "did you mean 'posit8'"),
    ],
)
def test_impossible_arithmetic_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Arithmetic.parse(text)


def test_results_are_rounded_into_their_format() -> None:
    A = take(find_format("int8"), np.array([[3.0, 2.0]]) / 4, factor=0.25)
    B = take(find_format("int8"), np.array([[100.0], [1.0]]) * 2, factor=2.0)
    assert Arithmetic(format="int8").product(A, B).tolist() == [[302 / 2]]
    assert Arithmetic(format="int8", result="bf16").product(A, B).tolist() == [[302 / 2]]
    assert Arithmetic(format="int8", result="fp8_e4m3").product(A, B).tolist() == [[288 / 2]]
