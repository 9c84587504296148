"""The golden model against exact integers and SoftPosit's quires."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hw.mac import MacConfig, dot_products, sums
from hw.mac.golden import matrix_product
from hw.numerics import FORMATS, Minifloat, find_format

from .cases import all_pairs, exact, golden, make_batch, single
from .oracle import integers

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import softposit

SMALL = [name for name, format in FORMATS.items() if format.bits <= 8]
SMALL += ["posit2_es0", "posit3_es1", "posit5_es4"]
OTHERS = ("bf16", "fp16", "int16", "posit16", "posit16_es2")


@pytest.mark.parametrize("name", SMALL)
def test_every_product_of_short_formats_is_exact(name: str) -> None:
    config = MacConfig(modes=(name,))
    batch = all_pairs(config, name)
    numbers, exponent = (np.array(part, dtype=object) for part in integers(find_format(name)))
    found = sums(config, name, batch.A, batch.B, batch.lengths)
    products = (numbers[batch.A] * numbers[batch.B]).sum(axis=1)
    finer = 2 * exponent - found.exponent  # the accumulator's lowest bit may weigh less
    special = found.nan | found.positive | found.negative
    np.testing.assert_array_equal(found.total[~special], (products * 2**finer)[~special])
    values = find_format(name).decode(find_format(name).codes)
    assert special.any() == (not np.isfinite(values).all())


@pytest.mark.parametrize("name", [*SMALL, *OTHERS])
@pytest.mark.parametrize("accumulator", ["quire", "bounded"])
def test_dot_products_equal_exact_integers(name: str, accumulator: str) -> None:
    if (name, accumulator) == ("bf16", "quire"):
        pytest.skip("BF16 has no quire of 256 bits")
    config = MacConfig(modes=(name,), accumulator=accumulator, port="wide", alignment=24)
    batch = make_batch(config, name, 21, 64, seed=len(name))
    np.testing.assert_array_equal(golden(config, batch), exact(config, batch))


@pytest.mark.parametrize("step", [4, 16, 32])
def test_the_window_moves_in_steps(step: int) -> None:
    config = MacConfig(
        modes=("posit16", "fp8_e5m2"), accumulator="bounded", step=step, alignment=36
    )
    for mode in config.modes:
        batch = make_batch(config, mode, 28, 100, seed=step)
        np.testing.assert_array_equal(golden(config, batch), exact(config, batch))


def test_a_sum_for_each_lane() -> None:
    config = MacConfig(modes=("fp8_e5m2", "int4"), reduce=False, outputs=("fp16",))
    for mode in config.modes:
        batch = make_batch(config, mode, 14, 40, seed=3)
        np.testing.assert_array_equal(golden(config, batch), exact(config, batch))


@pytest.mark.parametrize(("name", "bits"), [("posit8", 8), ("posit16", 16)])
def test_quires_round_as_softposit(name: str, bits: int) -> None:
    config = MacConfig(modes=(name,))
    rng = np.random.default_rng(bits)
    codes = rng.integers(0, 1 << bits, (2, 40, 60))
    A, B = np.where(codes == 1 << (bits - 1), 0, codes)  # no NaR
    make, quire, add, done = {
        8: (softposit.posit8, softposit.quire8, softposit.q8_fdp_add, softposit.q8_to_p8),
        16: (softposit.posit16, softposit.quire16, softposit.q16_fdp_add, softposit.q16_to_p16),
    }[bits]
    wanted = []
    for a, b in zip(A.tolist(), B.tolist(), strict=True):
        total = quire()
        total = getattr(total, "v", total)
        for x, y in zip(a, b, strict=True):
            total = add(total, make(bits=x).v, make(bits=y).v)
        wanted.append(done(total).v)
    np.testing.assert_array_equal(dot_products(config, name, A, B), wanted)


def test_infinities_and_nan_stick() -> None:
    config = MacConfig(modes=("fp16",))
    one, two, inf, minus, nan = 0x3C00, 0x4000, 0x7C00, 0xFC00, 0x7E00

    def result(*pairs: tuple[int, int]) -> int:
        a, b = zip(*pairs, strict=True)
        return int(dot_products(config, "fp16", [a], [b])[0])

    assert result((one, two), (inf, one), (one, one)) == inf
    assert result((inf, minus), (one, one)) == minus
    assert result((inf, one), (minus, one)) == nan
    assert result((inf, 0), (one, one)) == nan
    assert result((0, minus), (one, one)) == nan
    assert result((nan, 0), (one, one)) == nan
    assert result((0x8000, one)) == 0  # a sum that is zero is positive zero


def test_random_pairs_of_sixteen_bits() -> None:
    rng = np.random.default_rng(9)
    for name in ("fp16", "posit16", "int16"):
        config = MacConfig(modes=(name,))
        codes = rng.integers(0, 1 << 16, (2, 3000))
        corners = np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x3C00, 0x4000, 0x0400, 0x7BFF])
        x, y = (part.ravel() for part in np.meshgrid(corners, corners))
        batch = single(config, name, np.append(codes[0], x), np.append(codes[1], y))
        np.testing.assert_array_equal(golden(config, batch), exact(config, batch))


@pytest.fixture
def e3m4(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format of a user's own: short enough for exact sums in float64, and with infinities."""
    format = Minifloat(name="fp8_e3m4", exponent_bits=3, mantissa_bits=4)
    monkeypatch.setitem(FORMATS, format.name, format)


@pytest.mark.usefixtures("e3m4")
@pytest.mark.parametrize("special", ["fp8_e5m2", "fp8_e4m3", "fp8_e3m4", "posit8"])
def test_matrix_products_of_special_numbers_are_the_dot_products(special: str) -> None:
    """Every pair of zero, numbers, infinities and NaN, of either sign, beside one more product."""
    config, format = MacConfig(modes=(special,), outputs=("fp16",)), find_format(special)
    values = np.array([0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan])
    codes = np.append(format.encode(values), format.codes[-1])
    pairs = np.stack([codes, np.full_like(codes, format.encode(1.0))], axis=1)
    found = matrix_product(config, special, pairs, pairs.T)
    for row, a in enumerate(pairs):
        alone = [int(dot_products(config, special, [a], [b])[0]) for b in pairs]
        np.testing.assert_array_equal(found[row], alone)


@pytest.mark.parametrize("mode", ["int8", "fp4_e2m1", "fp8_e4m3", "fp8_e5m2", "posit8", "bf16"])
@pytest.mark.parametrize("accumulator", ["quire", "bounded"])
def test_matrix_products_are_the_dot_products(mode: str, accumulator: str) -> None:
    if (mode, accumulator) == ("bf16", "quire"):
        pytest.skip("BF16 has no quire of 256 bits")
    config = MacConfig(modes=(mode,), accumulator=accumulator, alignment=24, outputs=("fp16",))
    format = find_format(mode)
    rng = np.random.default_rng(1)
    A, B = rng.integers(0, 1 << format.bits, (9, 21)), rng.integers(0, 1 << format.bits, (21, 8))
    B[:, 3] = 0
    if format.bits == 8:
        A[2], B[:, 5] = rng.integers(0, 16, 21), rng.integers(0, 16, 21)  # no NaN, no infinity
    found = matrix_product(config, mode, A, B)
    for row in range(9):
        for col in range(8):
            (alone,) = dot_products(config, mode, A[row : row + 1], B[:, col][None])
            assert found[row, col] == alone, (row, col)
