"""Design points as columns: one array per field of the matrix engine's configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, SearchSpace
from hw.matrix import MatrixConfig

__all__ = ["FIELDS", "STRUCTURE", "config_columns", "space_columns", "space_mesh"]

FIELDS = (
    "rows", "cols", "dataflow", "operand_bits", "accum_bits", "multiplier", "pipeline",
    "a_depth", "b_depth", "banks", "result_rows",
)  # fmt: skip
"""Columns of a set of designs: the fields of `MatrixConfig`."""

STRUCTURE = "structure"
"""Extra column of `space_columns`: a number for each combination of the knobs that decide counts
of cycles and words, so that the system model need not look for them."""

_MEANT = {"accum_bits": "result_bits", "pipeline": "stages"}
_SCALING = ("operand_bits", "multiplier", "banks")  # they scale bytes and clock, not counts
_DEPTHS = ("a_depth", "b_depth")

Columns = dict[str, NDArray[Any]]


def config_columns(configs: Iterable[MatrixConfig]) -> Columns:
    """Return the columns of given configurations."""
    listed = list(configs)
    return {name: np.array([_field(config, name) for config in listed]) for name in FIELDS}


def _field(config: MatrixConfig, name: str) -> Any:
    """Return a field as the system model takes it: with formats, what cycles and bytes follow."""
    return getattr(config, _MEANT.get(name, name) if config.formats else name)


def space_mesh(space: SearchSpace[MatrixConfig]) -> Columns:
    """Return the columns of every point of a space, each along the axes of its own knobs only.

    They broadcast to one axis per knob; what is computed of a few knobs stays small.
    """
    mesh: Columns = dict(
        zip(space.knobs, np.ix_(*(np.array(k.values) for k in space.knobs.values())), strict=True)
    )
    defaults = MatrixConfig()
    ratio = mesh.pop("result_ratio", np.full((1,) * len(space.knobs), 2))
    for name in FIELDS:
        if name not in mesh and name != "result_rows":
            mesh[name] = np.array([getattr(defaults, name)])
    if "result_rows" not in mesh:  # as MatrixConfig.from_knobs
        halves = np.where(mesh["dataflow"] == "ws", 2, 1)
        mesh["result_rows"] = np.maximum(4, mesh["rows"] * ratio * halves)
    if unknown := set(mesh) - set(FIELDS):
        raise ConfigError(
            f"knobs {sorted(unknown)} are none of the matrix engine; the system model knows "
            f"{', '.join(FIELDS)} and result_ratio"
        )
    return mesh


def space_columns(space: SearchSpace[MatrixConfig]) -> Columns:
    """Return the columns of every point of a space of matrix engines, in its order."""
    shape = tuple(len(knob.values) for knob in space.knobs.values())
    columns = space_mesh(space) | {STRUCTURE: _structures(space)}
    return {name: np.broadcast_to(of, shape).reshape(-1) for name, of in columns.items()}


def _structures(space: SearchSpace[MatrixConfig]) -> NDArray[np.int64]:
    """Return the numbers of `STRUCTURE`; those that differ in depths only are neighbours."""
    axes = list(space.knobs)
    order = sorted(axes, key=lambda name: name in _DEPTHS)
    places = np.ix_(*(np.arange(len(knob.values)) for knob in space.knobs.values()))
    number = np.zeros((1,) * len(axes), dtype=np.int64)
    for name in order:
        if name not in _SCALING:
            number = number * len(space.knobs[name].values) + places[axes.index(name)]
    return number
