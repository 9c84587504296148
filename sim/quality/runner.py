"""A GPT-2 through Kiln's arithmetic: matrix products bit for bit, everything else in float64.

Norms, softmax, GELU, biases and residuals are float64, so that what is measured is what formats
and accumulators of the matrix products do, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

from .arithmetic import Arithmetic
from .assignment import Assignment
from .model import Gpt2
from .quantise import Tensor, take

__all__ = ["Calibration", "Runner"]

Floats = NDArray[np.float64]
Tokens = NDArray[np.integer[Any]]

SAMPLE = 4096  # values of an activation that its scale is chosen by
WINDOWS = 4  # of calibration text
MOST_KEPT = 1 << 27  # quantised weights, of all formats together
CHUNK = 256  # rows of logits at a time


class Calibration:
    """Samples of every activation, from float64 runs on text that nothing is measured on.

    Parameters
    ----------
    model : Gpt2
        The model.
    tokens : array of int
        Text, of which at most four windows of the model's context are run.
    """

    def __init__(self, model: Gpt2, tokens: Tokens) -> None:
        self._samples: dict[tuple[str, int, str], Floats] = {}
        self._factors: dict[tuple[Any, ...], Any] = {}
        if not len(tokens):
            raise ConfigError("the calibration text is empty; give some of what the model reads")
        runner = Runner(model, Assignment(), watch=self._see)
        for at in range(0, min(len(tokens), WINDOWS * model.context), model.context):
            runner.hidden(tokens[at : at + model.context], head=True)

    def factor(self, arithmetic: Arithmetic, operator: str, layer: int, side: str) -> Any:
        """Return the scale of the left or right activation of an operator."""
        key = (arithmetic.format, arithmetic.scaling, operator, layer, side)
        if key not in self._factors:
            values = self._samples[operator, layer, side]
            self._factors[key] = arithmetic.scaling.factor(arithmetic.number_format, values)
        return self._factors[key]

    def _see(self, operator: str, layer: int, side: str, values: Floats) -> None:
        key = (operator, layer, side)
        flat = values.ravel()
        seen = self._samples.get(key, flat[:0])
        random = np.random.default_rng(len(self._samples))
        some = flat if len(flat) <= SAMPLE else random.choice(flat, SAMPLE, replace=False)
        extremes = flat[[np.argmin(flat), np.argmax(flat)]]
        self._samples[key] = np.concatenate([seen, some, extremes])


class Runner:
    """Runs a model with an assignment of arithmetic to operators.

    Parameters
    ----------
    model : Gpt2
        The model.
    assignment : Assignment
        The arithmetic of every operator.
    calibration : Calibration, optional
        Where activations' scales come from; not needed if all is float64.
    weights : dict, optional
        Quantised weights, shared between runners of one model.
    """

    def __init__(
        self,
        model: Gpt2,
        assignment: Assignment,
        calibration: Calibration | None = None,
        *,
        weights: dict[tuple[Any, ...], Tensor] | None = None,
        watch: Callable[[str, int, str, Floats], None] | None = None,
    ) -> None:
        self.model, self.assignment = model, assignment
        self._calibration, self._watch = calibration, watch
        self._weights = {} if weights is None else weights

    def losses(self, tokens: Tokens) -> Floats:
        """Return ``-ln p`` of every token but the first, ``[T - 1]``, for one window of text."""
        states = self.hidden(tokens[:-1])
        parts = [
            _cross_entropy(self._head(states[at : at + CHUNK]), tokens[at + 1 : at + 1 + CHUNK])
            for at in range(0, len(states), CHUNK)
        ]
        return np.concatenate(parts)

    def compared(self, tokens: Tokens, reference: Floats) -> tuple[Floats, Floats]:
        """Return what `losses` does and, token by token, the divergence from float64.

        That is the Kullback-Leibler divergence of the next token's probabilities from those of
        float64, in nats; `reference` is what `hidden` returns in float64 for ``tokens[:-1]``.
        """
        states, head = self.hidden(tokens[:-1]), self.model.matrix(0, "lm_head")
        losses, divergences = [], []
        for at in range(0, len(states), CHUNK):
            found = _log_softmax(self._head(states[at : at + CHUNK]))
            exact = _log_softmax(reference[at : at + CHUNK] @ head)
            wanted = tokens[at + 1 : at + 1 + CHUNK]
            losses.append(-found[np.arange(len(wanted)), wanted])
            divergences.append(np.sum(np.exp(exact) * (exact - found), axis=-1))
        return np.concatenate(losses), np.concatenate(divergences)

    def logits(self, tokens: Tokens) -> Floats:
        """Return the logits after every token, ``[T, vocab]``."""
        return self._head(self.hidden(tokens))

    def hidden(self, tokens: Tokens, *, head: bool = False) -> Floats:
        """Return what the LM head is given, ``[T, hidden]``; with `head`, run that as well."""
        model = self.model
        if not 1 <= len(tokens) <= model.context:
            raise ConfigError(f"{len(tokens)} tokens do not fit; use 1 to {model.context}")
        if np.max(tokens) >= model.vocab:
            raise ConfigError(
                f"token {np.max(tokens)} is beyond the vocabulary of {model.vocab}; take "
                "tokenizer and weights from one model"
            )
        x = model.weights["wte.weight"][tokens] + model.weights["wpe.weight"][: len(tokens)]
        for layer in range(model.layers):
            x = x + self._attention(layer, self._norm(f"h.{layer}.ln_1", x))
            inner = self._linear("ffn_up", layer, self._norm(f"h.{layer}.ln_2", x))
            x = x + self._linear("ffn_down", layer, _gelu(inner))
        states = self._norm("ln_f", x)
        if head:
            self._head(states)
        return states

    def _head(self, states: Floats) -> Floats:
        return self._weighted("lm_head", 0, states)

    def _attention(self, layer: int, x: Floats) -> Floats:
        heads, width = self.model.heads, self.model.hidden // self.model.heads
        mixed = self._linear("qkv", layer, x).reshape(len(x), 3, heads, width)
        future = np.triu(np.ones((len(x), len(x)), dtype=np.bool_), 1)
        heard = np.empty((len(x), heads, width))
        for head in range(heads):
            q, k, v = (mixed[:, part, head] for part in range(3))
            scores = self._product("qk", layer, q, k.T) / math.sqrt(width)
            weights = _softmax(np.where(future, -np.inf, scores))
            heard[:, head] = self._product("av", layer, weights, v)
        return self._linear("proj", layer, heard.reshape(len(x), -1))

    def _norm(self, name: str, x: Floats) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.model.epsilon)
        weights = self.model.weights
        return np.asarray(centred / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"])

    def _linear(self, operator: str, layer: int, x: Floats) -> Floats:
        return self._weighted(operator, layer, x) + self.model.bias(layer, operator)

    def _weighted(self, operator: str, layer: int, x: Floats) -> Floats:
        """Multiply by the weights of an operator class."""
        if self._watch is not None:
            self._watch(operator, layer, "left", x)
        arithmetic = self.assignment.of(operator, layer, self.model.layers)
        if arithmetic is None:
            return np.asarray(x @ self.model.matrix(layer, operator))
        left = self._activation(arithmetic, operator, layer, "left", x, -1)
        right = self._weight(arithmetic, operator, layer)
        return arithmetic.product(left, right, self.model.longest)

    def _product(self, operator: str, layer: int, left: Floats, right: Floats) -> Floats:
        """Multiply two activations."""
        if self._watch is not None:
            self._watch(operator, layer, "left", left)
            self._watch(operator, layer, "right", right)
        arithmetic = self.assignment.of(operator, layer, self.model.layers)
        if arithmetic is None:
            return np.asarray(left @ right)
        a = self._activation(arithmetic, operator, layer, "left", left, -1)
        b = self._activation(arithmetic, operator, layer, "right", right, 0)
        return arithmetic.product(a, b, self.model.longest)

    def _activation(
        self, arithmetic: Arithmetic, operator: str, layer: int, side: str, x: Floats, axis: int
    ) -> Tensor:
        if self._calibration is None:
            raise ConfigError("calibration=None leaves activations without scales; give some text")
        factor = self._calibration.factor(arithmetic, operator, layer, side)
        wanted = arithmetic.window is not None
        return take(arithmetic.number_format, x, factor=factor, axis=axis, scales=wanted)

    def _weight(self, arithmetic: Arithmetic, operator: str, layer: int) -> Tensor:
        wanted = arithmetic.window is not None
        key = (arithmetic.format, arithmetic.scaling, operator, layer, wanted)
        if key not in self._weights:
            if sum(tensor.values.size for tensor in self._weights.values()) > MOST_KEPT:
                for other in [name for name in self._weights if name[:2] != key[:2]]:
                    del self._weights[other]
            matrix = self.model.matrix(layer, operator)
            axis = 0 if arithmetic.scaling.weights == "channel" else None
            format = arithmetic.number_format
            factor = arithmetic.scaling.factor(format, matrix, axis)
            self._weights[key] = take(format, matrix, factor=factor, axis=0, scales=wanted)
        return self._weights[key]


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _gelu(x: Floats) -> Floats:
    return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))))


def _cross_entropy(logits: Floats, tokens: Tokens) -> Floats:
    top = logits.max(axis=-1)
    whole = np.log(np.exp(logits - top[:, None]).sum(axis=-1)) + top
    return np.asarray(whole - logits[np.arange(len(tokens)), tokens])


def _log_softmax(logits: Floats) -> Floats:
    lowered = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(lowered - np.log(np.exp(lowered).sum(axis=-1, keepdims=True)))
