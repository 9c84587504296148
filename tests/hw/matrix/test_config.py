"""The configuration: what is refused, with which words, and what knobs become."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from hw.contracts import ConfigError, Operator, OperatorKind, Phase
from hw.matrix import MATRIX_SPACE, MatrixConfig
from hw.matrix.descriptor import DESCRIPTOR_BITS, FIELDS, descriptor_fields


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"rows": 1}, "rows=1 is out of range; use 2 to 256"),
        ({"cols": 1000}, "cols=1000 is out of range"),
        ({"dataflow": "is"}, r"dataflow='is' is not known; choose one of \('os', 'ws'\)"),
        ({"operand_bits": 5}, "operand_bits=5 is not known"),
        ({"accum_bits": 12}, "accum_bits=12 cannot hold one product .* use 16 or more"),
        ({"multiplier": "soft"}, "multiplier='soft' is not known"),
        ({"pipeline": 3}, "pipeline=3 is not known"),
        ({"a_depth": 8}, "a_depth=8 is out of range"),
        ({"b_depth": 0}, "b_depth=0 is out of range"),
        ({"a_depth": 18, "banks": 4}, "a_depth=18 does not divide into banks=4"),
        ({"result_rows": 7}, "result_rows=7 cannot hold one tile of rows=8; use 8 or more"),
        ({"dataflow": "ws", "result_rows": 9}, "result_rows=9 does not halve"),
    ],
)
def test_refusals_say_field_value_and_remedy(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MatrixConfig(**knobs)


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 1 << 20, 1), (1, 1, -3)])
def test_shapes_beyond_the_descriptor_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="does not fit a job; use 1 to 1048575"):
        MatrixConfig().plan(*shape)


def test_every_point_of_the_space_is_a_design() -> None:
    picks = random.Random(0).sample(range(len(MATRIX_SPACE)), 300)
    configs = {MATRIX_SPACE.decode(MATRIX_SPACE.point(pick)) for pick in picks}
    assert len(configs) == len(picks)
    for config in configs:
        assert config.plan(100, 300, 200).macs == 100 * 300 * 200


def test_only_gemms_become_jobs() -> None:
    config = MatrixConfig()
    gemm = Operator(name="qkv", kind=OperatorKind.GEMM, phase=Phase.PREFILL, m=3, k=4, n=5)
    norm = Operator(name="ln", kind=OperatorKind.LAYERNORM, phase=Phase.PREFILL, m=3, n=5)
    assert config.jobs(gemm) == (config.plan(3, 4, 5),)
    assert config.jobs(norm) is None


def test_descriptor_packs_each_field_in_its_place() -> None:
    config = MatrixConfig(rows=4, cols=4, a_depth=16, result_rows=8)
    job = config.plan(13, 9, 11)
    word, fields = config.descriptor(job), descriptor_fields(config, job)
    for name, width in FIELDS.items():
        assert word & (1 << width) - 1 == fields[name], name
        word >>= width
    assert word == 0
    assert DESCRIPTOR_BITS % 8 == 0


def test_operands_that_do_not_fit_are_refused() -> None:
    config = MatrixConfig()
    job = config.plan(2, 3, 4)
    with pytest.raises(ConfigError, match=r"A has shape \(3, 2\); this job takes \(2, 3\)"):
        config.pack_a(job, np.zeros((3, 2), dtype=int))
    with pytest.raises(ConfigError, match="B holds values that do not fit 8 signed bits"):
        config.pack_b(job, np.full((3, 4), 128))
    with pytest.raises(ConfigError, match="results have shape"):
        config.unpack(job, np.zeros((1, 1), dtype=int))


def test_golden_wraps_like_the_accumulator() -> None:
    config = MatrixConfig(operand_bits=8, accum_bits=16)
    A, B = np.full((1, 3), -128), np.full((3, 1), -128)
    assert config.golden(config.plan(1, 3, 1), {"A": A, "B": B})[0, 0] == 3 * 2**14 - 2**16
