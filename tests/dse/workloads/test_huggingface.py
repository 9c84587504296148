"""Hugging Face configurations in both spellings give the built-in models."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dse.workloads import ModelSpec, builtin_model, load_model, load_workload, parameters
from dse.workloads.huggingface import model_from_config
from hw.contracts import ConfigError

DATA = Path(__file__).parent / "data"
LLAMA = json.loads((DATA / "llama-3.1-8b.json").read_text(encoding="utf-8"))
SMALL = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 256,
    "vocab_size": 100,
}


def model_of(**changes: Any) -> ModelSpec:
    return model_from_config("m", {k: v for k, v in (SMALL | changes).items() if v != "absent"})


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_configuration_equals_the_built_in_model(path: Path) -> None:
    assert load_model(path) == builtin_model(path.stem)


def test_a_folder_names_its_model(tmp_path: Path) -> None:
    folder = tmp_path / "my-llama"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    assert load_model(folder) == replace(builtin_model("llama-3.1-8b"), name="my-llama")
    assert load_workload(folder / "config.json").name == "my-llama"


def test_qwen2_biases_its_qkv_only() -> None:
    plain, qwen = model_of(), model_of(model_type="qwen2")
    assert parameters(qwen) - parameters(plain) == 2 * 3 * 64


def test_attention_and_mlp_bias_of_llama() -> None:
    biased = model_of(attention_bias=True, mlp_bias=True)
    assert parameters(biased) - parameters(model_of()) == 2 * (3 * 64 + 64 + 2 * 128 + 64)


def test_tied_embeddings() -> None:
    assert parameters(model_of()) - parameters(model_of(tie_word_embeddings=True)) == 100 * 64


def test_gemma_is_tied_and_uses_gelu() -> None:
    gemma = model_of(model_type="gemma", head_dim=32)
    assert (gemma.tied, gemma.activation, gemma.head_dim) == (True, "gelu", 32)


def test_without_a_model_type_the_spelling_decides() -> None:
    assert model_of(model_type="absent").gated
    gpt = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128, "vocab_size": 100}
    assert model_from_config("m", gpt).ffn == 256


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "lama"}, "model_type='lama' is not supported; did you mean 'llama'"),
        ({"hidden_size": "absent"}, "key 'hidden_size' is missing; add it"),
        ({"hidden_size": 0}, "hidden_size=0 is not a positive integer"),
        ({"hidden_size": -64}, "hidden_size=-64 is not a positive integer"),
        ({"hidden_size": "64"}, "hidden_size='64' is not a positive integer"),
        ({"hidden_size": 1 << 40}, "hidden=1099511627776 is not an integer from 1 to"),
        ({"hidden_size": 66}, "66 is not a multiple of 4 attention heads"),
        ({"num_key_value_heads": 3}, "heads=4 is not a multiple of kv_heads=3"),
        ({"hidden_act": "relu"}, "activation 'relu' is not supported"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings='yes' must be true or false"),
        ({"model_type": "mixtral"}, "key 'num_local_experts' is missing"),
        (
            {"model_type": "mixtral", "num_local_experts": 2, "num_experts_per_tok": 4},
            r"moe\.top_k=4 exceeds moe\.experts=2; use 2 or less",
        ),
        ({"model_type": "qwen3_moe", "decoder_sparse_step": 2}, "decoder_sparse_step=2"),
    ],
)
def test_broken_configurations_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        model_of(**changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"hidden_size": 64,\n "x" 3}', "line 2, column 6: Expecting ':'"),
        ("", "line 1, column 1: Expecting value"),
        ("[1, 2]", "holds no JSON object"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_model(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'{"a": "\xff\xfe"}')
    with pytest.raises(ConfigError, match="byte 7 is not UTF-8"):
        load_model(path)
