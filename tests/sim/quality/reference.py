"""GPT-2 written once more, plainly and token by token, as a second opinion on the runner."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.quality.tensors import write_safetensors
from sim.quality.tokenizer import END_OF_TEXT, Tokenizer

Floats = NDArray[np.float64]


def plain_logits(weights: dict[str, Floats], heads: int, tokens: list[int]) -> Floats:
    """Return logits ``[T, vocab]``: one token at a time, with a cache of keys and values."""
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("h."))
    cache: list[list[tuple[Floats, Floats]]] = [[] for _ in range(layers)]
    rows = []
    for position, token in enumerate(tokens):
        x = weights["wte.weight"][token] + weights["wpe.weight"][position]
        for layer in range(layers):
            w = {k.removeprefix(f"h.{layer}."): v for k, v in weights.items()}
            q, k, v = np.split(_affine(w, "attn.c_attn", _norm(w, "ln_1", x)), 3)
            cache[layer].append((k, v))
            x = x + _affine(w, "attn.c_proj", _attend(q, cache[layer], heads))
            inner = _affine(w, "mlp.c_fc", _norm(w, "ln_2", x))
            x = x + _affine(w, "mlp.c_proj", np.array([_gelu(float(u)) for u in inner]))
        rows.append(weights["wte.weight"] @ _norm(weights, "ln_f", x))
    return np.array(rows)


def _attend(q: Floats, cache: list[tuple[Floats, Floats]], heads: int) -> Floats:
    width = len(q) // heads
    parts = []
    for head in range(heads):
        at = slice(head * width, (head + 1) * width)
        scores = [float(q[at] @ k[at]) / math.sqrt(width) for k, _ in cache]
        top = max(scores)
        shares = [math.exp(score - top) for score in scores]
        parts.append(sum(s * v[at] for s, (_, v) in zip(shares, cache, strict=True)) / sum(shares))
    return np.concatenate(parts)


def _affine(w: dict[str, Floats], name: str, x: Floats) -> Floats:
    return w[f"{name}.weight"].T @ x + w[f"{name}.bias"]


def _norm(w: dict[str, Floats], name: str, x: Floats) -> Floats:
    return (x - x.mean()) / math.sqrt(x.var() + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def _gelu(u: float) -> float:
    return u / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))


def random_weights(
    layers: int = 2, hidden: int = 32, context: int = 16, vocab: int = 300
) -> dict[str, Floats]:
    """Return a model of GPT-2's shapes that nobody trained."""
    random = np.random.default_rng(7)
    d = hidden
    shapes: dict[str, Any] = {"wte": (vocab, d), "wpe": (context, d), "ln_f": None}
    for layer in range(layers):
        for name, shape in (
            ("ln_1", None),
            ("attn.c_attn", (d, 3 * d)),
            ("attn.c_proj", (d, d)),
            ("ln_2", None),
            ("mlp.c_fc", (d, 4 * d)),
            ("mlp.c_proj", (4 * d, d)),
        ):
            shapes[f"h.{layer}.{name}"] = shape
    weights = {}
    for name, shape in shapes.items():
        if shape is None:
            weights[f"{name}.weight"] = 1 + 0.1 * random.normal(size=d)
        else:
            weights[f"{name}.weight"] = 0.2 * random.normal(size=shape)
        if name not in ("wte", "wpe"):
            width = d if shape is None else shape[1]
            weights[f"{name}.bias"] = 0.1 * random.normal(size=width)
    return weights


def write_model(folder: Path, weights: dict[str, Floats], heads: int, prefix: str = "") -> Path:
    """Write `weights`, configuration and a tokenizer of bytes as Hugging Face lays them out."""
    path = folder / "model.safetensors"
    write_safetensors(path, {prefix + k: v.astype(np.float32) for k, v in weights.items()})
    vocab, d = weights["wte.weight"].shape
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("h."))
    config = {
        "model_type": "gpt2",
        "n_layer": layers,
        "n_embd": d,
        "n_head": heads,
        "n_positions": len(weights["wpe.weight"]),
        "vocab_size": vocab,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
    }
    (folder / "config.json").write_text(json.dumps(config))
    byte_tokenizer().write(folder)
    return path


def byte_tokenizer() -> Tokenizer:
    """Return a tokenizer of single bytes, one merge and the end of text."""
    from sim.quality.tokenizer import spell

    texts = [spell(chr(code)) for code in range(128)]
    return Tokenizer({text: i for i, text in enumerate([*texts, "th", END_OF_TEXT])}, [("t", "h")])
