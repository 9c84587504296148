"""The runner against a plain GPT-2, against rational arithmetic, and its refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from hw.contracts import ConfigError
from sim.quality.assignment import Assignment, third_of
from sim.quality.model import load_gpt2
from sim.quality.perplexity import Measured, QualityBench
from sim.quality.runner import Calibration, Runner
from sim.quality.tokenizer import Tokenizer

from .reference import plain_logits, random_weights, write_model

TOKENS = np.array([5, 17, 250, 17, 0, 99, 3, 3, 42, 7, 8, 261, 299])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpt2")
    write_model(folder, random_weights(), heads=4)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path):
    return load_gpt2(folder / "model.safetensors")


def logits(model, text: str, tokens=TOKENS):
    return Runner(model, Assignment.parse(text), Calibration(model, TOKENS)).logits(tokens)


def test_float64_is_a_plain_gpt2(model) -> None:
    expected = plain_logits(dict(model.weights), 4, TOKENS.tolist())
    np.testing.assert_allclose(Runner(model, Assignment()).logits(TOKENS), expected, rtol=1e-10)


def test_losses_are_those_of_the_logits(model) -> None:
    rows = plain_logits(dict(model.weights), 4, TOKENS[:-1].tolist())
    expected = [
        math.log(sum(math.exp(x) for x in row)) - row[token]
        for row, token in zip(rows.tolist(), TOKENS[1:].tolist(), strict=True)
    ]
    np.testing.assert_allclose(Runner(model, Assignment()).losses(TOKENS), expected, rtol=1e-9)


def test_divergences_are_those_of_the_probabilities(model) -> None:
    def probabilities(rows):
        raised = np.exp(rows - rows.max(axis=-1, keepdims=True))
        return raised / raised.sum(axis=-1, keepdims=True)

    exact = probabilities(logits(model, "float64", TOKENS[:-1]))
    found = probabilities(logits(model, "int4", TOKENS[:-1]))
    expected = [
        sum(p * math.log(p / q) for p, q in zip(*pair, strict=True))
        for pair in zip(exact, found, strict=True)
    ]
    runner = Runner(model, Assignment.parse("int4"), Calibration(model, TOKENS))
    reference = Runner(model, Assignment()).hidden(TOKENS[:-1])
    losses, divergences = runner.compared(TOKENS, reference)
    np.testing.assert_allclose(divergences, expected, rtol=1e-6)
    assert (divergences > 0).all()
    np.testing.assert_allclose(losses, runner.losses(TOKENS), rtol=1e-9)


def test_names_may_have_hugging_faces_prefix(tmp_path: Path, model) -> None:
    path = write_model(tmp_path, random_weights(), heads=4, prefix="transformer.")
    np.testing.assert_array_equal(
        Runner(load_gpt2(path), Assignment()).logits(TOKENS),
        Runner(model, Assignment()).logits(TOKENS),
    )


@pytest.mark.parametrize(
    ("better", "worse"), [("int16", "int8"), ("int8", "int4"), ("posit16", "posit8")]
)
def test_wider_formats_are_nearer_to_float64(model, better: str, worse: str) -> None:
    exact = Runner(model, Assignment()).logits(TOKENS)
    errors = [np.abs(logits(model, text) - exact).max() for text in (better, worse)]
    assert 0 < errors[0] < errors[1] / 3


@pytest.mark.parametrize("text", ["int8", "mx_fp8_e4m3", "posit16@16", "fp8_e5m2@24"])
def test_the_future_changes_nothing(model, text: str) -> None:
    """But for the shared scales of blocks of V, one token says nothing of those before it."""
    changed = TOKENS.copy()
    changed[-1] = 77
    found = [logits(model, text, tokens)[:-1] for tokens in (TOKENS, changed)]
    if text.startswith("mx"):
        np.testing.assert_allclose(*found, atol=0.2)
    else:
        np.testing.assert_array_equal(*found)


def test_narrow_windows_lose_more(model) -> None:
    quire, *bounded = (logits(model, f"posit16{end}") for end in ("", "@32", "@16", "@12"))
    errors = [float(np.abs(found - quire).max()) for found in bounded]
    assert errors == sorted(errors)
    assert errors[0] < errors[1] / 50 < errors[2] / 50


def test_one_linear_layer_bit_for_bit(model) -> None:
    """The LM head alone in int8, by integers of any length."""
    calibration = Calibration(model, TOKENS)
    runner = Runner(model, Assignment.parse("float64,lm_head=int8"), calibration)
    states = runner.hidden(TOKENS)
    weights = model.weights["wte.weight"]
    arithmetic = Assignment.parse("int8").default
    assert arithmetic is not None
    left = float(calibration.factor(arithmetic, "lm_head", 0, "left"))
    assert math.frexp(left)[0] == 0.5
    found = runner.logits(TOKENS)
    for row, token in ((0, 0), (5, 123), (12, 299)):
        best = None
        for exponent in range(-30, 10):
            integers = [
                max(-128, min(127, round(float(w) / 2.0**exponent))) for w in weights[token]
            ]
            error = sum(
                (i * 2.0**exponent - float(w)) ** 2
                for i, w in zip(integers, weights[token], strict=True)
            )
            best = min(best or (error, exponent, integers), (error, exponent, integers))
        assert best is not None
        inputs = [max(-128, min(127, round(float(x) / left))) for x in states[row]]
        total = sum(x * w for x, w in zip(inputs, best[2], strict=True))
        assert found[row, token] == total * left * 2.0 ** best[1]


def test_assignments_reach_their_operator_and_third(tmp_path: Path) -> None:
    deep = load_gpt2(write_model(tmp_path, random_weights(layers=6), heads=4))
    calibration = Calibration(deep, TOKENS)
    text = "float64,ffn_up.middle=int4,qk=posit8@16,lm_head=bf16"
    assignment = Assignment.parse(text)
    assert Assignment.parse(assignment.text).text == assignment.text
    runner = Runner(deep, assignment, calibration)
    runner.logits(TOKENS)
    used = {(operator, layer): key for key, *_, operator, layer, _ in runner._weights}
    assert used == {("ffn_up", 2): "int4", ("ffn_up", 3): "int4", ("lm_head", 0): "bf16"}
    qk = assignment.of("qk", 5, 6)
    assert qk is not None
    assert qk.text == "posit8@16"


def test_thirds() -> None:
    assert [third_of(i, 12) for i in (0, 3, 4, 7, 8, 11)] == sorted(
        ["first", "middle", "last"] * 2, key=["first", "middle", "last"].index
    )
    assert [third_of(i, 2) for i in range(2)] == ["first", "middle"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int8,ffn_upp=int4", "did you mean 'ffn_up'"),
        ("int8,lm_head.first=int4", "operator 'lm_head.first' is not known"),
        ("int8,int4", "write OPERATOR=FORMAT"),
        ("int8,qk=int4, qk = int8", "'qk' is given twice"),
    ],
)
def test_unknown_assignments_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Assignment.parse(text)


def test_a_users_model_is_measured(folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the moth then saw that the path was wet. " * 6)
    bench = QualityBench.of_files(folder / "model.safetensors", text, limit=40)
    assert bench.tokens == 32  # two windows of the context's 16 tokens
    read = Tokenizer.read(folder).encode(text.read_text())
    apart = np.concatenate([bench._calibration_tokens, *bench.windows])
    assert apart.tolist() == read[: len(apart)]  # nothing is measured on what fixed the scales
    found = bench.measure(Assignment.parse("int8"))
    assert found.perplexity == pytest.approx(found.reference_perplexity, rel=0.1)
    assert found.perplexity != found.reference_perplexity
    assert math.isnan(found.divergence)
    compared = bench.measure(Assignment.parse("int8"), divergence=True)
    assert compared.losses == pytest.approx(found.losses, rel=1e-9)
    assert compared.divergence > 0
    exact = bench.measure(Assignment(), divergence=True)
    assert exact.divergence == pytest.approx(0, abs=1e-12)
    other = QualityBench.of_files(folder / "model.safetensors", text, limit=16)
    assert {key for key in bench.identity if bench.identity[key] != other.identity[key]} == {
        "text",
        "tokens",
    }


def test_figures_of_a_measurement() -> None:
    found = Measured(losses=(2.0, 4.0), reference=(1.0, 2.0), tokens=2)
    assert found.perplexity == pytest.approx(math.exp(3))
    assert found.increase == pytest.approx(math.exp(1.5) - 1)
    # differences 1 and 2: standard deviation 0.5 ** 0.5, of a sum of two 1, per token 0.5
    assert found.increase_error == pytest.approx(0.5 * math.exp(1.5))
    assert (found.loss, found.loss_error) == pytest.approx((1.5, 0.5))
    compared = Measured(losses=(2.0,), reference=(1.0,), tokens=2, divergences=(1.0, 3.0))
    assert (compared.divergence, compared.divergence_error) == pytest.approx((2.0, 1.0))


def test_wrong_files_are_refused(folder: Path, tmp_path: Path) -> None:
    weights = random_weights()
    del weights["h.1.mlp.c_fc.bias"]
    path = write_model(tmp_path, weights, heads=4)
    with pytest.raises(ConfigError, match=r"has no tensor 'h\.1\.mlp\.c_fc\.bias'"):
        load_gpt2(path)
    config = json.loads((folder / "config.json").read_text())
    for change, message in (
        ({"n_embd": 64}, r"is \[300, 32\] and config.json asks for \[300, 64\]"),
        ({"activation_function": "relu"}, "only 'gelu_new'"),
        ({"model_type": "llama"}, "not of a gpt2 model"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(ConfigError, match=message):
            load_gpt2(folder / "model.safetensors", tmp_path / "config.json")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ConfigError, match="cut short"):
        load_gpt2(path)


def test_long_and_foreign_texts_are_refused(model) -> None:
    runner = Runner(model, Assignment())
    with pytest.raises(ConfigError, match="use 1 to 16"):
        runner.logits(np.zeros(17, dtype=int))
    with pytest.raises(ConfigError, match="beyond the vocabulary of 300"):
        runner.logits(np.array([300]))
