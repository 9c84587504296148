"""Scales and quantised tensors, against ml_dtypes and brute force."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from hw.contracts import ConfigError
from hw.numerics import find_format
from sim.quality.quantise import ALL_FORMATS, Scaling, choose_exponent, find_any, take
from sim.quality.sqnr import file_tensors, kind_sqnr, sqnr_db
from sim.quality.synthetic import KINDS, Sample, synthetic_tensors

RANDOM = np.random.default_rng(11)


def normal(*shape: int, channels: bool = False) -> Sample:
    return Sample(
        name="x", kind="file", values=RANDOM.normal(size=shape), axis=-1, channels=channels
    )


@pytest.mark.parametrize("name", ALL_FORMATS)
def test_every_format_is_found_by_its_name(name: str) -> None:
    assert find_any(name).name == name


def test_scaled_values_are_those_of_ml_dtypes() -> None:
    x = RANDOM.normal(size=(40, 50)).astype(np.float32).astype(np.float64)
    format = find_format("fp8_e4m3")
    factor = Scaling().factor(format, x)
    expected = (x / factor).astype(ml_dtypes.float8_e4m3fn).astype(np.float64) * factor
    found = take(format, x, factor=factor)
    clipped = np.abs(x / factor) >= 464  # where ml_dtypes has NaN and we saturate
    np.testing.assert_array_equal(found.real[~clipped], expected[~clipped])
    assert set(np.abs(found.values[clipped])) <= {448.0}


@pytest.mark.parametrize("name", ["int4", "int8", "fp4_e2m1", "posit8", "posit16", "fp8_e5m2"])
def test_the_scale_is_the_best_power_of_two(name: str) -> None:
    format = find_format(name)
    x = RANDOM.normal(size=500) * 37.0
    chosen = int(choose_exponent(format, x, np.max(np.abs(x))))
    errors = {
        e: float(np.sum((format.quantise(x / 2.0**e) * 2.0**e - x) ** 2)) for e in range(-20, 21)
    }
    assert errors[chosen] == min(errors.values())


def test_channels_have_scales_of_their_own() -> None:
    x = np.stack([np.linspace(-1, 1, 9), np.linspace(-64, 64, 9)], axis=1)
    factor = Scaling().factor(find_format("int8"), x, 0)
    assert factor.shape == (1, 2)
    assert factor[0, 1] == 64 * factor[0, 0]


def test_exact_scales_bring_the_largest_to_the_largest() -> None:
    x = np.array([0.3, -2.7])
    found = take(find_format("int8"), x, factor=Scaling(kind="exact").factor(find_any("int8"), x))
    assert found.values[1] == -128
    assert found.real[1] == pytest.approx(-2.7)


def test_zeros_need_no_scale() -> None:
    x = np.zeros((2, 3))
    factor = Scaling().factor(find_format("int4"), x, 0)
    assert not take(find_format("int4"), x, factor=factor).real.any()


def test_unknown_scaling_is_refused() -> None:
    with pytest.raises(ConfigError, match="kind='log'"):
        Scaling(kind="log")


def test_sqnr_of_integers_follows_the_theory() -> None:
    """Uniform noise of a step's width: x uniform over the range has 6.02 dB a bit."""
    x = np.linspace(-1, 1, 100_001)[None, 1:-1] * 0.99
    sample = Sample(name="x", kind="file", values=x, axis=-1, channels=False)
    for bits in (6, 8, 10):
        assert sqnr_db(sample, f"int{bits}") == pytest.approx(6.02 * bits, abs=0.3)


def test_more_bits_are_better_and_nothing_lost_is_infinite() -> None:
    sample = normal(64, 64)
    found = [sqnr_db(sample, f"int{bits}") for bits in range(2, 17)]
    assert found == sorted(found)
    whole = Sample(name="x", kind="file", values=np.eye(4), axis=-1, channels=False)
    assert sqnr_db(whole, "fp4_e2m1") == np.inf


def test_blocks_withstand_outlier_channels() -> None:
    from hw.contracts import Operator, OperatorKind, Phase

    ops = [
        Operator(name=name, kind=OperatorKind.GEMM, phase=Phase.PREFILL, m=64, k=256, n=256)
        for name in ("qkv", "qk", "av", "ffn_down")
    ]
    samples = synthetic_tensors(ops)
    assert {sample.kind for sample in samples} == set(KINDS)
    again = synthetic_tensors(ops)
    assert all(np.array_equal(a.values, b.values) for a, b in zip(samples, again, strict=True))
    one, block = kind_sqnr(samples, "fp4_e2m1"), kind_sqnr(samples, "mx_fp4_e2m1")
    assert block["activations"] > one["activations"] + 2
    assert all(block[kind] > 10 for kind in KINDS)


def test_matrices_of_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x.npz"
    values = RANDOM.normal(size=(8, 6))
    arrays = {"h.0.attn.c_attn.weight": values, "plain": values, "bias": values[0]}
    np.savez(path, **arrays, ids=np.arange(4).reshape(2, 2))
    found = {sample.name: sample for sample in file_tensors(path)}
    assert {name: sample.axis for name, sample in found.items()} == {
        "h.0.attn.c_attn.weight": 0,
        "plain": 1,
    }
    np.savez(path, bias=values[0])
    with pytest.raises(ConfigError, match="no matrix of floats"):
        file_tensors(path)
    np.savez(path, plain=np.full((2, 2), np.nan))
    with pytest.raises(ConfigError, match="'plain' holds infinities or NaN"):
        file_tensors(path)
