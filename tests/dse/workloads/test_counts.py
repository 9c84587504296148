"""Counts of the built-in models equal the published reference table."""

from __future__ import annotations

import pytest

from dse.workloads import (
    active_parameters,
    attention_macs_per_context_token,
    builtin_model,
    builtin_models,
    kv_bytes_per_token,
    linear_macs_per_token,
    parameters,
)

# name: context, parameters, KV bytes per token at 16 bits, linear MACs per token with LM head,
# attention MACs per token of context
TABLE = {
    "gpt2": (1024, 124_439_808, 36_864, 123_532_032, 18_432),
    "gpt2-medium": (1024, 354_823_168, 98_304, 353_453_056, 49_152),
    "gpt2-large": (1024, 774_030_080, 184_320, 772_117_760, 92_160),
    "gpt2-xl": (1024, 1_557_611_200, 307_200, 1_554_971_200, 153_600),
    "llama-2-7b": (4096, 6_738_415_616, 524_288, 6_607_077_376, 262_144),
    "llama-2-13b": (4096, 13_015_864_320, 819_200, 12_851_609_600, 409_600),
    "llama-2-70b": (4096, 68_976_648_192, 327_680, 68_713_185_280, 1_310_720),
    "llama-3.1-8b": (131072, 8_030_261_248, 131_072, 7_504_658_432, 262_144),
    "llama-3.1-70b": (131072, 70_553_706_496, 327_680, 69_501_714_432, 1_310_720),
    "mistral-7b": (32768, 7_241_732_096, 131_072, 7_110_393_856, 262_144),
    "qwen3-32b": (40960, 32_762_123_264, 262_144, 31_983_534_080, 1_048_576),
    "mixtral-8x7b": (32768, 46_702_792_704, 131_072, 12_748_587_008, 262_144),
    "qwen3-30b-a3b": (262144, 30_532_122_624, 98_304, 3_041_656_832, 393_216),
}


@pytest.mark.parametrize("name", TABLE)
def test_model_equals_the_table(name: str) -> None:
    model = builtin_model(name)
    assert TABLE[name] == (
        model.context,
        parameters(model),
        kv_bytes_per_token(model),
        linear_macs_per_token(model),
        attention_macs_per_context_token(model),
    )


@pytest.mark.parametrize(
    ("name", "active"), [("mixtral-8x7b", 12_879_925_248), ("qwen3-30b-a3b", 3_353_032_704)]
)
def test_active_parameters_of_mixtures(name: str, active: int) -> None:
    assert active_parameters(builtin_model(name)) == active


def test_dense_models_are_wholly_active() -> None:
    model = builtin_model("llama-3.1-8b")
    assert active_parameters(model) == parameters(model)


def test_deepseek_to_a_tenth_of_a_billion() -> None:
    model = builtin_model("deepseek-v3")
    assert round(parameters(model) / 1e9, 1) == 671.0
    assert round(active_parameters(model) / 1e9, 1) == 37.6
    assert kv_bytes_per_token(model) == 70_272


def test_there_are_fourteen_models() -> None:
    assert set(builtin_models()) == {*TABLE, "deepseek-v3"}


def test_kv_bytes_follow_the_width() -> None:
    assert kv_bytes_per_token(builtin_model("gpt2"), bits=4) == 36_864 // 4
