"""Puts a module's graph together: nodes first, edges when all drivers are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.export.rtlil import Chunk, Sig

from .module import FEATURES, KINDS, ModuleGraph

__all__ = ["Builder"]

_CONSTANT = -1
_STARTS = frozenset(KINDS.index(kind) for kind in ("input", "instance"))
"""Where paths begin, beside clocked nodes: an instance's insides are counted in its own graph."""


class Builder:
    """Collects nodes, who drives which wire, and who reads what.

    Members
    -------
    children : dict of int to str
        Modules that nodes of kind ``instance`` stand for.
    """

    def __init__(self) -> None:
        self.children: dict[int, str] = {}
        self._kinds: list[int] = []
        self._widths: list[int] = []
        self._words: list[int] = []
        self._clocked: list[int] = []
        self._drivers: dict[str, int] = {}
        self._copies: dict[str, Sig] = {}
        self._reads: list[tuple[int, Sig]] = []
        self._direct: list[tuple[int, int, int]] = []

    def node(self, kind: str, width: int, *, words: int = 0, clocked: bool = False) -> int:
        """Add a node and return its number."""
        self._clocked.append(int(clocked))
        self._kinds.append(KINDS.index(kind))
        self._widths.append(width)
        self._words.append(words)
        return len(self._kinds) - 1

    def drive(self, wire: str, node: int) -> None:
        """Say which node drives a wire."""
        self._drivers[wire] = node

    def copy(self, wire: str, sig: Sig) -> None:
        """Say of which other wires a wire is put together."""
        self._copies[wire] = sig

    def read(self, node: int, sig: Sig) -> None:
        """Say that a node has `sig` as an operand."""
        if sig:
            self._reads.append((node, sig))

    def read_node(self, node: int, other: int, width: int) -> None:
        """Say that a node has another as an operand."""
        self._direct.append((other, node, width))

    def pass_out(self, node: int, wire: str) -> None:
        """Say which wire leaves the module at a node of kind ``output``."""
        self._reads.append((node, (Chunk(wire, 0, self._widths[node]),)))

    def graph(self) -> ModuleGraph:
        """Return what was collected."""
        operands: list[list[tuple[int, int]]] = [[] for _ in self._kinds]
        narrowest = [0] * len(self._kinds)
        count = [0] * len(self._kinds)
        for node, sig in self._reads:
            found = list(self._driven(sig, 0))
            width = sum(bits for _, bits in found)
            operands[node] += found
            count[node] += 1
            narrowest[node] = min(narrowest[node] or width, width)
        for other, node, width in self._direct:
            operands[node].append((other, width))
            count[node] += 1
        edges: dict[tuple[int, int], int] = {}
        for node, found in enumerate(operands):
            for other, bits in found:
                if other != _CONSTANT:
                    edges[other, node] = edges.get((other, node), 0) + bits
        readers = np.array([other for other, _ in edges], dtype=np.int64)
        features = np.zeros((len(self._kinds), len(FEATURES)), dtype=np.int32)
        columns: dict[str, NDArray[np.int64] | list[int]] = {
            "width": self._widths,
            "inputs": count,
            "in_bits": [sum(bits for _, bits in found) for found in operands],
            "constant_bits": [sum(b for o, b in found if o == _CONSTANT) for found in operands],
            "narrowest": narrowest,
            "words": self._words,
            "clocked": self._clocked,
            "fanout": np.bincount(readers, minlength=len(self._kinds)),
            "depth": self._depths(operands),
        }
        for name, values in columns.items():
            features[:, FEATURES.index(name)] = values
        return ModuleGraph(
            kinds=np.array(self._kinds, dtype=np.uint8),
            features=features,
            edges=np.array([(a, b, w) for (a, b), w in edges.items()], np.int32).reshape(-1, 3),
            children=dict(self.children),
        )

    def _driven(self, sig: Sig, level: int) -> list[tuple[int, int]]:
        """Return the nodes behind `sig`, and how many bits each gives."""
        found: list[tuple[int, int]] = []
        for chunk in sig:
            if chunk.wire in self._drivers:
                found.append((self._drivers[chunk.wire], chunk.width))
            elif chunk.wire in self._copies and level < 64:
                inner = self._driven(self._copies[chunk.wire], level + 1)
                found += _cut(inner, chunk.low, chunk.width)
            else:
                found.append((_CONSTANT, chunk.width))
        return found

    def _begins(self, node: int) -> bool:
        return bool(self._clocked[node]) or self._kinds[node] in _STARTS

    def _depths(self, operands: list[list[tuple[int, int]]]) -> list[int]:
        """Return how many operators are on the longest way to each node from where paths begin.

        A loop through instances, whose insides are not looked at, cannot be: these begin paths.
        """
        depth = [-1] * len(operands)
        for start in range(len(operands)):
            stack = [start]
            while stack:
                node = stack[-1]
                if depth[node] >= 0:
                    stack.pop()
                    continue
                before = [] if self._begins(node) else [o for o, _ in operands[node]]
                missing = [o for o in before if o >= 0 and depth[o] < 0]
                if missing and len(stack) <= len(operands):
                    stack += missing
                    continue
                reached = [depth[o] for o in before if o >= 0 and depth[o] >= 0]
                depth[node] = 1 + max(reached) if reached else int(bool(before))
                stack.pop()
        return depth


def _cut(found: list[tuple[int, int]], low: int, width: int) -> list[tuple[int, int]]:
    """Return the part of `found` from bit `low` on."""
    kept = []
    for node, bits in found:
        first, last = max(low, 0), min(low + width, bits)
        if first < last:
            kept.append((node, last - first))
        low -= bits
    return kept
