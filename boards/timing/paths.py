"""Longest paths over timed arcs, the nets being in an order in which all arcs run forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from boards.netlist import Bit, Module

from .records import FALL, NEVER, RISE, Edge, Node

__all__ = ["longest_tails", "ways_through"]

Edges = Mapping[Node, Sequence[Edge]]


def longest_tails(
    order: Sequence[Bit], edges: Edges, ends: Mapping[Node, float]
) -> dict[Node, float]:
    """Return for every node the longest way to a register; `ends` has the set-up times there."""
    tails = dict(ends)
    for bit in reversed(order):
        for edge in (RISE, FALL):
            tail = tails.get((bit, edge), NEVER)
            for arc in edges.get((bit, edge), ()):
                if arc.source is not None and tail + arc.delay > tails.get(arc.source, NEVER):
                    tails[arc.source] = tail + arc.delay
    return tails


def ways_through(
    module: Module, order: Sequence[Bit], edges: Edges
) -> dict[tuple[str, int, str, int], float]:
    """Return the longest ways from inputs to outputs that meet no register."""
    outputs = {port: bit for port, bit in module.outputs.items() if isinstance(bit, int)}
    cone = _cone(set(outputs.values()), order, edges)
    inside = [bit for bit in order if bit in cone]
    found: dict[tuple[str, int, str, int], float] = {}
    for port, start in module.inputs.items():
        if start not in cone:
            continue
        for before in (RISE, FALL):
            reach = _reach((start, before), inside, edges)
            for out, bit in outputs.items():
                for after in (RISE, FALL):
                    if (bit, after) in reach:
                        found[port, before, out, after] = reach[bit, after]
    return found


def _cone(goals: set[Bit], order: Sequence[Bit], edges: Edges) -> set[Bit]:
    """Return all nets from which combinational logic leads to `goals`, these included."""
    cone = set(goals)
    for bit in reversed(order):
        if bit in cone:
            arcs = (arc for edge in (RISE, FALL) for arc in edges.get((bit, edge), ()))
            cone.update(arc.source[0] for arc in arcs if arc.source is not None)
    return cone


def _reach(start: Node, order: Sequence[Bit], edges: Edges) -> dict[Node, float]:
    """Return every node of `order` that an edge at `start` leads to, and the longest delay."""
    reach = {start: 0.0}
    for bit in order:
        for edge in (RISE, FALL):
            arcs = edges.get((bit, edge), ())
            times = [reach[arc.source] + arc.delay for arc in arcs if arc.source in reach]
            if times:
                reach[bit, edge] = max(times)
    return reach
