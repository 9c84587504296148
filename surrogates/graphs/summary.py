"""A module in a few dozen numbers: what baselines without message passing learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .module import FEATURES, KINDS, ModuleGraph

__all__ = ["SUMMARY", "summaries"]

_AT = {name: at for at, name in enumerate(FEATURES)}
_PARTS = ("nodes", "bits", "work")
SUMMARY = (
    *(f"{kind}_{part}" for kind in KINDS for part in _PARTS),
    "memory_bits",
    "depth",
    "edge_bits",
)
"""Of each kind of node: how many there are, bits of their results, and their work: bits of the
operands that are not constant, for a product the product of its operands' widths."""


def summaries(graph: ModuleGraph) -> NDArray[np.float64]:
    """Return the numbers named by `SUMMARY`."""
    columns = graph.features.astype(np.float64)
    width, in_bits, constant, narrowest, words, depth = (
        columns[:, _AT[name]]
        for name in ("width", "in_bits", "constant_bits", "narrowest", "words", "depth")
    )
    work = in_bits - constant
    product = graph.kinds == KINDS.index("multiply")
    work[product] = (narrowest * (in_bits - narrowest))[product]
    parts = [
        np.bincount(graph.kinds, weights=weights, minlength=len(KINDS))
        for weights in (np.ones_like(width), width, work)
    ]
    read = graph.kinds == KINDS.index("memory_read")
    rest = [(width * words)[read].sum(), depth.max(initial=0), graph.edges[:, 2].sum()]
    return np.concatenate([np.stack(parts, axis=1).ravel(), rest])
