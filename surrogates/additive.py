"""Area and clock of a matrix engine before anything is synthesised: the additive model.

Count times module cost, the baseline that every learned surrogate has to beat: an engine is a sum
of processing elements, edge lanes, buffers and a sequencer, so its LUTs and flops are linear in
how many there are of each. The coefficients are fitted to measured synthesis by
``python -m dse.calibrate`` and kept in ``additive.json`` with their error; DSPs follow from the
widths. On sky130 the fit is to standard cells; memory macros are added from their table. The
clock is linear in the logarithms of the sizes. Everything here is *predicted*.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.sky130.memories import FLOP_LIMIT_BITS, memory_fit
from hw.contracts import KilnError

__all__ = [
    "FIGURES",
    "FITTED_BY",
    "GROUP_KNOBS",
    "features",
    "fit_clock",
    "fit_group",
    "fit_note",
    "fits",
    "group_of",
    "is_current",
    "memory_blocks",
    "predict",
]

_ASIC = "sky130"

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

FIGURES = ("lut", "ff", "dsp", "bram", "cell_area_um2", "clock_mhz")
FITTED_BY = "python -m dse.calibrate"
"""Command that fits ``additive.json``, but for its ``--family``."""

GROUP_KNOBS = ("dataflow", "multiplier", "operand_bits")
"""One set of coefficients for each combination of these; all other knobs are features."""


FEATURES = 12
"""Counts per design that area is linear in."""


def features(knobs: Columns, family: str = "ecp5") -> Floats:
    """Return the counts that area is linear in, shape (designs, features)."""
    return np.stack(np.broadcast_arrays(*_counts(knobs, family)), axis=-1)


def _counts(knobs: Columns, family: str) -> list[Floats]:
    rows, cols, bits, banks, a_depth, b_depth = (
        np.asarray(knobs[name], dtype=float)
        for name in ("rows", "cols", "operand_bits", "banks", "a_depth", "b_depth")
    )
    pipeline = np.asarray(knobs["pipeline"])
    return [
        np.ones_like(rows),
        rows * cols,
        rows * cols * (pipeline > 0),  # product registers
        rows * cols * np.log2(rows),  # a column's sums grow with its height, if they move
        rows,
        cols,
        (rows + cols) * (pipeline == 2),  # operand registers at the edges; inside they exist
        rows * (rows - 1) / 2 + cols * (cols - 1) / 2,  # skew registers
        memory_blocks(rows * bits, a_depth, banks) + memory_blocks(cols * bits, b_depth, banks),
        (rows + cols) * bits * (banks - 1),  # choosing between banks
        _result_cells(knobs, family),
        np.log2(a_depth) + np.log2(b_depth),  # pointers
    ]


def _result_cells(knobs: Columns, family: str) -> Floats:
    """Return LUT memories of 16 words, or on an ASIC words of flip-flops, in result buffers."""
    cols, rows = (np.asarray(knobs[name], dtype=float) for name in ("cols", "result_rows"))
    if family != _ASIC:
        return np.asarray(cols * np.ceil(rows / 16))
    words, width, _ = _result_memories(knobs)
    return np.where(words * width > FLOP_LIMIT_BITS, 0.0, cols * rows)


def _result_memories(knobs: Columns) -> tuple[Floats, Floats, Floats]:
    """Return words, width and number of the result buffers' memories."""
    halves = np.where(np.asarray(knobs["dataflow"]) == "ws", 2, 1)
    width = np.asarray(knobs["accum_bits"], dtype=float)
    return knobs["result_rows"] / halves, width, knobs["cols"] * halves


def macro_area_um2(knobs: Columns) -> Floats:
    """Return the area of all memory macros of sky130 designs, as synthesis binds them."""
    banks = np.asarray(knobs["banks"], dtype=float)
    operands = [
        (knobs[depth] / banks, knobs[side] * knobs["operand_bits"], banks)
        for depth, side in (("a_depth", "rows"), ("b_depth", "cols"))
    ]
    total: Floats = np.zeros_like(banks)
    for words, width, count in (*operands, _result_memories(knobs)):
        area = count * memory_fit().area_um2(words, width)
        total = total + np.where(words * width > FLOP_LIMIT_BITS, area, 0.0)
    return total


def memory_blocks(width: Floats, depth: Floats, banks: Floats) -> Floats:
    """Return how many 18 kbit memories of at most 36 bits the banks of a buffer take."""
    words = depth / banks
    best = np.full(np.broadcast(width, words).shape, np.inf)
    for bits, entries in ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)):
        best = np.minimum(best, np.ceil(width / bits) * np.ceil(words / entries))
    return best * banks


def clock_features(knobs: Columns) -> Floats:
    """Return what the logarithm of the clock period is linear in, shape (designs, features)."""
    return np.stack(np.broadcast_arrays(*_clock_counts(knobs)), axis=-1).astype(float)


