"""Prediction of a single matrix engine, of integers or with number formats."""

from __future__ import annotations

import numpy as np

from hw.matrix import MatrixConfig

from .additive import predict
from .mixed import mixed_group, predict_mixed

__all__ = ["predict_engine"]

_FIELDS = (
    "rows", "cols", "dataflow", "operand_bits", "accum_bits", "multiplier", "pipeline",
    "a_depth", "b_depth", "banks", "result_rows",
)  # fmt: skip


def predict_engine(config: MatrixConfig, family: str) -> dict[str, float]:
    """Return predicted resources and ``clock_mhz``; `KilnError` where nothing is known."""
    knobs = {name: np.array([getattr(config, name)]) for name in _FIELDS}
    if config.formats:
        group = mixed_group("+".join(config.formats), config.pipeline)
        found = predict_mixed(group, knobs, family)
    else:
        found = predict(knobs, family)
    return {name: float(values[0]) for name, values in found.items()}
