"""Area and clock of a matrix engine before anything is synthesised: the additive model.

Count times module cost, the baseline that every learned surrogate has to beat: an engine is a sum
of processing elements, edge lanes, buffers and a sequencer, so its LUTs and flops are linear in
how many there are of each. The coefficients are fitted to measured synthesis by
``python -m dse.calibrate`` and kept in ``additive.json`` with their error; DSPs follow from the
widths. The clock is linear in the logarithms of the sizes. Everything here is *predicted*.
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

__all__ = ["FIGURES", "GROUP_KNOBS", "features", "fit_clock", "fit_group", "group_of", "predict"]

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

FIGURES = ("lut", "ff", "dsp", "bram", "area_um2", "clock_mhz")
GROUP_KNOBS = ("dataflow", "multiplier", "operand_bits")
"""One set of coefficients for each combination of these; all other knobs are features."""


FEATURES = 12
"""Counts per design that area is linear in."""


def features(knobs: Columns) -> Floats:
    """Return the counts that area is linear in, shape (designs, features)."""
    rows, cols, bits, banks, a_depth, b_depth, result_rows = (
        np.asarray(knobs[name], dtype=float)
        for name in ("rows", "cols", "operand_bits", "banks", "a_depth", "b_depth", "result_rows")
    )
    pipeline = np.asarray(knobs["pipeline"])
    columns = [
        np.ones_like(rows),
        rows * cols,
        rows * cols * (pipeline > 0),  # product registers
        rows * cols * np.log2(rows),  # a column's sums grow with its height, if they move
        rows,
        cols,
        (rows + cols) * (pipeline == 2),  # operand registers at the edges; inside they exist
        rows * (rows - 1) / 2 + cols * (cols - 1) / 2,  # skew registers
        _memory_blocks(rows * bits, a_depth, banks) + _memory_blocks(cols * bits, b_depth, banks),
        (rows + cols) * bits * (banks - 1),  # choosing between banks
        cols * np.ceil(result_rows / 16),  # result buffers, in LUTs of 16 words
        np.log2(a_depth) + np.log2(b_depth),  # pointers
    ]
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


def _memory_blocks(width: Floats, depth: Floats, banks: Floats) -> Floats:
    """Return how many 18 kbit memories of at most 36 bits the banks of a buffer take."""
    words = depth / banks
    best = np.full(np.broadcast(width, words).shape, np.inf)
    for bits, entries in ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)):
        best = np.minimum(best, np.ceil(width / bits) * np.ceil(words / entries))
    return best * banks


def clock_features(knobs: Columns) -> Floats:
    """Return what the logarithm of the clock period is linear in, shape (designs, features)."""
    rows, cols = (np.asarray(knobs[name], dtype=float) for name in ("rows", "cols"))
    depths = [np.log2(np.asarray(knobs[n], dtype=float)) for n in ("a_depth", "b_depth")]
    pipeline = np.asarray(knobs["pipeline"], dtype=float)
    banks = np.asarray(knobs["banks"], dtype=float)
    columns = [
        np.ones_like(rows),
        np.log2(rows * cols),
        sum(depths[1:], depths[0]),
        pipeline == 0,
        pipeline == 2,
        banks - 1,
        np.asarray(knobs["dataflow"]) == "ws",
        np.asarray(knobs["multiplier"]) == "lut",
        np.log2(np.asarray(knobs["operand_bits"], dtype=float) / 8),
    ]
    return np.stack(np.broadcast_arrays(*columns), axis=-1).astype(float)


def group_of(dataflow: str, multiplier: str, operand_bits: int) -> str:
    """Return the name under which a group's coefficients are kept."""
    return f"{dataflow}/{multiplier}/{operand_bits}"


def fit_group(knobs: Columns, measured: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the coefficients of one group and their mean absolute relative error.

    Parameters
    ----------
    knobs : mapping
        Columns of the configurations, one entry per measured design.
    measured : mapping
        Columns of measured figures; NaN where a design has none.
    """
    from scipy.optimize import nnls

    group: dict[str, Any] = {"coefficients": {}, "error": {}, "designs": len(knobs["rows"])}
    for name, values in measured.items():
        y = np.asarray(values, dtype=float)
        known = np.isfinite(y) & (y > 0)
        if not known.any():
            continue
        x = features(knobs)[known]
        weights, _ = nnls(x / y[known, None], np.ones(int(known.sum())))
        predicted = x @ weights
        group["coefficients"][name] = [float(f"{w:.6g}") for w in weights]
        group["error"][name] = float(np.mean(np.abs(predicted / y[known] - 1)))
    return group


def fit_clock(knobs: Columns, clock_mhz: Floats) -> dict[str, Any]:
    """Return coefficients of the clock, one set for a family, and their mean relative error."""
    x, y = clock_features(knobs), -np.log(np.asarray(clock_mhz, dtype=float))
    # A weak pull to zero keeps knobs that hardly vary in the data from running away.
    pull = 0.1 * np.eye(x.shape[1])
    pull[0, 0] = 1e-6
    weights = np.linalg.solve(x.T @ x + pull, x.T @ y)
    error = float(np.mean(np.abs(np.expm1(y - x @ weights))))
    rounded = [float(f"{w:.6g}") for w in weights]
    return {"coefficients": rounded, "error": error, "designs": len(y)}


@cache
def _table() -> dict[str, Any]:
    path = files("surrogates") / "additive.json"
    return dict(json.loads(path.read_text("utf-8")))


def _current(group: Mapping[str, Any]) -> bool:
    """Whether a group was fitted to the features as they are now."""
    return all(len(weights) == FEATURES for weights in group["coefficients"].values())


def predict(knobs: Columns, family: str) -> dict[str, Floats]:
    """Return predicted figures of every design as equally long arrays.

    Parameters
    ----------
    knobs : mapping of str to array
        Columns of `MatrixConfig` fields, all of one length.
    family : str
        Target family, such as ``"ecp5"``.

    Raises
    ------
    KilnError
        No coefficients were fitted for a combination that occurs.
    """
    labels = np.array(
        [group_of(*values) for values in zip(*(knobs[n] for n in GROUP_KNOBS), strict=True)]
    )
    groups = _table().get(family, {}).get("groups", {})
    result: dict[str, Floats] = {}
    for label in np.unique(labels):
        if label not in groups or not _current(groups[label]):
            raise KilnError(
                f"nothing is known about {label} on {family}; measure some designs with "
                f"`python -m dse.calibrate --family {family}`"
            )
        here = labels == label
        columns = {name: np.asarray(values)[here] for name, values in knobs.items()}
        for name, weights in groups[label]["coefficients"].items():
            values = result.setdefault(name, np.zeros(len(labels)))
            values[here] = features(columns) @ np.array(weights)
    clock = _table()[family].get("clock")
    if clock is None:
        raise KilnError(
            f"no clock is known on {family}; measure some designs with "
            f"`python -m dse.calibrate --family {family} --clock`"
        )
    result["clock_mhz"] = np.exp(-(clock_features(knobs) @ np.array(clock["coefficients"])))
    return result
