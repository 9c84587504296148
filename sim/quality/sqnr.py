"""Signal-to-quantisation-noise of formats on tensors: the user's own, or synthetic ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

from .quantise import Scaling, find_any, take
from .synthetic import Sample
from .tensors import read_tensors

__all__ = ["file_tensors", "kind_sqnr", "sqnr_db"]

Floats = NDArray[np.float64]

ROWS = 128  # of a tensor at most, along what is not summed over
_COLUMN_WISE = ("c_attn.weight", "c_proj.weight", "c_fc.weight")  # GPT-2's are [inputs, outputs]


def sqnr_db(sample: Sample, format: str, scaling: Scaling | None = None) -> float:
    """Return ``10 log10(sum x**2 / sum (x - q)**2)`` in dB; infinite where nothing is lost."""
    rule = scaling or Scaling()
    found = find_any(format)
    axis = sample.axis % 2 if sample.channels and rule.weights == "channel" else None
    factor = rule.factor(found, sample.values, axis)
    error = take(found, sample.values, factor=factor, axis=sample.axis).real - sample.values
    noise, signal = float(np.sum(error**2)), float(np.sum(sample.values**2))
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise)


def kind_sqnr(samples: Iterable[Sample], format: str) -> dict[str, float]:
    """Return the worst SQNR, in dB, of each kind of tensor."""
    worst: dict[str, float] = {}
    for sample in samples:
        found = sqnr_db(sample, format)
        worst[sample.kind] = min(worst.get(sample.kind, math.inf), found)
    return worst


def file_tensors(path: Path) -> list[Sample]:
    """Return the matrices of a `.safetensors` or `.npz` file as samples of kind ``"file"``.

    Vectors (biases, norms) are left out. Dot products run along the last axis, and along the first
    of the matrices that GPT-2 stores transposed. Of large matrices, some 128 rows at even distances
    are taken.
    """
    tensors = read_tensors(path)
    wanted = {name: value for name, value in tensors.items() if _is_matrix(value)}
    if not wanted:
        raise ConfigError(f"{path} holds no matrix of floats; give weights or activations")
    return [_file_sample(name, value) for name, value in wanted.items()]


def _is_matrix(value: NDArray[Any]) -> bool:
    return value.ndim >= 2 and value.size > 0 and np.issubdtype(value.dtype, np.floating)


def _file_sample(name: str, value: NDArray[Any]) -> Sample:
    axis = 0 if name.endswith(_COLUMN_WISE) else 1
    matrix = value.reshape(-1, value.shape[-1])
    step = max(1, matrix.shape[1 - axis] // ROWS)
    cut = matrix[::step] if axis == 1 else matrix[:, ::step]
    values = cut.astype(np.float64)
    if not np.isfinite(values).all():
        raise ConfigError(f"tensor {name!r} holds infinities or NaN; mend the file")
    return Sample(name=name, kind="file", values=values, axis=axis, channels=True)
