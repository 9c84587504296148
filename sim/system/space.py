"""Design points as columns: one array per field of the matrix engine's configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, SearchSpace
from hw.matrix import MatrixConfig

__all__ = ["FIELDS", "STRUCTURE", "config_columns", "space_columns"]

FIELDS = (
    "rows", "cols", "dataflow", "operand_bits", "accum_bits", "multiplier", "pipeline",
    "a_depth", "b_depth", "banks", "result_rows",
)  # fmt: skip
"""Columns of a set of designs: the fields of `MatrixConfig`."""

STRUCTURE = "structure"
"""Extra column of `space_columns`: a number for each combination of the knobs that decide counts
of cycles and words, so that the system model need not look for them."""

_SCALING = ("operand_bits", "multiplier", "banks")  # they scale bytes and clock, not counts

Columns = dict[str, NDArray[Any]]


def config_columns(configs: Iterable[MatrixConfig]) -> Columns:
    """Return the columns of given configurations."""
    listed = list(configs)
    return {name: np.array([getattr(config, name) for config in listed]) for name in FIELDS}


def space_columns(space: SearchSpace[MatrixConfig]) -> Columns:
    """Return the columns of every point of a space of matrix engines, in its order."""
    defaults = MatrixConfig()
    size = len(space)
    columns: Columns = {}
    structure = np.zeros(size, dtype=np.int64)
    for name, at in space.columns().items():
        values = space.knobs[name].values
        columns[name] = np.array(values)[at]
        if name not in _SCALING:
            structure = structure * len(values) + at
    ratio = columns.pop("result_ratio", np.full(size, 2))
    for name in FIELDS:
        if name not in columns and name != "result_rows":
            columns[name] = np.full(size, getattr(defaults, name))
    if "result_rows" not in columns:  # as MatrixConfig.from_knobs
        halves = np.where(columns["dataflow"] == "ws", 2, 1)
        columns["result_rows"] = np.maximum(4, columns["rows"] * ratio * halves)
    if unknown := set(columns) - set(FIELDS):
        raise ConfigError(
            f"knobs {sorted(unknown)} are none of the matrix engine; the system model knows "
            f"{', '.join(FIELDS)} and result_ratio"
        )
    return columns | {STRUCTURE: structure}
