"""Operators with number formats: so many words of a port, and cycles as the engine takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hw.contracts import Operator, OperatorKind, Phase
from hw.matrix import MatrixConfig, mixed_config
from sim.system.reference import simulate_job
from sim.system.shapes import gemm_shapes, job_shape, port_lanes

from .designs import memory, modelled

GEMM = Operator(name="ffn_up", kind=OperatorKind.GEMM, phase=Phase.PREFILL, m=13, k=97, n=21)


@pytest.mark.parametrize(("format", "lanes"), [("", 1), ("fp4_e2m1", 4), ("int5", 2), ("bf16", 1)])
def test_words_of_a_port_are_rounded_up(format: str, lanes: int) -> None:
    assert port_lanes(format) == lanes
    assert job_shape(replace(GEMM, format=format)) == (13, -(-97 // lanes), 21)


def test_formats_of_one_operator_are_kept_apart() -> None:
    decode = replace(GEMM, name="av", phase=Phase.DECODE, m=1, k=40, context=40)
    steps = [
        replace(decode, k=context, context=context, format=format)
        for context in range(40, 60)
        for format in ("fp4_e2m1", "int8")
    ]
    shapes = gemm_shapes(steps)
    assert sum(shapes.decode) == len(steps)
    wanted = sum(-(-op.k // port_lanes(op.format)) for op in steps)
    assert float(shapes.decode @ shapes.k) == pytest.approx(wanted)


@pytest.mark.parametrize("formats", ["fp4_e2m1+int8", "fp4_e2m1+posit16"])
def test_cycles_are_those_of_the_cycle_model_behind_the_memory(formats: str) -> None:
    config: MatrixConfig = mixed_config(
        formats=formats, rows=4, cols=4, multiplier="dsp", pipeline=2,
        a_depth=512, b_depth=512, banks=1,
    )  # fmt: skip
    timing = memory()
    for mode in config.formats:
        job = config.plan(GEMM.m, GEMM.k, GEMM.n, mode)
        shape = job_shape(replace(GEMM, format=mode))
        assert modelled(config, shape, timing) == pytest.approx(
            simulate_job(config, job, timing), rel=0.06
        )
