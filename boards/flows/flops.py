"""Which flip-flops of a hierarchical netlist the flat one lacks, by name and with the reason.

Flat synthesis sees that two flip-flops of different modules always agree, or that one drives
nothing. Names tell which are gone: those of the source survive flattening. Why they are gone is
found without the flat netlist: the hierarchical one is joined into one graph, in which equal cells
with equal inputs are merged until nothing changes, and from whose outputs one walks back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

__all__ = ["UNEXPLAINED", "LostFlop", "lost_flops"]

UNEXPLAINED = "removed with the logic around it"
"""Reason of a flip-flop that is gone though nothing above says why."""

Net = int | str
Modules = Mapping[str, Any]
Names = Mapping[str, Set[str]]
"""Signal names of the source, by module."""

_ROUNDS = 1000  # one for each register of the longest chain of equal ones


@dataclass(frozen=True, slots=True)
class LostFlop:
    """A flip-flop by its path and bit, and what flat synthesis does with it."""

    name: str
    reason: str


@dataclass(slots=True)
class _Cell:
    name: str
    type: str
    parameters: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, Net], ...]
    outputs: dict[str, Net]


def lost_flops(
    modules: Modules, top: str, flat: Mapping[str, Any], source: Names, flop: Callable[[str], bool]
) -> tuple[tuple[LostFlop, ...], tuple[str, ...]]:
    """Return the flip-flops that `flat` lacks, and the names of those that it has in addition.

    Parameters
    ----------
    modules : mapping
        ``modules`` of the hierarchical netlist, in Yosys's JSON.
    top : str
        Name of the top module.
    flat : mapping
        Top module of the flat netlist.
    source : mapping
        Names that the source gives to signals, by module; all others were made on the way.
    flop : callable
        Whether a cell type is a flip-flop; its output is ``Q``.
    """
    graph = _Graph(modules, top, source)
    found = _flat_bits(flat)
    driven = {
        cell["connections"]["Q"][0]: name
        for name, cell in flat["cells"].items()
        if flop(cell["type"])
    }
    by_cell = {name: bit for bit, name in driven.items()}
    here: defaultdict[Net, list[_Cell]] = defaultdict(list)
    gone: list[tuple[_Cell, Set[Net]]] = []
    for cell in graph.cells:
        if flop(cell.type):
            bits = {found[name] for name in graph.names[graph.q(cell)] if name in found}
            if not graph.names[graph.q(cell)] and cell.name in by_cell:
                bits = {by_cell[cell.name]}
            kept = sorted(bits & driven.keys(), key=str)
            if kept:
                here[kept[0]].append(cell)
            else:
                gone.append((cell, bits))
    reasons = _Reasons(graph, here)
    lost = [
        LostFlop(graph.title(cell), f"merged with {graph.title(first)}")
        for first, *others in here.values()
        for cell in others
    ]
    lost += [LostFlop(graph.title(cell), reasons.of(cell, bits)) for cell, bits in gone]
    added = (name for bit, name in driven.items() if bit not in here)
    return tuple(sorted(lost, key=lambda item: item.name)), tuple(sorted(added))


def _flat_bits(flat: Mapping[str, Any]) -> dict[str, Net]:
    return {
        _bit_name(name, i, about): bit
        for name, about in flat["netnames"].items()
        for i, bit in enumerate(about["bits"])
    }


def _bit_name(name: str, i: int, about: Mapping[str, Any]) -> str:
    wide = len(about["bits"]) > 1 or about.get("offset")
    return f"{name}[{i + about.get('offset', 0)}]" if wide else name


class _Reasons:
    """Why flip-flops are gone: equal to another, seen by nobody, or constant."""

    def __init__(self, graph: _Graph, here: Mapping[Net, list[_Cell]]) -> None:
        self._graph = graph
        self._same = graph.merged()
        self._live = graph.live()
        kept = (cells[0] for cells in here.values())
        self._kept = {self._same(graph.q(cell)): cell for cell in kept}

    def of(self, cell: _Cell, bits: Set[Net]) -> str:
        q = self._graph.q(cell)
        if twin := self._kept.get(self._same(q)):
            return f"merged with {self._graph.title(twin)}"
        if q not in self._live:
            return "removed: no output depends on it"
        if constant := sorted(bit for bit in bits if isinstance(bit, str)):
            return f"removed: always {constant[0]}"
        return UNEXPLAINED


class _Graph:
    """The hierarchical netlist as one: cells with their paths, nets joined through ports."""

    def __init__(self, modules: Modules, top: str, source: Names) -> None:
        self._modules, self._source = modules, source
        self._parent: list[int] = []
        self._named: list[tuple[Net, str]] = []
        self.cells: list[_Cell] = []
        nets = self._enter(top, "")
        ports = modules[top]["ports"].values()
        self._outputs = [
            nets(bit) for port in ports if port["direction"] != "input" for bit in port["bits"]
        ]
        for cell in self.cells:
            cell.inputs = tuple((pin, self.root(net)) for pin, net in cell.inputs)
            cell.outputs = {pin: self.root(net) for pin, net in cell.outputs.items()}
        self.names: defaultdict[Net, list[str]] = defaultdict(list)
        for net, name in self._named:
            self.names[self.root(net)].append(name)

    def q(self, cell: _Cell) -> Net:
        """Return the net that a flip-flop drives."""
        return cell.outputs["Q"]

    def title(self, cell: _Cell) -> str:
        """Return the name that the source gives to a flip-flop, else that of its cell."""
        return next(iter(self.names[self.q(cell)]), cell.name)

    def merged(self) -> Callable[[Net], Net]:
        """Return what each net becomes when equal cells with equal inputs are one."""
        into: dict[Net, Net] = {}

        def same(net: Net) -> Net:
            while net in into:
                net = into[net]
            return net

        cells = self.cells
        for _ in range(_ROUNDS):
            first: dict[Any, _Cell] = {}
            unique = []
            for cell in cells:
                key = (cell.type, cell.parameters, tuple((p, same(n)) for p, n in cell.inputs))
                twin = first.setdefault(key, cell)
                if twin is cell:
                    unique.append(cell)
                else:
                    into.update(_pairs(cell, twin))
            if len(unique) == len(cells):
                break
            cells = unique
        return same

    def live(self) -> Set[Net]:
        """Return the nets on which an output of the design depends."""
        drivers = {net: cell for cell in self.cells for net in cell.outputs.values()}
        live, waiting = set[Net](), list(self._outputs)
        while waiting:
            net = self.root(waiting.pop())
            if net not in live:
                live.add(net)
                if cell := drivers.get(net):
                    waiting += [bit for _, bit in cell.inputs]
        return live

    def root(self, net: Net) -> Net:
        """Return the one that stands for all nets joined with `net`."""
        if isinstance(net, str):
            return net
        while self._parent[net] != net:
            self._parent[net] = net = self._parent[self._parent[net]]
        return net

    def _join(self, one: Net, other: Net) -> None:
        one, other = self.root(one), self.root(other)
        if isinstance(one, int) and isinstance(other, int):
            self._parent[one] = other

    def _enter(self, name: str, path: str) -> Callable[[Net], Net]:
        """Note the cells of one instance of a module and return its nets."""
        module, ids = self._modules[name], dict[Net, int]()

        def nets(bit: Net) -> Net:
            if isinstance(bit, str):
                return bit
            if bit not in ids:
                ids[bit] = len(self._parent)
                self._parent.append(ids[bit])
            return ids[bit]

        for net, about in module["netnames"].items():
            if net in self._source.get(name, ()):
                for i, bit in enumerate(about["bits"]):
                    self._named.append((nets(bit), path + _bit_name(net, i, about)))
        for key, about in module["cells"].items():
            if about["type"] in self._source:
                inner = self._enter(about["type"], f"{path}{key}.")
                ports = self._modules[about["type"]]["ports"]
                for inside, outside in _port_bits(ports, about["connections"]):
                    self._join(inner(inside), nets(outside))
            else:
                self.cells.append(_cell(path + key, about, nets))
        return nets


def _port_bits(
    ports: Mapping[str, Any], connections: Mapping[str, list[Net]]
) -> Iterator[tuple[Net, Net]]:
    for port, bits in connections.items():
        yield from zip(ports[port]["bits"], bits, strict=True)


def _cell(name: str, about: Mapping[str, Any], nets: Callable[[Net], Net]) -> _Cell:
    pins = [
        (f"{port}[{i}]" if len(bits) > 1 else port, about["port_directions"][port], nets(bit))
        for port, bits in sorted(about["connections"].items())
        for i, bit in enumerate(bits)
    ]
    return _Cell(
        name,
        about["type"],
        tuple(sorted((key, str(value)) for key, value in about["parameters"].items())),
        tuple((pin, net) for pin, direction, net in pins if direction == "input"),
        {pin: net for pin, direction, net in pins if direction != "input"},
    )


def _pairs(cell: _Cell, twin: _Cell) -> Iterator[tuple[Net, Net]]:
    """Yield the nets that `cell` drives with those that its twin drives."""
    for pin, net in cell.outputs.items():
        if pin in twin.outputs and isinstance(net, int):
            yield net, twin.outputs[pin]
