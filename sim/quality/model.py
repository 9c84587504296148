"""Models of GPT-2's architecture: weights by Hugging Face's names, and their sizes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

from .tensors import read_tensors

__all__ = ["LAYER_CLASSES", "Gpt2", "load_gpt2"]

Floats = NDArray[np.float64]

LAYER_CLASSES = {
    "qkv": "attn.c_attn",
    "proj": "attn.c_proj",
    "ffn_up": "mlp.c_fc",
    "ffn_down": "mlp.c_proj",
}
"""Operator classes of the layers' matrices, by the names of the operator records."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gpt2:
    """A model, its weights as float64.

    Members
    -------
    layers, hidden, heads, context, vocab : int
        Sizes.
    epsilon : float
        Of the layer norms.
    weights : mapping of str to array
        By Hugging Face's names; matrices are ``[inputs, outputs]``.
    digest : str
        SHA-256 of the weights file.
    """

    layers: int
    hidden: int
    heads: int
    context: int
    vocab: int
    epsilon: float
    weights: Mapping[str, Floats]
    digest: str

    @property
    def parameters(self) -> int:
        """Weights, a tied output matrix counted once."""
        return sum(tensor.size for tensor in self.weights.values())

    @property
    def longest(self) -> int:
        """Products of the longest dot product: of the FFN's second half, or over the context."""
        return max(4 * self.hidden, self.context)

    def matrix(self, layer: int, operator: str) -> Floats:
        """Return the weights ``[inputs, outputs]`` of an operator class."""
        if operator == "lm_head":
            return self.weights["wte.weight"].T
        return self.weights[f"h.{layer}.{LAYER_CLASSES[operator]}.weight"]

    def bias(self, layer: int, operator: str) -> Floats:
        return self.weights[f"h.{layer}.{LAYER_CLASSES[operator]}.bias"]


def load_gpt2(path: Path, config: Path | None = None) -> Gpt2:
    """Read weights, and ``config.json`` beside them or where `config` says.

    Raises `ConfigError` where a tensor is missing or of another shape than the configuration says.
    """
    tensors = read_tensors(path)
    settings = _settings(config or path.parent / "config.json")
    try:
        layers, hidden, heads = (int(settings[key]) for key in ("n_layer", "n_embd", "n_head"))
        context, vocab = int(settings["n_positions"]), int(settings["vocab_size"])
    except KeyError as error:
        raise ConfigError(
            f"config.json has no {error.args[0]!r}; only GPT-2's architecture can be measured"
        ) from error
    if settings.get("activation_function", "gelu_new") != "gelu_new":
        raise ConfigError(
            f"activation_function={settings['activation_function']!r} is not GPT-2's; only "
            "'gelu_new' can be measured"
        )
    shapes = _shapes(layers, hidden, context, vocab)
    weights = {name: _pick(tensors, name, shape, path) for name, shape in shapes.items()}
    return Gpt2(
        layers=layers,
        hidden=hidden,
        heads=heads,
        context=context,
        vocab=vocab,
        epsilon=float(settings.get("layer_norm_epsilon", 1e-5)),
        weights=weights,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _settings(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise ConfigError(f"{path} is missing; put the model's config.json beside its weights")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON ({error}); download it again") from error
    if not isinstance(settings, dict) or settings.get("model_type", "gpt2") != "gpt2":
        raise ConfigError(f"{path} is not of a gpt2 model; only its architecture can be measured")
    return settings


def _shapes(layers: int, hidden: int, context: int, vocab: int) -> dict[str, tuple[int, ...]]:
    d = hidden
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (vocab, d), "wpe.weight": (context, d)}
    blocks = {"attn.c_attn": (d, 3 * d), "attn.c_proj": (d, d)}
    blocks |= {"mlp.c_fc": (d, 4 * d), "mlp.c_proj": (4 * d, d)}
    norms = ["ln_f"]
    for layer in range(layers):
        norms += [f"h.{layer}.ln_1", f"h.{layer}.ln_2"]
        for name, shape in blocks.items():
            shapes[f"h.{layer}.{name}.weight"] = shape
            shapes[f"h.{layer}.{name}.bias"] = shape[1:]
    for name in norms:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (d,)
    return shapes


def _pick(
    tensors: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...], path: Path
) -> Floats:
    found = tensors.get(name, tensors.get(f"transformer.{name}"))
    if found is None:
        raise ConfigError(f"{path} has no tensor {name!r}; give the weights of a whole GPT-2")
    if found.shape != shape:
        raise ConfigError(
            f"{path}: {name} is {list(found.shape)} and config.json asks for {list(shape)}; take "
            "both from one model"
        )
    return found.astype(np.float64)
