"""Block scaling against the rule of OCP MX v1.0 (6.3) in rational arithmetic, and its hardware."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw.contracts import ConfigError
from hw.numerics import BlockDecoder, BlockEncoder, Blocks, BlockScaled, find_scaled, normalise

from .bench import check_verilog, pack, simulate, unpack

# Largest power of two of each element format: table 1 of the specification.
EMAX = {
    "mx_fp8_e5m2": 15,
    "mx_fp8_e4m3": 8,
    "mx_fp6_e3m2": 4,
    "mx_fp6_e2m3": 2,
    "mx_fp4_e2m1": 2,
    "mx_int8": 0,
}
BEYOND = {"mx_posit8": 0, "mx_bf16": 127, "mx_int4": 0}  # of formats that it does not list


def floor_log2(value: Fraction) -> int:
    exponent = math.frexp(float(value))[1] - 1
    assert Fraction(2) ** exponent <= value < Fraction(2) ** (exponent + 1)
    return exponent


def oracle(format: BlockScaled, emax: int, block: list[float]) -> tuple[int, list[int]]:
    """Return scale and codes of one block of finite numbers."""
    largest = max(abs(Fraction(value)) for value in block)
    shared = min(max(floor_log2(largest) - emax, -127), 127) if largest else -127
    scaled = np.array([math.ldexp(value, -shared) for value in block])
    return shared + 127, format.element.encode(scaled).tolist()


def blocks_of(size: int, count: int = 60) -> list[list[float]]:
    """Blocks of every magnitude: outliers, powers of two, zeros, both ends of E8M0."""
    random = np.random.default_rng(7)
    blocks = random.normal(size=(count, size)) * 2.0 ** random.integers(-160, 160, (count, 1))
    blocks[::3, 0] *= 64
    blocks[1] = 0
    blocks[2] = 2.0 ** random.integers(-8, 8, size)
    blocks[3] = -blocks[2]
    blocks[4, :] = 1.999
    return blocks.tolist()


@pytest.mark.parametrize(("name", "emax"), [*EMAX.items(), *BEYOND.items()])
def test_blocks_encode_by_the_rule(name: str, emax: int) -> None:
    format = find_scaled(name)
    assert format.name == name
    blocks = blocks_of(32)
    found = format.encode(np.array(blocks).ravel())
    for index, block in enumerate(blocks):
        scale, codes = oracle(format, emax, block)
        assert found.scales[index] == scale
        assert found.codes[32 * index :][:32].tolist() == codes


@pytest.mark.parametrize("name", EMAX)
def test_every_scale_and_code_decodes(name: str) -> None:
    format = find_scaled(name)
    codes = np.tile(format.element.codes, (256, 1))
    blocks = -(-codes.shape[1] // 32)
    scales = np.repeat(np.arange(256, dtype=np.uint8)[:, None], blocks, axis=1)
    found = Blocks(scales=scales, codes=codes)
    values = format.decode(found)
    assert np.isnan(values[255]).all()
    element = format.element.decode(format.element.codes)
    expected = element * 2.0 ** (np.arange(255.0)[:, None] - 127)
    np.testing.assert_array_equal(values[:255], expected)
    np.testing.assert_array_equal(format.parts(found).values, values)


def test_largest_element_is_clamped_not_lost() -> None:
    format = find_scaled("mx_fp4_e2m1")
    values = np.array([7.9, -7.9, 1.0, 0.0])  # 7.9 rounds above 6, the largest
    assert format.quantise(values).tolist() == [6.0, -6.0, 1.0, 0.0]


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_broken_number_breaks_its_block_only(broken: float) -> None:
    values = np.ones(64)
    values[3] = broken
    found = find_scaled("mx_fp8_e4m3").quantise(values)
    assert np.isnan(found[:32]).all()
    assert (found[32:] == 1).all()


def test_short_last_block_and_leading_axes() -> None:
    format = find_scaled("mx_int8")
    values = np.arange(3 * 40, dtype=np.float64).reshape(3, 40)
    found = format.encode(values)
    assert found.scales.shape == (3, 2)
    assert found.codes.shape == (3, 40)
    row = format.encode(values[1, 32:])
    np.testing.assert_array_equal(found.codes[1, 32:], row.codes)


@pytest.mark.parametrize("name", ["mx_fp4_e2m1", "mx_fp8_e5m2", "mx_int8"])
def test_hardware_decodes(name: str) -> None:
    format = find_scaled(name)
    random = np.random.default_rng(1)
    scales = np.concatenate([[0, 1, 127, 254, 255], random.integers(0, 256, 250)])
    codes = random.integers(0, 1 << format.element.bits, len(scales))
    dut = BlockDecoder(format)
    words: list[int] = []

    def drive(ctx: Any) -> None:
        for scale, code in zip(scales.tolist(), codes.tolist(), strict=True):
            ctx.set(dut.scale, scale)
            ctx.set(dut.code, code)
            words.append(ctx.get(dut.o.as_value()))

    simulate(dut, drive)
    parts = format.parts(Blocks(scales=scales[:, None].astype(np.uint8), codes=codes[:, None]))
    layout = dut.o.shape()
    some = ~(parts.inf | parts.nan)[:, 0]
    for flag in ("zero", "inf", "nan"):
        np.testing.assert_array_equal(unpack(layout, words, flag), getattr(parts, flag)[:, 0])
    for field in ("sign", "significand", "scale"):
        where = some & ~parts.zero[:, 0] if field == "scale" else some
        found = unpack(layout, words, field)[where]
        np.testing.assert_array_equal(found, getattr(parts, field)[:, 0][where])


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mx_fp4_e2m1", 4),
        ("mx_fp8_e4m3", 4),
        ("mx_int8", 4),
        ("mx_posit8", 4),
        ("mx_fp4_e2m1", 32),
        ("mx_int8", 32),
    ],
)
def test_hardware_encodes_blocks(name: str, size: int) -> None:
    bits = 24
    format = BlockScaled(element=find_scaled(name).element, block=size)
    blocks = blocks_of(size, 40 if size < 32 else 12)
    blocks[5][1], blocks[6][2] = math.nan, -math.inf
    dut = BlockEncoder(format, significand_bits=bits, scale_bits=10)
    layout = format.element.normalised(bits, 10)
    found: list[list[int]] = []

    def drive(ctx: Any) -> None:
        for block in blocks:
            number = normalise(block, bits)
            words = pack(
                layout,
                **{field: getattr(number, field) for field in ("sign", "significand", "scale")},
                **{field: getattr(number, field) for field in ("sticky", "inf", "nan")},
            )
            for index, word in enumerate(words):
                ctx.set(dut.i[index].as_value(), word)
            found.append([ctx.get(dut.scale), *(ctx.get(dut.codes[at]) for at in range(size))])

    simulate(dut, drive)
    expected = [format.encode(np.array(block)) for block in blocks]
    assert found == [[*block.scales.tolist(), *block.codes.tolist()] for block in expected]


def test_hardware_builds(tmp_path: Path) -> None:
    format = find_scaled("mx_fp4_e2m1")
    assert format.block == 32
    for dut in (BlockDecoder(format), BlockEncoder(format, significand_bits=8, scale_bits=8)):
        check_verilog(dut, tmp_path / type(dut).__name__)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'mx_int8'"):
        find_scaled("mxint8")
    with pytest.raises(ConfigError, match="did you mean 'fp8_e4m3'"):
        find_scaled("mx_fp8_e4m4")
    with pytest.raises(ConfigError, match=r"block=0 is out of range; use 1 to 1024"):
        BlockScaled(element=find_scaled("mx_int8").element, block=0)
