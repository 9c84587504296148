"""The graph of one module, and of a design as its modules with their counts."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEATURES", "KINDS", "DesignGraph", "ModuleGraph"]

KINDS = (
    "input",
    "output",
    "add",
    "subtract",
    "negate",
    "multiply",
    "divide",
    "and",
    "or",
    "xor",
    "not",
    "reduce",
    "equal",
    "less",
    "mux",
    "select",
    "shift",
    "part_select",
    "register",
    "memory_read",
    "memory_write",
    "instance",
)
"""What a node is. ``select`` is one ``if`` or ``case`` of a process, ``part_select`` a slice whose
place is a signal, ``instance`` another module: a super-node that stands for all of it."""

FEATURES = (
    "width",
    "inputs",
    "in_bits",
    "constant_bits",
    "narrowest",
    "words",
    "clocked",
    "fanout",
    "depth",
)
"""Integers of a node: bits of its result; operands; their bits together, and how many of these are
constants; bits of its narrowest operand; words of its memory; whether its result changes with the
clock alone; how many nodes read it; operators on the longest way to it from a register, a memory,
or an input."""

_DIGEST = 16


@dataclass(frozen=True, eq=False)
class ModuleGraph:
    """Words and operators of one module, before anything is mapped.

    Members
    -------
    kinds : array of uint8, ``[nodes]``
        Index into `KINDS`.
    features : array of int32, ``[nodes, FEATURES]``
    edges : array of int32, ``[edges, 3]``
        Node that is read, node that reads it, bits.
    children : dict of int to str
        Module that each node of kind ``instance`` stands for, by its name in the design; foreign
        cells are left out.
    """

    kinds: NDArray[np.uint8]
    features: NDArray[np.int32]
    edges: NDArray[np.int32]
    children: Mapping[int, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Equal for equal graphs, whatever their names."""
        whole = hashlib.sha256()
        for part in (self.kinds, self.features, self.edges):
            whole.update(np.ascontiguousarray(part).tobytes())
        return whole.hexdigest()[:_DIGEST]

    def to_bytes(self) -> bytes:
        """Return the graph as a compressed ``.npz``, for `from_bytes`."""
        made = io.BytesIO()
        np.savez_compressed(
            made,
            kinds=self.kinds,
            features=self.features,
            edges=self.edges,
            child_nodes=np.array(list(self.children), dtype=np.int32),
            child_names=np.array(list(self.children.values()), dtype=np.str_),
        )
        return made.getvalue()

    @classmethod
    def from_bytes(cls, packed: bytes) -> ModuleGraph:
        """Return the graph that `to_bytes` packed."""
        with np.load(io.BytesIO(packed)) as found:
            nodes, names = found["child_nodes"].tolist(), found["child_names"].tolist()
            return cls(
                kinds=found["kinds"],
                features=found["features"],
                edges=found["edges"],
                children=dict(zip(nodes, names, strict=True)),
            )


@dataclass(frozen=True, eq=False)
class DesignGraph:
    """A design: its modules, children before parents and the top module last.

    Members
    -------
    modules : dict of str to ModuleGraph
        By name.
    counts : dict of str to int
        How often each occurs: an array of 4,096 equal elements is one graph with a count.
    """

    modules: Mapping[str, ModuleGraph]
    counts: Mapping[str, int]
