"""One door for every workload; what cannot be used is refused with the next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.workloads import (
    OperatorList,
    Scenario,
    Workload,
    load_model,
    load_workload,
    make_scenario,
    parse_dims,
)
from hw.contracts import ConfigError, Operand, Phase

DATA = Path(__file__).parent / "data"
MODEL = """
layers = 2
hidden = 64
heads = 4
kv_heads = 2
head_dim = 16
ffn = 128
vocab = 100
context = 256
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_models_come_by_name() -> None:
    workload = load_workload("llama-3.1-8b", Scenario.fixed(16, 4))
    assert isinstance(workload, Workload)
    assert (workload.name, workload.scenario.longest) == ("llama-3.1-8b", 20)


def test_the_default_scenario() -> None:
    workload = load_workload("gpt2")
    assert isinstance(workload, Workload)
    assert workload.scenario == Scenario.fixed(128, 64, 1)


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    model = load_model(write(tmp_path, "mine.toml", MODEL))
    assert (model.name, model.hidden, model.gated) == ("mine", 64, True)


def test_csv_of_gemms() -> None:
    workload = load_workload(DATA / "block.csv")
    assert isinstance(workload, OperatorList)
    trace = workload.trace()
    assert (trace.name, trace.prefills, trace.decode_steps) == ("block", 1, 1)
    assert trace.weights == 12 * 768 * 2304  # the same matrices in both phases
    assert trace.kv_peak == 144 * 64 * 129
    assert trace.totals(Phase.DECODE).macs == 12 * 768 * 2304 + 144 * 64 * 129
    assert trace.phase(Phase.DECODE)[1].right is Operand.KV_CACHE


def test_three_columns_are_enough(tmp_path: Path) -> None:
    trace = load_workload(write(tmp_path, "g.csv", "m,k,n\n2,3,4\n2,3,4\n")).trace()
    (gemm,) = trace.operators
    assert (gemm.name, gemm.m, gemm.k, gemm.n, gemm.count) == ("gemm", 2, 3, 4, 2)
    assert trace.decode_steps == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; its first line must be m,k,n"),
        ("m,k,n\n", "has no operators; give it at least one GEMM"),
        ("m,k\n1,2\n", "missing column n; the first line must name m,k,n"),
        ("m,k,n,cuont\n1,2,3,4\n", "unknown column 'cuont'; did you mean 'count'"),
        ("m,k,n,m\n1,2,3,4\n", "column 'm' appears twice"),
        ("m,k,n\n1,2,3\n1,x,3\n", "line 3: k='x' is not an integer"),
        ("m,k,n\n1,2.5,3\n", "line 2: k='2.5' is not an integer"),
        ("m,k,n\n1,0,3\n", "line 2: k=0 is outside 1 to"),
        ("m,k,n\n1,-2,3\n", "line 2: k=-2 is outside 1 to"),
        ("m,k,n\n1,2,99999999999\n", "line 2: n=99999999999 is outside 1 to"),
        ("m,k,n\n\n1,2\n", "line 3: 2 cells under 3 columns"),
        ("m,k,n,phase\n1,2,3,decod\n", "line 2: phase='decod' is unknown; did you mean 'decode'"),
        ("m,k,n,right\n1,2,3,weigth\n", "line 2: right='weigth' is unknown; did you mean"),
        ('m,k,n\n1,2,"3\n', "unexpected end of data; correct the line"),
        (
            "TIMESTAMP,ContextTokens\n",
            "is a log of requests, not a list of GEMMs; give it to a model",
        ),
    ],
)
def test_broken_csv_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_workload(write(tmp_path, "g.csv", text)).trace()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layers = ", "correct the TOML"),
        (MODEL + "layers = 3\n", "correct the TOML"),
        (MODEL + "head = 3\n", "unknown key 'head'; did you mean 'heads'"),
        (MODEL.replace("vocab = 100", ""), "key 'vocab' is missing"),
        (MODEL.replace("vocab = 100", "vocab = 1.5"), "vocab=1.5 is not an integer"),
        (MODEL.replace("kv_heads = 2", "kv_heads = 3"), "heads=4 is not a multiple of kv_heads=3"),
        (MODEL.replace("ffn = 128", "ffn = 0"), "ffn=0 leaves the dense layers without an FFN"),
        (MODEL + 'norm = "batchnorm"\n', "norm='batchnorm' is unknown; use one of layernorm"),
        (MODEL + "gated = 1\n", "gated=1 must be true or false"),
        (MODEL + "moe = 8\n", "moe must be a table"),
        (MODEL + "[moe]\nexperts = 8\n", "key 'top_k' is missing"),
        (
            MODEL + "[moe]\nexperts = 8\ntop_k = 2\nffn = 9\ndense_layers = 7\n",
            r"moe\.dense_layers=7 exceeds layers=2",
        ),
    ],
)
def test_broken_toml_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_model(write(tmp_path, "mine.toml", text))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gtp2", "unknown model 'gtp2'; did you mean 'gpt2'"),
        ("frobnicate", "unknown model 'frobnicate'; known: .*dse workload list"),
        ("nowhere/config.json", "no such file; check the path"),
        ("nowhere.csv", "no such file; check the path"),
        ("nowhere.toml", "no such file; check the path"),
        (__file__, "unknown kind of workload; use a .json, .toml, .csv or .onnx file"),
    ],
)
def test_unknown_sources_are_refused(source: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_workload(source)


def test_a_list_of_gemms_takes_no_scenario() -> None:
    with pytest.raises(ConfigError, match="brings its own shapes; leave out prompt"):
        load_workload(DATA / "block.csv", Scenario.fixed())


def test_a_model_takes_no_dimensions() -> None:
    with pytest.raises(ConfigError, match="are for ONNX graphs"):
        load_workload("gpt2", dims={"batch": 1})


def test_options_make_a_scenario() -> None:
    assert make_scenario() is None
    assert make_scenario(prompt=7) == Scenario.fixed(7, 64, 1)
    log = make_scenario(requests=DATA / "requests.csv", bucket=16, batch=2)
    assert log is not None
    assert (log.context_step, log.batch) == (16, 2)


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="leave out --prompt and --generate"):
        make_scenario(requests="r.csv", prompt=3)
    with pytest.raises(ConfigError, match="give one with --trace FILE"):
        make_scenario(bucket=16)


def test_dimensions_are_name_and_size() -> None:
    assert parse_dims(["a=1", "b=20"]) == {"a": 1, "b": 20}
    with pytest.raises(ConfigError, match="--dim 'a=x' is not NAME=SIZE"):
        parse_dims(["a=x"])
