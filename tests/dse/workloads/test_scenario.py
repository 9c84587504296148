"""Serving scenarios: fixed lengths, and histograms of request logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dse.workloads import RequestClass, Scenario, Workload, builtin_model, read_scenario
from hw.contracts import ConfigError, Phase

SAMPLE = Path(__file__).parent / "data" / "requests.csv"
PUBLIC = Path(__file__).parents[4] / "shared" / "data" / "azure"


def write(folder: Path, text: str) -> Path:
    path = folder / "requests.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_decode_contexts_follow_the_prompt() -> None:
    assert Scenario.fixed(5, 4).decode_contexts() == {6: 1, 7: 1, 8: 1}


def test_classes_share_contexts() -> None:
    classes = (
        RequestClass(prompt=5, generate=3, weight=2),
        RequestClass(prompt=6, generate=3, weight=10),
    )
    scenario = Scenario(classes=classes)
    assert scenario.decode_contexts() == {6: 2, 7: 12, 8: 10}
    assert (scenario.prefills, scenario.decode_steps) == (12, 24)


def test_steps_of_a_block_stand_at_its_mean() -> None:
    classes = (RequestClass(prompt=8, generate=9),)  # contexts 9 to 16
    assert Scenario(classes=classes, context_step=4).decode_contexts() == {10: 4, 14: 4}


def test_bucket_of_one_keeps_every_request() -> None:
    scenario = read_scenario(SAMPLE, bucket=1, generated_bucket=1)
    found = [(c.prompt, c.generate, c.weight) for c in scenario.classes]
    assert found == [(10, 4, 1), (12, 6, 1), (17, 1, 1), (31, 2, 1), (40, 9, 1)]
    assert scenario.requests_per_second == pytest.approx(2.0)


def test_buckets_stand_at_the_mean_of_their_requests() -> None:
    scenario = read_scenario(SAMPLE, bucket=16, generated_bucket=8)
    found = [(c.prompt, c.generate, c.weight) for c in scenario.classes]
    assert found == [(11, 5, 2), (24, 2, 2), (40, 9, 1)]
    assert "buckets of 16 and 8 tokens" in scenario.source


def test_a_log_becomes_a_trace() -> None:
    scenario = read_scenario(SAMPLE, bucket=1, generated_bucket=1)
    trace = Workload(model=builtin_model("gpt2"), scenario=scenario).trace()
    assert (trace.prefills, trace.decode_steps) == (5, 3 + 5 + 0 + 1 + 8)
    heads = [op for op in trace.phase(Phase.PREFILL) if op.name == "lm_head"]
    assert [op.count for op in heads] == [5]


def test_batch_multiplies_rows_and_cache() -> None:
    one, four = (
        Workload(model=builtin_model("gpt2"), scenario=Scenario.fixed(8, 2, batch)).trace()
        for batch in (1, 4)
    )
    assert four.kv_peak == 4 * one.kv_peak
    assert four.macs == 4 * one.macs
    assert four.weight_elements == one.weight_elements


@pytest.mark.parametrize("batch", [0, -1, 1 << 21])
def test_absurd_batches_are_refused(batch: int) -> None:
    with pytest.raises(ConfigError, match=r"batch=.*use batch=1 or more"):
        Scenario.fixed(batch=batch)


@pytest.mark.parametrize("field", ["prompt", "generate"])
@pytest.mark.parametrize("value", [0, -3, 1 << 28])
def test_absurd_lengths_are_refused(field: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"{field}={value} is not an integer from 1"):
        Scenario.fixed(**{field: value})


def test_the_context_of_the_model_is_the_limit() -> None:
    model = builtin_model("gpt2")
    Workload(model=model, scenario=Scenario.fixed(1000, 24))
    with pytest.raises(ConfigError, match=r"make 1025 tokens, more than the context of gpt2"):
        Workload(model=model, scenario=Scenario.fixed(1000, 25))


def test_longer_requests_can_be_left_out() -> None:
    scenario = read_scenario(SAMPLE, bucket=1, generated_bucket=1).within(33)
    assert (scenario.longest, scenario.dropped) == (33, 1)
    with pytest.raises(ConfigError, match="no request fits a context of 4 tokens"):
        scenario.within(4)


HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
GOOD = "2023-11-16 18:15:46,10,4\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; its first line must be TIMESTAMP,ContextTokens,GeneratedTokens"),
        (HEADER, "has a header but no requests"),
        ("TIMESTAMP,ContextTokens\nx,1\n", "missing column GeneratedTokens; the first line"),
        (HEADER + GOOD + "yesterday,10,4\n", "line 3: TIMESTAMP='yesterday' is not a date"),
        (HEADER + GOOD + GOOD.replace("10", "ten"), "line 3: ContextTokens='ten' is not an int"),
        (HEADER + GOOD.replace("10", "0"), "line 2: ContextTokens=0 is outside 1 to"),
        (HEADER + GOOD.replace("10", "-7"), "line 2: ContextTokens=-7 is outside 1 to"),
        (HEADER + GOOD.replace(",4", ",0"), "line 2: GeneratedTokens=0 is outside 1 to"),
        (HEADER + "2023-11-16,10\n", "line 2: 2 cells under 3 columns"),
    ],
)
def test_broken_logs_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_scenario(write(tmp_path, text))


def test_absurd_buckets_are_refused() -> None:
    with pytest.raises(ConfigError, match="bucket=0 is outside 1 to"):
        read_scenario(SAMPLE, bucket=0)


@pytest.mark.parametrize(
    ("kind", "requests", "rate", "decode_tokens"),
    [("code", 8_819, 2.57, 237_077), ("conv", 19_366, 5.53, 4_069_299)],
)
def test_public_traces(kind: str, requests: int, rate: float, decode_tokens: int) -> None:
    path = PUBLIC / f"AzureLLMInferenceTrace_{kind}.csv"
    if not path.exists():
        pytest.skip(f"public trace {path.name} is not beside the project")
    scenario = read_scenario(path)
    assert scenario.prefills == requests
    assert scenario.requests_per_second == pytest.approx(rate, abs=0.01)
    assert scenario.decode_steps == pytest.approx(decode_tokens, rel=0.003)
    assert len(scenario.classes) < 300
    exact = read_scenario(path, bucket=1, generated_bucket=1)
    assert exact.decode_steps == decode_tokens
    tokens = [sum(c * n for c, n in s.decode_contexts().items()) for s in (scenario, exact)]
    assert tokens[0] == pytest.approx(tokens[1], rel=0.003)