def _clock_counts(knobs: Columns) -> list[Floats]:
    rows, cols = (np.asarray(knobs[name], dtype=float) for name in ("rows", "cols"))
    depths = [np.log2(np.asarray(knobs[n], dtype=float)) for n in ("a_depth", "b_depth")]
    bits = np.log2(np.asarray(knobs["operand_bits"], dtype=float) / 8)
    pipeline = np.asarray(knobs["pipeline"])
    ws = np.asarray(knobs["dataflow"]) == "ws"
    lut = np.asarray(knobs["multiplier"]) == "lut"
    product_in_path = pipeline == 0
    return [
        np.ones_like(rows),
        np.log2(rows * cols),
        sum(depths[1:], depths[0]),
        np.asarray(knobs["banks"], dtype=float) - 1,
        ws,
        lut,
        bits,
        lut * bits,
        pipeline == 2,
        product_in_path,
        product_in_path & ws,
        product_in_path & lut,
        product_in_path * bits,
    ]


def group_of(dataflow: str, multiplier: str, operand_bits: int) -> str:
    """Return the name under which a group's coefficients are kept."""
    return f"{dataflow}/{multiplier}/{operand_bits}"


def fit_group(
    knobs: Columns, measured: Mapping[str, NDArray[Any]], family: str = "ecp5"
) -> dict[str, Any]:
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
        x = features(knobs, family)[known]
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


def fits() -> dict[str, Any]:
    """Return ``additive.json``: per family its groups and its clock, with the errors of the fit."""
    return _table()


def fit_note(family: str) -> str:
    """Return in words what the coefficients of a family rest on."""
    entry = _table().get(family, {})
    area = sum(group["designs"] for group in entry.get("groups", {}).values())
    clock = entry.get("clock", {}).get("designs", 0)
    return f"additive.json, fitted to the area of {area} designs and the clock of {clock}"


def is_current(group: Mapping[str, Any]) -> bool:
    """Whether a group was fitted to the features as they are now."""
    return all(len(weights) == FEATURES for weights in group["coefficients"].values())


def predict(knobs: Columns, family: str) -> dict[str, Floats]:
    """Return predicted figures of every design as equally long arrays.

    Parameters
    ----------
    knobs : mapping of str to array
        Columns of `MatrixConfig` fields, all of one length; or a mesh (`space_mesh`), of which
        they broadcast: then each term is computed along its own knobs only, which is faster.
    family : str
        Target family, such as ``"ecp5"``.

    Raises
    ------
    KilnError
        No coefficients were fitted for a combination that occurs.
    """
    shape = np.broadcast_shapes(*(np.shape(values) for values in knobs.values()))
    number, groups = _groups(knobs, family)
    counts = _counts(knobs, family)
    result: dict[str, Floats] = {}
    for name in dict.fromkeys(name for group in groups for name in group):
        weights = np.array([group.get(name, [0.0] * FEATURES) for group in groups]).T
        terms = [count * weight[number] for count, weight in zip(counts, weights, strict=True)]
        result[name] = _sum(terms)
    if "cell_area_um2" in result:
        result["area_um2"] = result.pop("cell_area_um2") + macro_area_um2(knobs)
    clock = _table()[family].get("clock")
    if clock is None:
        raise KilnError(
            f"no clock is known on {family}; measure some designs with "
            f"`python -m dse.calibrate --family {family} --clock`"
        )
    terms = [
        count * weight
        for count, weight in zip(_clock_counts(knobs), clock["coefficients"], strict=True)
    ]
    result["clock_mhz"] = np.exp(-_sum(terms))
    return {name: np.broadcast_to(values, shape) for name, values in result.items()}


def _groups(knobs: Columns, family: str) -> tuple[NDArray[np.int64], list[dict[str, list[float]]]]:
    """Return the number of each design's group, and the coefficients of every group."""
    values = [np.unique(knobs[name]) for name in GROUP_KNOBS]
    places = [np.searchsorted(v, knobs[name]) for name, v in zip(GROUP_KNOBS, values, strict=True)]
    number = np.ravel_multi_index(np.broadcast_arrays(*places), tuple(len(v) for v in values))
    known = _table().get(family, {}).get("groups", {})
    coefficients: list[dict[str, list[float]]] = [{} for _ in product(*values)]
    labels = [group_of(*combination) for combination in product(*values)]
    for at in np.unique(number):
        if labels[at] not in known or not is_current(known[labels[at]]):
            raise KilnError(
                f"nothing is known about {labels[at]} on {family}; measure some designs with "
                f"`python -m dse.calibrate --family {family}`"
            )
        coefficients[at] = known[labels[at]]["coefficients"]
    return number, coefficients


def _sum(terms: list[Floats]) -> Floats:
    """Return the sum of arrays that broadcast, the smallest first."""
    total: Floats = sum(sorted(terms, key=np.size), start=np.zeros(1))
    return total
