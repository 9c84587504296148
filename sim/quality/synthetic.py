"""Tensors that stand for a workload's where its weights are not there: seeded distributions.

What makes language models hard to quantise is not the bulk, which is close to normal, but that
channels differ and that a few carry activations many times the others' (Dettmers et al. 2022,
"LLM.int8()"; Xiao et al. 2023, "SmoothQuant"). So:

- weights: normal, each output channel with a standard deviation of its own, lognormal about 0.02
  with a spread of e**0.4;
- activations (after a norm) and queries, keys, values: normal, channels lognormal about 1 with
  e**0.4; one channel in a hundred, at least one, is 20 times larger in activations and 5 times in
  queries and keys;
- activated: GELU of such activations without outliers, then one channel in a hundred 20 times
  larger;
- probabilities: causal softmax over normal scores of standard deviation 2.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.contracts import Operand, Operator, OperatorKind

__all__ = ["KINDS", "Sample", "synthetic_tensors"]

Floats = NDArray[np.float64]

KINDS = ("weights", "activations", "activated", "queries and keys", "values", "probabilities")
ROWS, COLUMNS = 128, 2048  # of a tensor at most
OUTLIERS = 0.01
SPREAD = 0.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A tensor to quantise.

    Members
    -------
    name, kind : str
        Which, and what sort: one of `KINDS`, or ``"file"``.
    values : array
        Two dimensions.
    axis : int
        The one that dot products run along.
    channels : bool
        Whether what a dot product ends in has a scale of its own, as weights' output channels do.
    """

    name: str
    kind: str
    values: Floats
    axis: int
    channels: bool


def synthetic_tensors(operators: list[Operator], seed: int = 0) -> list[Sample]:
    """Return both operands of every GEMM of a workload, each name once, cut to a fair size."""
    found: dict[str, Sample] = {}
    for op in operators:
        if op.kind is not OperatorKind.GEMM:
            continue
        for sample in _operands(op, seed):
            found.setdefault(sample.name, sample)
    return list(found.values())


def _operands(op: Operator, seed: int) -> list[Sample]:
    left, right = _kinds(op)
    k = min(op.k, COLUMNS)
    rows = ROWS if op.m > 1 else 1
    return [
        _sample(f"{op.name}.left", left, (rows, k), -1, seed),
        _sample(f"{op.name}.right", right, (k, min(op.n, ROWS)), 0, seed),
    ]


def _kinds(op: Operator) -> tuple[str, str]:
    if op.name == "qk":
        return "queries and keys", "queries and keys"
    if op.name == "av":
        return "probabilities", "values"
    left = "activated" if op.name.endswith("down") else "activations"  # ffn_, expert_, shared_
    return left, "weights" if op.right is Operand.WEIGHT else "values"


def _sample(name: str, kind: str, shape: tuple[int, int], axis: int, seed: int) -> Sample:
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return Sample(
        name=name,
        kind=kind,
        values=_draw(random, kind, shape, axis),
        axis=axis,
        channels=kind == "weights",
    )


def _draw(random: np.random.Generator, kind: str, shape: tuple[int, int], axis: int) -> Floats:
    normal = random.normal(size=shape)
    if kind == "probabilities":
        return _probabilities(2 * normal)
    if kind == "weights":  # channels are the columns
        return np.asarray(0.02 * normal * random.lognormal(sigma=SPREAD, size=shape[1]))
    # Features are what a dot product sums over, but for values, whose features it ends in.
    length = shape[1] if kind == "values" else shape[axis]
    features = random.lognormal(sigma=SPREAD, size=length)
    outliers = random.choice(length, max(1, round(OUTLIERS * length)), replace=False)
    size = {"activations": 20.0, "activated": 20.0, "queries and keys": 5.0}.get(kind, 1.0)
    if kind == "activated":
        across = features if axis in (-1, 1) else features[:, None]
        normal = _gelu(normal * across)
        features = np.ones(length)
    features[outliers] *= size
    along_last = axis in (-1, 1) or kind == "values"
    return np.asarray(normal * (features if along_last else features[:, None]))


def _probabilities(scores: Floats) -> Floats:
    rows, columns = scores.shape
    first = max(columns - rows, 0)
    future = np.arange(columns) > np.arange(rows)[:, None] + first
    raised = np.where(future, 0.0, np.exp(scores))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _gelu(x: Floats) -> Floats:
    return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
