"""What a decoder-only language model is made of: the numbers every count is computed from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hw.contracts import ConfigError, did_you_mean

__all__ = ["ACTIVATIONS", "NORMS", "POSITIONS", "MlaSpec", "ModelSpec", "MoeSpec"]

NORMS = ("layernorm", "rmsnorm")
ACTIVATIONS = ("gelu", "silu")
POSITIONS = ("learned", "rope")

# Far above every published model; a larger value is a slip of the keyboard and would only show
# up later as an overflow or an endless loop.
_LARGEST = {"layers": 10_000, "context": 1 << 27}
_LARGEST_FIELD = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class MoeSpec:
    """Mixture of experts: every token passes through `top_k` of `experts` FFNs.

    Parameters
    ----------
    experts, top_k : int
        Routed experts of a layer, and how many of them a token takes.
    ffn : int
        Width of one expert.
    shared : int
        Experts that every token takes besides, built as one FFN of ``shared * ffn``.
    dense_layers : int
        Leading layers that keep an ordinary FFN.
    router_bias : bool
        Whether the router carries one correction term per expert.
    """

    experts: int
    top_k: int
    ffn: int
    shared: int = 0
    dense_layers: int = 0
    router_bias: bool = False

    def __post_init__(self) -> None:
        _check_integers("moe.", self, zero=("shared", "dense_layers"))
        if self.top_k > self.experts:
            raise ConfigError(
                f"moe.top_k={self.top_k} exceeds moe.experts={self.experts}; "
                f"use {self.experts} or less"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MlaSpec:
    """Multi-head latent attention: keys and values are cached as one low-rank latent.

    Parameters
    ----------
    q_lora : int
        Rank of the query projection; 0 projects queries directly.
    kv_lora : int
        Rank of the latent that is cached in place of keys and values.
    rope, nope, v : int
        Per head: dimensions of a key with and without rotary position, and of a value. The
        rotary part of the key is shared by all heads and cached beside the latent.
    """

    q_lora: int
    kv_lora: int
    rope: int
    nope: int
    v: int

    def __post_init__(self) -> None:
        _check_integers("mla.", self, zero=("q_lora",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A decoder-only transformer.

    Parameters
    ----------
    name : str
        What reports call it.
    layers, hidden, heads, kv_heads, head_dim : int
        Shape of the stack and of its attention.
    ffn : int
        Width of the dense FFN; 0 where every layer is a mixture of experts.
    vocab, context : int
        Tokens known, and the longest sequence of prompt and generated tokens.
    norm, activation, position : str
        One of `NORMS`, `ACTIVATIONS`, `POSITIONS`.
    gated : bool
        Whether the FFN multiplies its activation by a third projection.
    tied : bool
        Whether the LM head reuses the embedding table.
    qkv_bias, proj_bias, ffn_bias : bool
        Which projections add a bias.
    qk_norm : bool
        Whether queries and keys are normalised head by head.
    moe : MoeSpec or None
        Mixture of experts in place of the dense FFN.
    mla : MlaSpec or None
        Latent attention; `kv_heads` and `head_dim` are then not used.
    """

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    context: int
    norm: str = "rmsnorm"
    activation: str = "silu"
    position: str = "rope"
    gated: bool = True
    tied: bool = False
    qkv_bias: bool = False
    proj_bias: bool = False
    ffn_bias: bool = False
    qk_norm: bool = False
    moe: MoeSpec | None = None
    mla: MlaSpec | None = None

    def __post_init__(self) -> None:
        _check_integers("", self, zero=("ffn",))
        for field, known in (
            ("norm", NORMS),
            ("activation", ACTIVATIONS),
            ("position", POSITIONS),
        ):
            if getattr(self, field) not in known:
                raise ConfigError(
                    f"{field}={getattr(self, field)!r} is unknown; use one of {', '.join(known)}"
                )
        if self.heads % self.kv_heads:
            raise ConfigError(
                f"heads={self.heads} is not a multiple of kv_heads={self.kv_heads}; "
                "every KV head must serve the same number of query heads"
            )
        self._check_ffn()

    def _check_ffn(self) -> None:
        dense = self.layers if self.moe is None else self.moe.dense_layers
        if dense > self.layers:
            raise ConfigError(
                f"moe.dense_layers={dense} exceeds layers={self.layers}; use {self.layers} or less"
            )
        if dense and not self.ffn:
            raise ConfigError("ffn=0 leaves the dense layers without an FFN; use ffn=1 or more")

    @property
    def dense_layers(self) -> int:
        """Layers with an ordinary FFN."""
        return self.layers if self.moe is None else self.moe.dense_layers

    @property
    def moe_layers(self) -> int:
        """Layers with a mixture of experts."""
        return self.layers - self.dense_layers

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> ModelSpec:
        """Return the model described by a TOML table; unknown, missing or odd keys are refused."""
        fields = dict(table)
        fields.pop("name", None)
        for key, spec in (("moe", MoeSpec), ("mla", MlaSpec)):
            if key in fields:
                if not isinstance(fields[key], Mapping):
                    raise ConfigError(f"model {name!r}: {key} must be a table; write [{key}]")
                fields[key] = _build(f"model {name!r}: {key}", spec, fields[key])
        model = _build(f"model {name!r}", cls, fields | {"name": name})
        assert isinstance(model, cls)
        return model


def _build(where: str, spec: Any, table: Mapping[str, Any]) -> Any:
    known = {field.name: field for field in dataclasses.fields(spec)}
    for key in table:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}{did_you_mean(key, known)}")
    for key, field in known.items():
        if field.default is dataclasses.MISSING and key not in table:
            raise ConfigError(f"{where}: key {key!r} is missing; add it")
        if field.type == "bool" and not isinstance(table.get(key, False), bool):
            raise ConfigError(f"{where}: {key}={table[key]!r} must be true or false")
    try:
        return spec(**table)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _check_integers(prefix: str, spec: Any, zero: tuple[str, ...] = ()) -> None:
    for field in dataclasses.fields(spec):
        if field.type != "int":
            continue
        value, lowest = getattr(spec, field.name), 0 if field.name in zero else 1
        highest = _LARGEST.get(field.name, _LARGEST_FIELD)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise ConfigError(
                f"{prefix}{field.name}={value!r} is not an integer from {lowest} to {highest}; "
                "correct it"
            )
