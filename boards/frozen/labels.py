"""Names of cells: the net that a cell drives, else its operator and line, in its instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .names import Names
from .netlist import Bit, Cell, Frozen

__all__ = ["labelled"]


def labelled(netlist: Frozen, names: Names) -> Frozen:
    """Return the netlist with names of cells that a reader of the source knows.

    ``u_fifo.level_next`` where a cell drives all of a net; else ``u_fifo.add:12``, of line 12. What
    `read_slang` flattened itself says no instance: then it is that of what the cell's value reaches
    first.
    """
    scopes = _scopes(netlist) if names.is_slang else {}
    used = {flop.name for flop in netlist.flops} | {memory.name for memory in netlist.memories}
    cells = []
    for index, cell in enumerate(netlist.cells):
        label = cell.name
        if label.startswith("$"):
            label = names.net(cell.name, cell.output) or _operator(cell, names, scopes.get(index))
        count, unique = 1, label
        while unique in used:
            count += 1
            unique = f"{label}#{count}"
        used.add(unique)
        cells.append(replace(cell, name=unique))
    return replace(netlist, cells=tuple(cells))


def _operator(cell: Cell, names: Names, scope: str | None) -> str:
    line = cell.source.rpartition(":")[2]
    prefix = names.instance(cell.name) if scope is None else scope
    return f"{prefix}{cell.type.lstrip('$')}{f':{line}' if line else ''}"


def _scopes(netlist: Frozen) -> dict[int, str]:
    """Return of each unnamed cell the instance, with a dot, of the state or net that it reaches."""
    driver = {bit: at for at, cell in enumerate(netlist.cells) for bit in cell.output}
    found: dict[int, str] = {}
    waiting: list[tuple[Sequence[Bit], str]] = [
        (flop.d, _scope(flop.name)) for flop in netlist.flops
    ]
    for memory in netlist.memories:
        scope = _scope(memory.name)
        waiting += [(address, scope) for address, _ in memory.reads]
        waiting += [(bits, scope) for write in memory.writes for bits in write]
    for cell in netlist.cells:
        if not cell.name.startswith("$"):
            waiting += [(bits, _scope(cell.name)) for bits in cell.inputs.values()]
    waiting += [(port.bits, "") for port in reversed(netlist.outputs)]
    waiting.reverse()
    while waiting:
        bits, scope = waiting.pop()
        for at in {driver[bit] for bit in bits if bit in driver}:
            if at not in found:
                found[at] = scope
                waiting += [(inputs, scope) for inputs in netlist.cells[at].inputs.values()]
    return found


def _scope(name: str) -> str:
    inside, dot, _ = name.rpartition(".")
    return inside + dot
