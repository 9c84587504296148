"""Hugging Face ``config.json``, in both of its spellings, as a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, did_you_mean

from .files import read_text
from .model import MlaSpec, ModelSpec, MoeSpec

__all__ = ["FAMILIES", "model_from_config", "read_config"]

# What every field may be called: the usual spelling first, then GPT-2's.
_SPELLINGS = {
    "hidden": ("hidden_size", "n_embd"),
    "layers": ("num_hidden_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_head"),
    "context": ("max_position_embeddings", "n_positions", "n_ctx"),
    "vocab": ("vocab_size",),
}
_FFN = ("intermediate_size", "n_inner")
_ACTIVATION = ("hidden_act", "hidden_activation", "activation_function")

# What a family does that its config.json does not say.
_GPT2 = {
    "norm": "layernorm",
    "position": "learned",
    "gated": False,
    "tied": True,
    "qkv_bias": True,
    "proj_bias": True,
    "ffn_bias": True,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": _GPT2,
    "llama": {},
    "mistral": {},
    "mixtral": {},
    "phi3": {},
    "gemma": {"tied": True},
    "qwen2": {"qkv_bias": True},
    "qwen3": {"qk_norm": True},
    "qwen3_moe": {"qk_norm": True},
    "deepseek_v2": {},
    "deepseek_v3": {},
}
_DEFAULT_ACTIVATION = {"gpt2": "gelu_new", "gemma": "gelu_pytorch_tanh"}


def read_config(path: Path) -> ModelSpec:
    """Return the model of a ``config.json``; it is named after its folder."""
    try:
        config = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: {error.msg}; correct the JSON"
        ) from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply; give a config.json") from None
    if not isinstance(config, dict):
        raise ConfigError(f"{path}: holds no JSON object; give a model's config.json")
    name = path.resolve().parent.name if path.name == "config.json" else path.stem
    try:
        return model_from_config(name or path.stem, config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def model_from_config(name: str, config: Mapping[str, Any]) -> ModelSpec:
    """Return the model that a configuration describes.

    Sliding windows are not modelled: attention reads the whole context.
    """
    family = config.get("model_type") or ("gpt2" if "n_embd" in config else "llama")
    if not isinstance(family, str) or family not in FAMILIES:
        raise ConfigError(
            f"model_type={family!r} is not supported{did_you_mean(str(family), FAMILIES)}; "
            f"use one of {', '.join(FAMILIES)}, or give its GEMMs as a CSV file"
        )
    fields: dict[str, Any] = {field: _integer(config, *keys) for field, keys in _SPELLINGS.items()}
    fields |= FAMILIES[family] | _switches(family, config)
    fields |= _attention(family, config, fields) | _ffn(family, config, fields)
    return ModelSpec(name=name, activation=_activation(family, config), **fields)


def _integer(config: Mapping[str, Any], *keys: str, default: int | None = None) -> int:
    for key in keys:
        value = config.get(key)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{key}={value!r} is not a positive integer; correct it")
        return value
    if default is None:
        raise ConfigError(f"key {keys[0]!r} is missing; add it (or its spelling {keys[-1]!r})")
    return default


def _flag(config: Mapping[str, Any], key: str, default: bool) -> bool:
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ConfigError(f"{key}={value!r} must be true or false")
    return value


def _switches(family: str, config: Mapping[str, Any]) -> dict[str, bool]:
    known = FAMILIES[family]
    bias = _flag(config, "attention_bias", False)
    return {
        "tied": _flag(config, "tie_word_embeddings", known.get("tied", False)),
        "qkv_bias": known.get("qkv_bias", bias),
        "proj_bias": known.get("proj_bias", bias),
        "ffn_bias": known.get("ffn_bias", _flag(config, "mlp_bias", False)),
    }


def _activation(family: str, config: Mapping[str, Any]) -> str:
    given = next((config[key] for key in _ACTIVATION if config.get(key)), None)
    name = str(given or _DEFAULT_ACTIVATION.get(family, "silu"))
    if name in ("silu", "swish"):
        return "silu"
    if name.startswith("gelu"):
        return "gelu"
    raise ConfigError(
        f"activation {name!r} is not supported{did_you_mean(name, ('silu', 'gelu'))}; "
        "use silu or a form of gelu"
    )


def _attention(family: str, config: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    heads, hidden = fields["heads"], fields["hidden"]
    if family.startswith("deepseek"):
        return _latent(config, heads)
    head_dim = _integer(config, "head_dim", default=hidden // heads)
    if config.get("head_dim") is None and hidden % heads:
        raise ConfigError(
            f"hidden size {hidden} is not a multiple of {heads} attention heads; "
            "correct one of them or add 'head_dim'"
        )
    kv_heads = _integer(config, "num_key_value_heads", default=heads)
    return {"kv_heads": kv_heads, "head_dim": head_dim}


def _latent(config: Mapping[str, Any], heads: int) -> dict[str, Any]:
    mla = MlaSpec(
        q_lora=_integer(config, "q_lora_rank", default=0),
        kv_lora=_integer(config, "kv_lora_rank"),
        rope=_integer(config, "qk_rope_head_dim"),
        nope=_integer(config, "qk_nope_head_dim"),
        v=_integer(config, "v_head_dim"),
    )
    return {"kv_heads": heads, "head_dim": mla.nope + mla.rope, "mla": mla}


def _ffn(family: str, config: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    if family == "mixtral":
        moe = MoeSpec(
            experts=_integer(config, "num_local_experts"),
            top_k=_integer(config, "num_experts_per_tok"),
            ffn=_integer(config, *_FFN),
        )
        return {"ffn": 0, "moe": moe}
    if family == "qwen3_moe":
        return {"ffn": 0, "moe": _fine_experts(config, "num_experts", "decoder_sparse_step")}
    if family.startswith("deepseek") and config.get("n_routed_experts") is not None:
        moe = _fine_experts(config, "n_routed_experts", "moe_layer_freq")
        moe = replace(
            moe,
            shared=_count(config, "n_shared_experts"),
            dense_layers=_count(config, "first_k_dense_replace"),
            router_bias=family == "deepseek_v3",
        )
        return {"ffn": _integer(config, *_FFN), "moe": moe}
    default = 4 * fields["hidden"] if family == "gpt2" else None
    return {"ffn": _integer(config, *_FFN, default=default)}


def _fine_experts(config: Mapping[str, Any], experts: str, every: str) -> MoeSpec:
    if config.get(every, 1) != 1 or config.get("mlp_only_layers"):
        raise ConfigError(
            f"{every}={config.get(every, 1)!r}, mlp_only_layers={config.get('mlp_only_layers')!r}: "
            "dense layers between expert layers are not supported; give its GEMMs as a CSV file"
        )
    return MoeSpec(
        experts=_integer(config, experts),
        top_k=_integer(config, "num_experts_per_tok"),
        ffn=_integer(config, "moe_intermediate_size"),
    )


def _count(config: Mapping[str, Any], key: str) -> int:
    """Return an integer that may be 0 or missing."""
    return 0 if config.get(key) in (None, 0) else _integer(config, key)
