"""GEMMs of one row, as decode steps have them at every context: dozens of shapes in one product.

With ``m = 1`` and an A that fits its buffer nothing is ever replayed, B's port never waits less
than the memory as a whole (it takes as many words as A and the results together), and the time
depends on N through the number of column tiles only. So a job's cycles are

    wait + drain + max(grow(x), span)    with    x = port . view,

`port` counts of words that do not depend on clock or memory: over all shapes a matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hw.matrix.closed_form import START

from .shapes import GemmShapes
from .terms import shape_terms
from .timing import MemoryView

__all__ = [
    "VECTOR_KNOBS",
    "VectorTerms",
    "is_vector",
    "vector_cycles",
    "vector_terms",
    "view_ports",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]

VECTOR_KNOBS = ("rows", "cols", "dataflow", "result_rows", "pipeline")
"""Knobs that decide the terms: no depths, since nothing is replayed."""


class VectorTerms(NamedTuple):
    """All shapes of one row on one array.

    Members
    -------
    port : array, shape (shapes, 4)
        Words of B, words of A and result rows beside them, and 1.
    span : array, shape (shapes, 1)
        Cycles from the first step to the last, if nothing waits.
    weights : array, shape (2, shapes)
        How often each shape runs in prefill and decode.
    drain : float
        Cycles from the last step to the last row.
    """

    port: Floats
    span: Floats
    weights: Floats
    drain: float


def is_vector(shapes: GemmShapes, a_depth: Ints) -> NDArray[np.bool_]:
    """Return which shapes have one row that fits the buffer of A on every design."""
    vector: NDArray[np.bool_] = (shapes.m == 1) & (shapes.k <= a_depth.min(initial=1 << 20))
    return vector


def vector_terms(shapes: GemmShapes, knobs: Columns) -> list[VectorTerms]:
    """Return the terms on every array; `knobs` holds equally long arrays for `VECTOR_KNOBS`."""
    result: dict[int, VectorTerms] = {}
    ones = np.ones(len(knobs["rows"]), dtype=np.int64)
    deep = {"a_depth": ones << 20, "b_depth": ones << 20, "accum_bits": ones * 8}
    every = {name: np.asarray(knobs[name]) for name in VECTOR_KNOBS} | deep
    for cols in np.unique(every["cols"]):
        here = np.flatnonzero(every["cols"] == cols)
        k, n, weights = _merged(shapes, int(cols))
        terms = shape_terms(1, k[:, None], n[:, None], {f: v[here] for f, v in every.items()})
        words = (terms.port_b, terms.port_b_a, terms.port_b_r)
        port = np.stack([*words, np.ones_like(terms.port_b)], axis=-1)
        drain = terms.drain.max(axis=0, initial=0.0)  # all the same
        span = terms.stall_free - terms.drain + 1 - START
        for at, number in enumerate(here):
            result[int(number)] = VectorTerms(
                np.ascontiguousarray(port[:, at]),
                np.ascontiguousarray(span[:, at, None]),
                weights,
                float(drain[at]),
            )
    return [result[number] for number in range(len(ones))]


def _merged(shapes: GemmShapes, cols: int) -> tuple[Ints, Ints, Floats]:
    """Return K, N and weights of shapes that differ on an array of so many columns."""
    tiles = -(-shapes.n // cols)
    pairs, which = np.unique(np.stack([shapes.k, tiles]), axis=1, return_inverse=True)
    counts = [
        np.bincount(which.reshape(-1), runs, minlength=pairs.shape[1])
        for runs in (shapes.prefill, shapes.decode)
    ]
    return pairs[0], pairs[1] * cols, np.stack(counts)


def vector_cycles(terms: VectorTerms, ports: Floats, wait: NDArray[np.floating[Any]]) -> Floats:
    """Return the cycles of all runs in prefill and decode, shape (2, designs).

    Parameters
    ----------
    terms : VectorTerms
        Of the array that all designs share.
    ports : array, shape (2, 4, designs)
        `view_ports` of the designs.
    wait : array, shape (designs,)
        Cycles before the first step.
    """
    plain, grown = terms.port @ ports
    np.maximum(plain, grown, out=plain)
    np.maximum(plain, terms.span, out=plain)
    runs = terms.weights.sum(axis=1, keepdims=True)
    cycles: Floats = terms.weights @ plain + runs * (wait + terms.drain)
    return cycles


def view_ports(view: MemoryView) -> Floats:
    """Return what multiplies `VectorTerms.port`, without refreshes and with them."""
    plain = np.stack([view.b, view.a_beside_b, view.row_beside_b, np.zeros_like(view.b)])
    grown = plain * view.slower
    grown[3] = -view.head
    return np.stack([plain, grown])
