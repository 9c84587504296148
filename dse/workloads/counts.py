"""Parameters, KV bytes and multiply-accumulates of a model, from one list of its matrices.

The operator records are written from the same list, so that counts and traces cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import MlaSpec, ModelSpec, MoeSpec

__all__ = [
    "Linear",
    "active_parameters",
    "attention_macs_per_context_token",
    "kv_bytes_per_token",
    "kv_elements_per_token",
    "linear_macs_per_token",
    "linears",
    "parameters",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """A weight matrix ``(k, n)`` that `layers` layers hold.

    Parameters
    ----------
    group : str
        ``attention``, ``ffn`` (dense), ``router``, ``expert`` or ``shared``.
    name : str
        Role, as in the operator records.
    k, n : int
        Inputs and outputs.
    layers : int
        Layers that hold it.
    bias : bool
        Whether `n` further parameters are added to its result.
    copies, active : int
        Matrices of this role in one layer, and how many of them one token passes through.
    """

    group: str
    name: str
    k: int
    n: int
    layers: int
    bias: bool = False
    copies: int = 1
    active: int = 1

    @property
    def parameters(self) -> int:
        """Parameters of one matrix with its bias."""
        return self.n * (self.k + self.bias)


def linears(model: ModelSpec) -> tuple[Linear, ...]:
    """Return every weight matrix of the layers; embeddings and the LM head are not among them."""
    attention = _plain_attention(model) if model.mla is None else _latent(model, model.mla)
    dense = _ffn(model, "ffn", "ffn", model.ffn, model.dense_layers)
    experts = () if model.moe is None else _experts(model, model.moe)
    return attention + dense + experts


def _plain_attention(model: ModelSpec) -> tuple[Linear, ...]:
    wide = model.heads * model.head_dim
    both = wide + 2 * model.kv_heads * model.head_dim
    return (
        _attention(model, "qkv", model.hidden, both, model.qkv_bias),
        _attention(model, "proj", wide, model.hidden, model.proj_bias),
    )


def _latent(model: ModelSpec, mla: MlaSpec) -> tuple[Linear, ...]:
    queries = model.heads * (mla.nope + mla.rope)
    query: tuple[Linear, ...]
    if mla.q_lora:
        query = (
            _attention(model, "q_down", model.hidden, mla.q_lora, model.qkv_bias),
            _attention(model, "q_up", mla.q_lora, queries),
        )
    else:
        query = (_attention(model, "q", model.hidden, queries),)
    return (
        *query,
        _attention(model, "kv_down", model.hidden, mla.kv_lora + mla.rope, model.qkv_bias),
        _attention(model, "kv_up", mla.kv_lora, model.heads * (mla.nope + mla.v)),
        _attention(model, "proj", model.heads * mla.v, model.hidden, model.proj_bias),
    )


def _attention(model: ModelSpec, name: str, k: int, n: int, bias: bool = False) -> Linear:
    return Linear(group="attention", name=name, k=k, n=n, layers=model.layers, bias=bias)


def _experts(model: ModelSpec, moe: MoeSpec) -> tuple[Linear, ...]:
    layers = model.moe_layers
    router = Linear(
        group="router",
        name="router",
        k=model.hidden,
        n=moe.experts,
        layers=layers,
        bias=moe.router_bias,
    )
    routed = _ffn(model, "expert", "expert", moe.ffn, layers, moe.experts, moe.top_k)
    shared = _ffn(model, "shared", "shared", moe.shared * moe.ffn, layers if moe.shared else 0)
    return (router, *routed, *shared)


def _ffn(
    model: ModelSpec,
    group: str,
    prefix: str,
    width: int,
    layers: int,
    copies: int = 1,
    active: int = 1,
) -> tuple[Linear, ...]:
    if not layers:
        return ()
    shapes = [("up", model.hidden, width), ("down", width, model.hidden)]
    if model.gated:
        shapes.insert(0, ("gate", model.hidden, width))
    return tuple(
        Linear(
            group=group,
            name=f"{prefix}_{role}",
            k=k,
            n=n,
            layers=layers,
            bias=model.ffn_bias,
            copies=copies,
            active=active,
        )
        for role, k, n in shapes
    )


def _norm_parameters(model: ModelSpec) -> int:
    per_element = 2 if model.norm == "layernorm" else 1  # LayerNorm has a shift besides its scale
    layer = 2 * model.hidden
    if model.qk_norm:
        layer += 2 * model.head_dim
    if model.mla is not None:
        layer += model.mla.q_lora + model.mla.kv_lora
    return per_element * (model.layers * layer + model.hidden)


def _embedding_parameters(model: ModelSpec) -> int:
    tables = model.vocab * (1 if model.tied else 2)
    positions = model.context if model.position == "learned" else 0
    return model.hidden * (tables + positions)


def parameters(model: ModelSpec) -> int:
    """Return all parameters; a tied embedding table is counted once."""
    matrices = sum(w.layers * w.copies * w.parameters for w in linears(model))
    return matrices + _norm_parameters(model) + _embedding_parameters(model)


def active_parameters(model: ModelSpec) -> int:
    """Return the parameters one token can touch: those of `top_k` experts, and all the rest."""
    matrices = sum(w.layers * w.active * w.parameters for w in linears(model))
    return matrices + _norm_parameters(model) + _embedding_parameters(model)


def kv_elements_per_token(model: ModelSpec) -> int:
    """Return the elements that one token of context keeps in the KV cache."""
    if model.mla is not None:
        return model.layers * (model.mla.kv_lora + model.mla.rope)
    return 2 * model.layers * model.kv_heads * model.head_dim


def kv_bytes_per_token(model: ModelSpec, bits: int = 16) -> int:
    """Return the bytes that one token of context keeps in the KV cache, rounded up."""
    return -(-kv_elements_per_token(model) * bits // 8)


def linear_macs_per_token(model: ModelSpec) -> int:
    """Return the multiply-accumulates of one token with all weight matrices, LM head included."""
    layers = sum(w.layers * w.active * w.k * w.n for w in linears(model))
    return layers + model.vocab * model.hidden


def attention_macs_per_context_token(model: ModelSpec) -> int:
    """Return the multiply-accumulates of one new token per token of its context.

    Latent attention counts in its absorbed form, in which every head works on the latent itself,
    as the decode records do.
    """
    if model.mla is not None:
        return model.layers * model.heads * (2 * model.mla.kv_lora + model.mla.rope)
    return 2 * model.layers * model.heads * model.head_dim
