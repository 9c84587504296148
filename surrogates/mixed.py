"""Area and clock of engines with number formats before anything is synthesised.

As `surrogates.additive`: LUTs and flops are linear in how many elements, edge lanes and buffers
there are, with one set of coefficients for each set of formats and pipeline. The period is that of
one routed design of the set, times a power of the number of elements. Everything is *predicted*;
``python -m dse.calibrate --formats`` measures and fits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import KilnError

from .additive import memory_blocks

__all__ = [
    "FITTED_BY",
    "NOTE",
    "TOOL",
    "fit_mixed",
    "fits",
    "known_groups",
    "mixed_group",
    "predict_mixed",
]

FITTED_BY = "python -m dse.calibrate --formats"
TOOL = "kiln-mixed"
NOTE = "mixed.json, fitted for each set of formats to the area of 9 designs and the clock of one"
RESOURCES = ("lut", "ff", "dsp", "bram")
GROWTH = 0.065
"""Power of the number of elements that the period grows with, as of integer engines on ECP5
(``additive.json``)."""

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

_PORT_BITS = 16


def mixed_group(formats: str, pipeline: int) -> str:
    """Return the name of a group's coefficients; `formats` are names with ``+`` between."""
    return f"{formats}/{pipeline}"


def _features(knobs: Columns) -> Floats:
    rows, cols, banks, a_depth, b_depth, result_rows = (
        np.asarray(knobs[name], dtype=float)
        for name in ("rows", "cols", "banks", "a_depth", "b_depth", "result_rows")
    )
    blocks = memory_blocks(rows * _PORT_BITS, a_depth, banks)
    blocks = blocks + memory_blocks(cols * _PORT_BITS, b_depth, banks)
    return np.stack(
        np.broadcast_arrays(
            np.ones_like(rows),
            rows * cols,
            rows,
            cols,
            rows * (rows - 1) / 2 + cols * (cols - 1) / 2,  # skew registers
            blocks,
            (rows + cols) * _PORT_BITS * (banks - 1),  # choosing between banks
            cols * np.ceil(result_rows / 16),  # LUT memories of 16 words
            np.log2(a_depth) + np.log2(b_depth),  # pointers
        ),
        axis=-1,
    )


def fit_mixed(
    knobs: Columns, measured: Mapping[str, NDArray[Any]], routed: tuple[int, float]
) -> dict[str, Any]:
    """Return a group's coefficients, their mean error, and the clock of the design routed.

    Parameters
    ----------
    knobs : mapping
        Columns of `hw.matrix.MatrixConfig`, one entry per synthesised design.
    measured : mapping
        Columns of `RESOURCES`.
    routed : (int, float)
        Elements of the design that was routed, and its clock in MHz.
    """
    from scipy.optimize import nnls

    x = _features(knobs)
    group: dict[str, Any] = {"coefficients": {}, "error": {}, "designs": len(x)}
    for name, values in measured.items():
        y = np.asarray(values, dtype=float)
        if not y.any():
            group["coefficients"][name] = [0.0] * x.shape[1]
            continue
        weights, _ = nnls(x / y[:, None], np.ones(len(y)))
        group["coefficients"][name] = [float(f"{w:.6g}") for w in weights]
        group["error"][name] = float(np.mean(np.abs(x @ weights / y - 1)))
    return group | {"routed_elements": routed[0], "routed_mhz": routed[1]}


@cache
def _table() -> dict[str, Any]:
    path = files("surrogates") / "mixed.json"
    return dict(json.loads(path.read_text("utf-8")))


def fits(family: str) -> dict[str, Any]:
    """Return the groups that were fitted for a target family, coefficients, errors and clocks."""
    return dict(_table().get(family, {}).get("groups", {}))


def known_groups(family: str) -> frozenset[str]:
    """Return the groups that were fitted for a target family."""
    return frozenset(_table().get(family, {}).get("groups", {}))


def predict_mixed(group: str, knobs: Columns, family: str) -> dict[str, Floats]:
    """Return predicted resources and ``clock_mhz`` of designs of one group.

    Raises `KilnError` if the group was not fitted.
    """
    found = _table().get(family, {}).get("groups", {}).get(group)
    if found is None:
        raise KilnError(
            f"nothing is known about formats {group} on {family}; measure some designs with "
            f"`{FITTED_BY} --family {family}`"
        )
    x = _features(knobs)
    result = {name: x @ np.array(w) for name, w in found["coefficients"].items()}
    cells = np.asarray(knobs["rows"], dtype=float) * knobs["cols"]
    growth = (cells / found["routed_elements"]) ** GROWTH
    return result | {"clock_mhz": found["routed_mhz"] / growth}
