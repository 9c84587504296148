"""The host executor fulfils the Block contract with stated rates and says what it cannot run."""

from __future__ import annotations

import numpy as np
import pytest

from hw.contracts import Block, ConfigError, Operator, OperatorKind, Phase
from hw.host import HostConfig, HostJob

RATES = {"softmax": 1e8, "gelu": 2e8, "gemm": 1e9}


def operator(kind: OperatorKind, m: int = 4, n: int = 8, k: int = 1) -> Operator:
    return Operator(name="x", kind=kind, phase=Phase.PREFILL, m=m, k=k, n=n)


def host(**changes: object) -> HostConfig:
    return HostConfig.from_table({"rates": RATES, **changes})


def test_is_a_block_without_hardware() -> None:
    assert isinstance(host(), Block)
    assert host().create() is None
    assert hash(host()) == hash(host())


def test_runs_what_has_a_rate_and_nothing_else() -> None:
    assert host().jobs(operator(OperatorKind.SOFTMAX)) == (
        HostJob(kind=OperatorKind.SOFTMAX, rows=4, width=8),
    )
    assert host().jobs(operator(OperatorKind.ROPE)) is None


def test_time_is_elements_over_rate_and_for_a_gemm_macs_over_rate() -> None:
    (softmax,) = host().jobs(operator(OperatorKind.SOFTMAX)) or ()
    (gemm,) = host().jobs(operator(OperatorKind.GEMM, k=10)) or ()
    assert host().seconds(softmax) == pytest.approx(32 / 1e8)
    assert host().seconds(gemm) == pytest.approx(320 / 1e9)
    assert host(clock_mhz=100).cycles(gemm).total == 32
    assert host(overhead_us=2).seconds(gemm) == pytest.approx(320 / 1e9 + 2e-6)


def test_a_job_without_a_rate_names_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"state its elements per second under \[host.rates\]"):
        host().seconds(HostJob(kind=OperatorKind.ROPE, rows=1, width=1))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"rates": {"softmx": 1.0}}, "did you mean 'softmax'"),
        ({"rates": {"softmax": 0}}, "rates.softmax=0 is not a positive number"),
        ({"rates": {"softmax": float("nan")}}, "not a positive number"),
        ({"rates": RATES, "clock": 3}, "did you mean 'clock_mhz'"),
        ({"rates": RATES, "overhead_us": -1}, "overhead_us=-1 is no time"),
        ({}, "has no rates"),
    ],
)
def test_bad_tables_are_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        HostConfig.from_table(table)


def test_table_round_trip() -> None:
    assert HostConfig.from_table(host(overhead_us=5).to_table()) == host(overhead_us=5)


def run(kind: OperatorKind, **state: object) -> np.ndarray:
    x = np.asarray(state["x"])
    shape = (np.asarray(state["y"]) @ x).shape if kind is OperatorKind.GEMM else x.shape
    job = HostJob(kind=kind, rows=shape[0], width=shape[1])
    rates = {k.value: 1.0 for k in OperatorKind}
    return HostConfig.from_table({"rates": rates}).golden(job, state)


def test_golden_results() -> None:
    x = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    ones, zeros = np.ones(8), np.zeros(8)
    norm = run(OperatorKind.LAYERNORM, x=x, gamma=ones, beta=zeros)
    np.testing.assert_allclose(norm.mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(norm.std(axis=-1), 1, rtol=1e-3)
    root = run(OperatorKind.RMSNORM, x=x, gamma=ones)
    np.testing.assert_allclose((root**2).mean(axis=-1), 1, rtol=1e-3)
    np.testing.assert_allclose(run(OperatorKind.GELU, x=[[0.0, 10.0, -10.0]]), [[0, 10, 0]])
    np.testing.assert_allclose(run(OperatorKind.SILU, x=[[0.0, 20.0]]), [[0, 20]], rtol=1e-6)
    np.testing.assert_array_equal(run(OperatorKind.RESIDUAL, x=x, y=x), 2 * x)
    np.testing.assert_array_equal(run(OperatorKind.MULTIPLY, x=x, y=x), x * x)
    turned = run(OperatorKind.ROPE, x=x, position=np.arange(4))
    np.testing.assert_allclose((turned**2).sum(), (x**2).sum(), rtol=1e-5)
    np.testing.assert_array_equal(turned[0], x[0])


def test_causal_softmax_counts_leading_elements_only() -> None:
    x = np.zeros((2, 4), np.float32)
    result = run(OperatorKind.SOFTMAX, x=x, valid=[1, 2])
    np.testing.assert_array_equal(result, [[1, 0, 0, 0], [0.5, 0.5, 0, 0]])


def test_embedding_and_topk_pick() -> None:
    rates = {k.value: 1.0 for k in OperatorKind}
    config = HostConfig.from_table({"rates": rates})
    table = np.arange(12).reshape(4, 3)
    job = HostJob(kind=OperatorKind.EMBEDDING, rows=2, width=3)
    np.testing.assert_array_equal(config.golden(job, {"x": [3, 0], "table": table}), table[[3, 0]])
    top = HostJob(kind=OperatorKind.TOPK, rows=1, width=4)
    np.testing.assert_array_equal(config.golden(top, {"x": [[1, 5, 5, 0]], "k": 2}), [[1, 2]])


def test_operands_of_another_shape_are_refused() -> None:
    config = HostConfig.from_table({"rates": {"residual": 1.0}})
    job = HostJob(kind=OperatorKind.RESIDUAL, rows=3, width=3)
    with pytest.raises(ConfigError, match="the job says"):
        config.golden(job, {"x": np.zeros((2, 2)), "y": np.zeros((2, 2))})
