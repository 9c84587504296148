"""Write enables of memories as single bits: what lowering spread over a word, as it was."""

from __future__ import annotations

from dataclasses import replace

from boards.frozen import Bit, Cell, Frozen, MemoryCell

from .builder import Word

__all__ = ["with_plain_enables"]


def with_plain_enables(netlist: Frozen) -> Frozen:
    """Return the netlist with enables that are one bit for a whole word written so.

    A multiplexer of all ones and all zeros is its select; bits of one are written together, by one
    code, and without reading the word first. Multiplexers that nobody reads any more are left out.
    """
    spread: dict[Bit, Bit] = {}
    from_mux: dict[Bit, str] = {}
    for cell in netlist.cells:
        if cell.type == "$mux":
            spread |= _spread(cell)
            from_mux |= dict.fromkeys(cell.output, cell.name)
    memories = tuple(_plain(memory, spread) for memory in netlist.memories)
    changed = replace(netlist, memories=memories)
    before = {bit for m in netlist.memories for _, _, enable in m.writes for bit in enable}
    read = set(_read(changed))
    gone = {
        cell.name
        for cell in netlist.cells
        if cell.type == "$mux"
        and not read.intersection(cell.output)
        and before.intersection(cell.output)
    }
    cells = tuple(cell for cell in netlist.cells if cell.name not in gone)
    return replace(changed, cells=cells)


def _spread(cell: Cell) -> dict[Bit, Bit]:
    """Return the outputs of a multiplexer that are its select."""
    pairs = zip(cell.output, cell.inputs["A"], cell.inputs["B"], strict=True)
    return {y: cell.inputs["S"][0] for y, a, b in pairs if (a, b) == ("0", "1")}


def _plain(memory: MemoryCell, spread: dict[Bit, Bit]) -> MemoryCell:
    def plain(enable: Word) -> Word:
        found = enable
        while (following := tuple(spread.get(bit, bit) for bit in found)) != found:
            found = following
        return found

    writes = tuple((a, d, plain(e)) for a, d, e in memory.writes)
    return replace(memory, writes=writes)


def _read(netlist: Frozen) -> list[Bit]:
    found: list[Bit] = []
    for cell in netlist.cells:
        for bits in cell.inputs.values():
            found += bits
    for flop in netlist.flops:
        found += flop.d
    for memory in netlist.memories:
        for address, _ in memory.reads:
            found += address
        for write in memory.writes:
            for bits in write:
                found += bits
    for port in netlist.outputs:
        found += port.bits
    return found
