"""Records of the timer: nets and edges, a module's surroundings, and the result for a module."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from boards.netlist import Bit, Instance, Module

from .buffers import BufferTree

__all__ = ["FALL", "NEVER", "RISE", "Context", "Edge", "ModuleTiming", "Node", "Step", "WireLoad"]

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


@dataclass(frozen=True, slots=True)
class WireLoad:
    """Capacitance of a net's wire, estimated from how many pins it reaches. The default is none.

    Parameters
    ----------
    pf_per_um : float
        Capacitance of a routing layer.
    first_um, next_um : float
        Length of a net with one load, and what every further load adds.
    """

    pf_per_um: float = 0.0
    first_um: float = 0.0
    next_um: float = 0.0

    def load_pf(self, fanout: int) -> float:
        return self.pf_per_um * (self.first_um + self.next_um * (fanout - 1))


@dataclass(slots=True)
class Context:
    """Surroundings of a module: worst load on its outputs and slowest edge at its inputs."""

    clock_slew_ns: float
    input_slew_ns: float
    wire: WireLoad = field(default_factory=WireLoad)
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
    net_slews, net_loads, arrivals : mapping
        Slowest edge and arrival after the clock of every node, and load of every net.
    edges, ends : mapping
        Timed arcs by the node they lead to, and set-up times by the node they hold at.
    children : mapping of str to ModuleTiming
        Timing of the modules inside, by name.
    trees : mapping
        Buffer tree of every net that a cell drives.
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
    trees: Mapping[Bit, BufferTree]

    @property
    def buffers(self) -> int:
        """How many buffers the module's nets will need."""
        return sum(tree.count for tree in self.trees.values())
