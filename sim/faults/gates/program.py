"""A netlist of gates as the numbers that ``gates.cpp`` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Bit, Frozen
from hw.contracts import ConfigError

from .cells import READ

__all__ = ["Program", "write_program"]

Node = tuple[int, int, list[Bit], Sequence[Bit]]
"""Operation, index (of a cell, or of a memory and its port), what is read, what is driven."""


@dataclass(frozen=True)
class Program:
    """What the program reads, and where nets are in it.

    Members
    -------
    numbers : array of uint32
        The design.
    flops : array of uint32
        Net of each flip-flop bit, all words one after the other.
    cells : array of uint32
        Net of each cell's output.
    """

    numbers: NDArray[np.uint32]
    flops: NDArray[np.uint32]
    cells: NDArray[np.uint32]


def write_program(netlist: Frozen, operation: Mapping[str, int]) -> Program:
    """Return a program; `operation` gives the number of each type of cell."""
    nodes = list(_nodes(netlist, operation))
    levels = _levels(netlist, nodes)
    order = sorted(range(len(nodes)), key=lambda at: (levels[at], nodes[at][0]))
    net = _numbered(netlist, [nodes[at] for at in order])
    found = [len(net)]
    runs: list[list[int]] = []
    last = READ, 0
    for at in order:
        kind, index, reads, drives = nodes[at]
        if kind == READ:
            runs.append([READ, 1, *divmod(index, 1 << 16)])
            continue
        if not runs or (kind, levels[at]) != last:
            runs.append([kind, 0])
        last = kind, levels[at]
        runs[-1][1] += 1
        runs[-1] += [net[drives[0]], *(net[bit] for bit in reads)]
    found.append(len(runs))
    for run in runs:
        found += run
    q = [net[bit] for flop in netlist.flops for bit in flop.q]
    found += _list(q)
    found += _list(net[bit] for flop in netlist.flops for bit in flop.d)
    found += _list(flop.init >> at & 1 for flop in netlist.flops for at in range(len(flop.q)))
    found += _list(net[bit] for port in netlist.inputs for bit in port.bits)
    found.append(len(netlist.ports))
    for port in netlist.ports:
        found += _list(net[bit] for bit in port.bits)
    found += _memories(netlist, net)
    return Program(
        np.array(found, dtype=np.uint32),
        np.array(q, dtype=np.uint32),
        np.array([net[cell.output[0]] for cell in netlist.cells], dtype=np.uint32),
    )


def _list(values: Iterable[int]) -> list[int]:
    listed = list(values)
    return [len(listed), *listed]


def _nodes(netlist: Frozen, operation: Mapping[str, int]) -> Iterable[Node]:
    for at, cell in enumerate(netlist.cells):
        if cell.type not in operation or len(cell.output) != 1:
            raise ConfigError(f"{cell.name}: a cell of type {cell.type} is no gate; map it first")
        yield operation[cell.type], at, [bit for (bit,) in cell.inputs.values()], cell.output
    for at, memory in enumerate(netlist.memories):
        for number, (address, data) in enumerate(memory.reads):
            yield READ, at << 16 | number, list(address), data


def _levels(netlist: Frozen, nodes: Sequence[Node]) -> list[int]:
    """Return how many gates are before each, itself included."""
    source = {bit: at for at, node in enumerate(nodes) for bit in node[3]}
    users: list[list[int]] = [[] for _ in nodes]
    left = [0] * len(nodes)
    for at, (_, _, reads, _) in enumerate(nodes):
        for before in {source[bit] for bit in reads if bit in source}:
            users[before].append(at)
            left[at] += 1
    levels = [1] * len(nodes)
    ready = [at for at, count in enumerate(left) if not count]
    for at in ready:  # grows
        for user in users[at]:
            levels[user] = max(levels[user], levels[at] + 1)
            left[user] -= 1
            if not left[user]:
                ready.append(user)
    if len(ready) < len(nodes):
        raise ConfigError(f"{netlist.top}: the gates form a combinational loop; break it")
    return levels


def _numbered(netlist: Frozen, nodes: Sequence[Node]) -> dict[Bit, int]:
    """Return a number for each net: constants, flip-flops, inputs, gates as they are evaluated."""
    net: dict[Bit, int] = {"0": 0, "1": 1}
    driven = [bit for flop in netlist.flops for bit in flop.q]
    driven += [bit for port in netlist.ports if port.is_input for bit in port.bits]
    driven += [bit for node in nodes for bit in node[3]]
    for bit in driven:
        net[bit] = len(net)
    return net | {"x": 0, "z": 0}


def _memories(netlist: Frozen, net: Mapping[Bit, int]) -> list[int]:
    found = [len(netlist.memories)]
    for memory in netlist.memories:
        found += [memory.width, memory.size, len(memory.reads)]
        for address, data in memory.reads:
            found += [*_list(net[bit] for bit in address), *(net[bit] for bit in data)]
        found.append(len(memory.writes))
        for address, data, enable in memory.writes:
            found += _list(net[bit] for bit in address)
            found += [net[bit] for bit in (*data, *enable)]
        for word in memory.init:
            for low in range(0, -(-memory.width // 64) * 64, 32):
                found.append(word >> low & 0xFFFFFFFF)
    return found
