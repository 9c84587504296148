"""A whole trace on one design and on many: the same figures, and what they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from boards.target import load_target
from dse.workloads import load_workload, make_scenario
from hw.contracts import Operand, Operator, OperatorKind, Phase
from hw.matrix import MATRIX_SPACE, MatrixConfig
from sim.system import (
    TraceModel,
    config_columns,
    host_of,
    require_fit,
    space_columns,
    time_trace,
)
from sim.system.shapes import gemm_shapes

from .designs import DESIGNS, gpt2, some_points

TARGET = load_target()


def model_of(*configs: MatrixConfig) -> TraceModel:
    return TraceModel(gpt2(), TARGET, config_columns(configs))


def test_columns_of_a_space_are_those_of_its_configurations() -> None:
    points = some_points(200)
    columns = space_columns(MATRIX_SPACE)
    configs = [MATRIX_SPACE.decode(MATRIX_SPACE.point(int(point))) for point in points]
    for name, values in config_columns(configs).items():
        np.testing.assert_array_equal(columns[name][points], values)


def test_many_designs_at_once_are_each_design_alone() -> None:
    whole = TraceModel(gpt2(), TARGET, space_columns(MATRIX_SPACE))
    points = some_points(12)
    clocks = np.random.default_rng(1).uniform(40, 200, len(whole))
    together = whole.evaluate(clocks, power_mw=700.0, area=2e4)
    chosen = whole.evaluate(clocks[points], power_mw=700.0, area=2e4, points=points)
    for at, point in enumerate(points):
        config = MATRIX_SPACE.decode(MATRIX_SPACE.point(int(point)))
        alone = model_of(config).evaluate(clocks[point], power_mw=700.0, area=2e4)
        for name, value in alone.items():
            assert together[name][point] == pytest.approx(value[0], rel=1e-9)
            assert chosen[name][at] == pytest.approx(value[0], rel=1e-9)


ODD = (
    MatrixConfig(rows=6, cols=10, a_depth=48, b_depth=40, result_rows=6, pipeline=0),
    MatrixConfig(rows=6, cols=10, a_depth=160, b_depth=64, result_rows=18, operand_bits=16),
    MatrixConfig(rows=5, cols=3, dataflow="ws", a_depth=32, b_depth=512, result_rows=20),
    MatrixConfig(rows=100, cols=7, dataflow="ws", a_depth=512, result_rows=300, operand_bits=4),
    MatrixConfig(rows=2, cols=200, a_depth=512, result_rows=400, accum_bits=48, pipeline=2),
)
"""Buffers too small for a context, and sides that divide nothing."""


@pytest.mark.parametrize("target", ["ecpix5-85f", "sky130"])
@pytest.mark.parametrize("depth", [0, 512], ids=["any buffer", "deep enough"])
def test_every_context_counts_as_when_it_is_alone(target: str, depth: int) -> None:
    points = some_points(60, seed=3)
    configs = [MATRIX_SPACE.decode(MATRIX_SPACE.point(int(point))) for point in points]
    configs = [config for config in (*ODD, *configs) if config.a_depth >= depth]
    clocks = np.random.default_rng(5).uniform(20, 400, len(configs))
    model = TraceModel(gpt2(), load_target(target), config_columns(configs))
    cycles = model.evaluate(clocks)["engine_cycles"]
    for at, config in enumerate(configs):
        times = time_trace(gpt2(), config, load_target(target), float(clocks[at]))
        alone = sum(row.cycles for row in times.operators)
        assert cycles[at] == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize("config", DESIGNS, ids=lambda c: f"{c.dataflow}{c.rows}x{c.cols}")
def test_operators_add_up_to_the_trace(config: MatrixConfig) -> None:
    times = time_trace(gpt2(), config, TARGET, 90.0)
    figures = {name: value[0] for name, value in model_of(config).evaluate(90.0).items()}
    for name in ("ttft_ms", "tpot_ms", "latency_ms", "tokens_per_s"):
        assert getattr(times, name) == pytest.approx(figures[name], rel=1e-3)
    for row in times.operators:
        assert sum(row.causes_ms.values()) == pytest.approx(row.ms)
        assert min(row.causes_ms.values()) >= 0
    runs = sum(op.count for op in gpt2().operators)
    assert sum(row.count for row in times.operators) == runs
    assert sum(row.macs for row in times.operators) == gpt2().macs


def test_tpot_is_what_remains_after_the_first_token() -> None:
    figures = model_of(DESIGNS[0]).evaluate(90.0, power_mw=500.0, area=1e4)
    rest = figures["latency_ms"] - figures["ttft_ms"]
    assert figures["tpot_ms"][0] == pytest.approx(rest[0] / (64 - 1))
    assert figures["tokens_per_s"][0] == pytest.approx(64e3 / figures["latency_ms"][0])
    assert figures["energy_j"][0] == pytest.approx(0.5 * figures["latency_ms"][0] / 1e3)
    assert figures["tokens_per_joule"][0] == pytest.approx(64 / figures["energy_j"][0])


def test_every_sequence_of_a_batch_gives_its_tokens() -> None:
    trace = load_workload("gpt2", make_scenario(prompt=16, generate=4, batch=3)).trace()
    model = TraceModel(trace, TARGET, config_columns(DESIGNS[:1]))
    figures = model.evaluate(90.0, power_mw=500.0)
    tokens = 3 * 4
    assert figures["tokens_per_s"][0] == pytest.approx(tokens * 1e3 / figures["latency_ms"][0])
    assert figures["tokens_per_joule"][0] == pytest.approx(tokens / figures["energy_j"][0])


def test_decode_is_no_faster_than_the_memory_and_bound_by_it() -> None:
    times = time_trace(gpt2(), DESIGNS[0], TARGET, 90.0)
    weights = gpt2().totals(Phase.DECODE).weight_elements
    floor_ms = 1e3 * weights / TARGET.memory.bytes_per_s
    engine = [row for row in times.operators if row.phase == "decode" and row.block == "matrix"]
    assert floor_ms <= sum(row.ms for row in engine) <= 1.15 * floor_ms
    assert {row.bottleneck for row in engine} == {"memory"}


def test_host_time_is_part_of_it_and_never_zero() -> None:
    figures = model_of(DESIGNS[0]).evaluate(90.0)
    host = host_of(TARGET)
    softmax = next(op for op in gpt2().operators if op.kind is OperatorKind.SOFTMAX)
    (job,) = host.jobs(softmax) or ()
    assert figures["prefill_host_ms"][0] > 1e3 * softmax.count * host.seconds(job) > 0
    prefill = figures["prefill_engine_ms"] + figures["prefill_host_ms"]
    assert figures["ttft_ms"][0] == pytest.approx(prefill[0])


def test_context_buckets_keep_counts_and_contexts() -> None:
    shapes = gemm_shapes(gpt2(100, 900).operators)
    attention = [op for op in gpt2(100, 900).phase(Phase.DECODE) if op.right is Operand.KV_CACHE]
    grows = (shapes.m == 1) & (shapes.k == 64)  # qk, whose n is the context
    qk = [op for op in attention if op.name == "qk"]
    assert len(shapes) < 100
    assert shapes.decode[grows].sum() == pytest.approx(sum(op.count for op in qk))
    assert (shapes.decode * shapes.n)[grows].sum() == pytest.approx(
        sum(op.count * op.context for op in qk)
    )


@pytest.mark.parametrize("generate", [2, 700])
def test_buckets_change_the_latency_by_less_than_a_tenth_of_a_percent(generate: int) -> None:
    trace = gpt2(100, generate)
    for config in DESIGNS:
        bucketed = TraceModel(trace, TARGET, config_columns([config])).evaluate(90.0)
        exact = time_trace(trace, config, TARGET, 90.0)
        assert bucketed["latency_ms"][0] == pytest.approx(exact.latency_ms, rel=1e-3)


def test_a_trace_without_decode_or_without_gemms_is_timed() -> None:
    class OnlyHost:
        name = "host"
        operators = (
            Operator(name="n", kind=OperatorKind.GELU, phase=Phase.PREFILL, m=2, n=3, count=4),
        )
        prefills, decode_steps, batch = 1, 0, 1
        footprint = staticmethod(gpt2().footprint)

    times = time_trace(OnlyHost(), DESIGNS[0], TARGET, 90.0)
    figures = TraceModel(OnlyHost(), TARGET, config_columns(DESIGNS)).evaluate(90.0)
    assert times.tpot_ms == 0
    assert figures["latency_ms"][0] == pytest.approx(times.latency_ms) != 0


def test_gpt2_is_refused_where_it_fits_in_no_format() -> None:
    with pytest.raises(ValueError, match=r"even at 4 bits.*32\.0 MiB; use --target .*ecpix5-85f"):
        require_fit(gpt2(), load_target("ulx3s-85f"), (4, 8, 16))
    with pytest.raises(ValueError, match=r"at 8 bits.*use --target"):
        require_fit(gpt2(), load_target("ulx3s-85f"), (8,))
    assert require_fit(gpt2(), TARGET, (4, 8, 16)) == (4, 8, 16)
