"""Order of evaluation, and combinational loops.

Words may seem to depend on themselves where their bits do not, as in a carry chain written as
``c[8:1] = g | (p & c[7:0])``: such words are cut into bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hw.contracts import ConfigError

from .netlist import Bit, Cell, Frozen

__all__ = ["ordered"]

_BITWISE = ("$and", "$or", "$xor", "$xnor", "$not", "$mux", "$pos")
_SHOWN = 6  # places of a loop that a message names

Node = tuple[str, str, list[Bit], Sequence[Bit]]
"""Name, source, what is read, what is driven."""


def ordered(netlist: Frozen) -> Frozen:
    """Return the netlist with cells cut into bits where that takes a loop away.

    Raises
    ------
    ConfigError
        A combinational loop, with its places in the source.
    """
    stuck = _stuck(_nodes(netlist.cells, netlist))
    if not stuck:
        return netlist
    cells = [
        part
        for at, cell in enumerate(netlist.cells)
        for part in (_bits(cell) if at in stuck else [cell])
    ]
    changed = replace(netlist, cells=tuple(cells))
    nodes = _nodes(changed.cells, changed)
    stuck = _stuck(nodes)
    if not stuck:
        return changed
    places = list(dict.fromkeys(nodes[at][1] or nodes[at][0] for at in _loop(nodes, stuck)))
    first = min(range(len(places)), key=lambda at: _in_file(places[at]))
    places = places[first:] + places[:first]
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    raise ConfigError(
        f"{places[0]}: a combinational loop, through {', '.join(places[:_SHOWN])}{more}; "
        "break it with a register"
    )


def _in_file(place: str) -> tuple[str, int]:
    path, _, line = place.rpartition(":")
    return path, int(line) if line.isdigit() else 0


def _nodes(cells: Sequence[Cell], netlist: Frozen) -> list[Node]:
    nodes: list[Node] = [
        (
            cell.name,
            cell.source,
            [bit for bits in cell.inputs.values() for bit in bits],
            cell.output,
        )
        for cell in cells
    ]
    for memory in netlist.memories:
        nodes += [(memory.name, memory.source, list(a), data) for a, data in memory.reads]
    return nodes


def _stuck(nodes: Sequence[Node]) -> set[int]:
    """Return the nodes that are on loops, or behind one."""
    needs = _needs(nodes)
    users: dict[int, list[int]] = {}
    for at, before in enumerate(needs):
        for other in before:
            users.setdefault(other, []).append(at)
    left = [len(before) for before in needs]
    ready = [at for at, count in enumerate(left) if not count]
    while ready:
        for user in users.get(ready.pop(), ()):
            left[user] -= 1
            if not left[user]:
                ready.append(user)
    return {at for at, count in enumerate(left) if count}


def _needs(nodes: Sequence[Node]) -> list[set[int]]:
    source = {bit: at for at, node in enumerate(nodes) for bit in node[3] if isinstance(bit, int)}
    return [{source[bit] for bit in node[2] if bit in source} for node in nodes]


def _loop(nodes: Sequence[Node], stuck: set[int]) -> list[int]:
    """Return the nodes of one loop: backwards, what keeps a node waiting waits as well."""
    needs = _needs(nodes)
    path: list[int] = []
    seen: dict[int, int] = {}
    at = min(stuck)
    while at not in seen:
        seen[at] = len(path)
        path.append(at)
        at = min(needs[at] & stuck)
    return path[seen[at] :][::-1]


def _bits(cell: Cell) -> Iterator[Cell]:
    """Yield a bitwise cell as one cell for each bit; others as they are."""
    if cell.type not in _BITWISE or len(cell.output) == 1:
        yield cell
        return
    width = len(cell.output)
    both = all(cell.parameters.get(f"{pin}_SIGNED", 1) for pin in cell.inputs)
    for at, bit in enumerate(cell.output):
        inputs = {}
        for pin, bits in cell.inputs.items():
            if pin == "S":
                inputs[pin] = bits
                continue
            fill: Bit = bits[-1] if both and cell.type != "$mux" and bits else "0"
            inputs[pin] = ((*bits, *([fill] * width))[at],)
        parameters = {"WIDTH": 1} if cell.type == "$mux" else _NARROW
        yield Cell(f"{cell.name}[{at}]", cell.type, inputs, (bit,), parameters, cell.source)


_NARROW = {"A_WIDTH": 1, "B_WIDTH": 1, "Y_WIDTH": 1, "A_SIGNED": 0, "B_SIGNED": 0}
