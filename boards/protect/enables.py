"""Write ports of memories as they were: what lowering spread over words, in front of them.

A port that writes under a condition becomes multiplexers of its enables, its address and its data,
bit by bit. Synthesis finds the parts that are written together, and ports of one address, only
where these are single bits and plain words again; so do codes.
"""

from __future__ import annotations

from dataclasses import replace

from boards.frozen import Bit, Frozen, MemoryCell

from .builder import Word

__all__ = ["read_bits", "with_plain_enables", "without_unread"]

Literals = frozenset[tuple[Bit, bool]]
"""Bits, and what each of them has to be."""
_ZERO = ("0", "x")
_NEVER: Literals = frozenset({("0", True)})


def with_plain_enables(netlist: Frozen) -> Frozen:
    """Return the netlist with write ports whose enables are single bits where they can be.

    Enables that are 1 under one condition are one bit. Of a multiplexer in front of an address or
    of data, whose select is known when something is written, the one side is taken. Multiplexers
    that nobody reads any more are left out.
    """
    ports = _Ports(netlist)
    memories = tuple(ports.plain(memory) for memory in netlist.memories)
    before = {bit for m in netlist.memories for write in m.writes for bits in write for bit in bits}
    return without_unread(replace(netlist, memories=memories), before)


class _Ports:
    """Write ports, and the multiplexers in front of them."""

    def __init__(self, netlist: Frozen) -> None:
        self._muxes: dict[Bit, tuple[Bit, Bit, Bit]] = {}
        for cell in netlist.cells:
            if cell.type == "$mux":
                (select,) = cell.inputs["S"]
                sides = zip(cell.inputs["A"], cell.inputs["B"], strict=True)
                pairs = zip(cell.output, sides, strict=True)
                self._muxes |= {y: (select, zero, one) for y, (zero, one) in pairs}
        self._known: dict[Bit, Literals] = {}

    def plain(self, memory: MemoryCell) -> MemoryCell:
        return replace(memory, writes=tuple(self._write(*write) for write in memory.writes))

    def _write(self, address: Word, data: Word, enable: Word) -> tuple[Word, Word, Word]:
        each = [self._literals(bit) for bit in enable]
        used = [found for found in each if found != _NEVER]
        common: Literals = frozenset.intersection(*used) if used else frozenset()
        return (
            tuple(self._under(bit, common) for bit in address),
            tuple(self._under(bit, known) for bit, known in zip(data, each, strict=True)),
            self._shared(enable, each),
        )

    def _literals(self, bit: Bit) -> Literals:
        """Return literals of which a bit is the conjunction."""
        if isinstance(bit, str):
            return _NEVER if bit in _ZERO else frozenset()
        if bit not in self._known:
            select, zero, one = self._muxes.get(bit, (bit, "", ""))
            side, wanted = (one, True) if zero in _ZERO else (zero, False)
            if zero in _ZERO or one in _ZERO:
                inside = self._literals(side)
                self._known[bit] = inside if inside == _NEVER else inside | {(select, wanted)}
            else:
                self._known[bit] = frozenset({(bit, True)})
        return self._known[bit]

    def _under(self, bit: Bit, known: Literals) -> Bit:
        """Return what a bit is where literals hold."""
        while bit in self._muxes:
            select, zero, one = self._muxes[bit]
            if (select, True) in known:
                bit = one
            elif (select, False) in known:
                bit = zero
            else:
                break
        return bit

    def _shared(self, enable: Word, each: list[Literals]) -> Word:
        """Return enables; those of one condition are one bit, the condition itself if it is one."""
        first: dict[Literals, Bit] = {}
        for bit, literals in zip(enable, each, strict=True):
            alone = next(iter(literals)) if len(literals) == 1 else ("", False)
            first.setdefault(literals, alone[0] if alone[1] else bit)
        return tuple("0" if literals == _NEVER else first[literals] for literals in each)


def without_unread(netlist: Frozen, before: set[Bit]) -> Frozen:
    """Return the netlist without multiplexers that drove `before` only."""
    while True:
        read = set(read_bits(netlist))
        gone = {
            cell.name
            for cell in netlist.cells
            if cell.type == "$mux"
            and not read.intersection(cell.output)
            and before.intersection(cell.output)
        }
        if not gone:
            return netlist
        for cell in netlist.cells:
            if cell.name in gone:
                before = before.union(*cell.inputs.values())
        cells = tuple(cell for cell in netlist.cells if cell.name not in gone)
        netlist = replace(netlist, cells=cells)


def read_bits(netlist: Frozen) -> list[Bit]:
    """Return every bit that something reads, as often as it is read."""
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
