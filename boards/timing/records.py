"""Records of the timer: nets and edges, a module's surroundings, and the result for a module."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from boards.netlist import Bit, Instance, Module

__all__ = ["FALL", "NEVER", "RISE", "Context", "Edge", "ModuleTiming", "Node", "Step"]

NEVER = -math.inf
RISE, FALL = 0, 1
Node = tuple[Bit, int]
"""A net and the edge on it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a path report: what the signal passes, and the delay this adds, in ns."""

    place: str
    cell: str
    delay_ns: float


@dataclass(slots=True)
class Context:
    """Surroundings of a module: worst load on its outputs and slowest edge at its inputs."""

    clock_slew_ns: float
    input_slew_ns: float
    loads_pf: dict[str, float] = field(default_factory=dict)
    slews_ns: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Edge:
    """A timing arc with its delay: from `source` (None: a clock edge) to a node."""

    source: Node | None
    delay: float
    instance: Instance
    pins: tuple[str, str, int, int]


@dataclass(slots=True)
class ModuleTiming:
    """Longest paths of a module, by where they begin and end.

    Members
    -------
    loads_pf : dict
        Capacitance of each input pin.
    launches : dict
        ``(pin, edge)`` of an output: arrival after the clock.
    through : dict
        ``(input pin, edge, output pin, edge)``: delay without a register between.
    tails : dict
        ``(input pin, edge)``: longest way to a register, its setup time included.
    slews_ns : dict
        ``(pin, edge)`` of an output: slowest edge.
    critical : tuple of float, Node or None
        Longest path between registers inside, and the node at its end.
    clocks : set of str
        Input pins that only clock registers.
    """

    module: Module
    loads_pf: dict[str, float]
    launches: dict[tuple[str, int], float]
    through: dict[tuple[str, int, str, int], float]
    tails: dict[tuple[str, int], float]
    slews_ns: dict[tuple[str, int], float]
    critical: float
    critical_end: tuple[Node, Instance, str] | None
    clocks: set[str]
    net_slews: Mapping[Node, float]
    net_loads: Mapping[Bit, float]
    arrivals: Mapping[Node, float]
    edges: Mapping[Node, list[Edge]]
    ends: Mapping[Node, tuple[float, Instance, str]]
    children: Mapping[str, ModuleTiming]
    buffers: int = 0
