"""What the host computes, in float32 NumPy: the reference for the blocks that will replace it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, OperatorKind

__all__ = ["evaluate"]

State = Mapping[str, Any]
EPSILON = np.float32(1e-5)  # of GPT-2's and Llama's normalisations


def evaluate(kind: OperatorKind, shape: tuple[int, int], state: State) -> NDArray[Any]:
    """Return the result of one operator.

    Parameters
    ----------
    kind : OperatorKind
        Which operator.
    shape : tuple of int
        Rows and elements per row of the result, checked.
    state : mapping
        Operands: ``x`` for all; also ``y`` (GEMM, residual, multiply), ``gamma`` and ``beta``
        (normalisations), ``valid`` (softmax: how many leading elements of each row count),
        ``position`` (RoPE), ``table`` (embedding), ``k`` (top-k).
    """
    result = _KERNELS[kind](state)
    if kind is not OperatorKind.TOPK and result.shape != shape:
        raise ConfigError(
            f"{kind}: operands give a result of shape {result.shape}, the job says {shape}; "
            f"pass operands of the operator's shape"
        )
    return result


def _float(value: Any) -> NDArray[np.float32]:
    return np.asarray(value, dtype=np.float32)


def _mean(value: NDArray[np.float32]) -> NDArray[np.float32]:
    return _float(value.mean(axis=-1, keepdims=True))


def _gemm(state: State) -> NDArray[Any]:
    product: NDArray[Any] = np.asarray(state["x"]) @ np.asarray(state["y"])
    return product


def _embedding(state: State) -> NDArray[Any]:
    rows: NDArray[Any] = np.asarray(state["table"])[np.asarray(state["x"])]
    return rows


def _layernorm(state: State) -> NDArray[Any]:
    x = _float(state["x"])
    centred = x - _mean(x)
    scale = _float(1 / np.sqrt(_mean(centred * centred) + EPSILON))
    return centred * scale * _float(state["gamma"]) + _float(state["beta"])


def _rmsnorm(state: State) -> NDArray[Any]:
    x = _float(state["x"])
    scale = _float(1 / np.sqrt(_mean(x * x) + EPSILON))
    return x * scale * _float(state["gamma"])


def _softmax(state: State) -> NDArray[Any]:
    x = _float(state["x"])
    if "valid" in state:
        columns = np.arange(x.shape[-1])
        x = np.where(columns < np.asarray(state["valid"])[:, None], x, np.float32(-np.inf))
    powers: NDArray[np.float32] = np.exp(x - _float(x.max(axis=-1, keepdims=True)))
    return powers / _float(powers.sum(axis=-1, keepdims=True))


def _gelu(state: State) -> NDArray[Any]:
    """GPT-2's tanh form (Hendrycks and Gimpel 2016, equation 2)."""
    x = _float(state["x"])
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (np.float32(1) + np.tanh(inner))


def _silu(state: State) -> NDArray[Any]:
    x = _float(state["x"])
    return x / (np.float32(1) + np.exp(-x))


def _rope(state: State) -> NDArray[Any]:
    """Rotate pairs (i, i + half) by position * 10000^(-i/half) (Su et al. 2021)."""
    x = _float(state["x"])
    half = x.shape[-1] // 2
    inverse = np.float32(10000.0) ** (-np.arange(half, dtype=np.float32) / np.float32(half))
    angle = _float(state["position"])[:, None] * inverse
    sine, cosine = np.sin(angle), np.cos(angle)
    low, high = x[:, :half], x[:, half:]
    return np.concatenate([low * cosine - high * sine, high * cosine + low * sine], axis=-1)


def _residual(state: State) -> NDArray[Any]:
    return _float(state["x"]) + _float(state["y"])


def _multiply(state: State) -> NDArray[Any]:
    return _float(state["x"]) * _float(state["y"])


def _topk(state: State) -> NDArray[Any]:
    """Indices of the k largest of each row, largest first, the lower index first among equals."""
    order: NDArray[Any] = np.argsort(-_float(state["x"]), axis=-1, kind="stable")
    return order[:, : int(state["k"])]


_KERNELS: dict[OperatorKind, Callable[[State], NDArray[Any]]] = {
    OperatorKind.GEMM: _gemm,
    OperatorKind.EMBEDDING: _embedding,
    OperatorKind.LAYERNORM: _layernorm,
    OperatorKind.RMSNORM: _rmsnorm,
    OperatorKind.SOFTMAX: _softmax,
    OperatorKind.GELU: _gelu,
    OperatorKind.SILU: _silu,
    OperatorKind.ROPE: _rope,
    OperatorKind.RESIDUAL: _residual,
    OperatorKind.MULTIPLY: _multiply,
    OperatorKind.TOPK: _topk,
}
