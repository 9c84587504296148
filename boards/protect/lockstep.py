"""Lockstep: a second copy of registers, memories and the logic between them, compared.

The copy lies in a module of its own, so that synthesis finds nothing to merge. It is fed with the
design's inputs and with what the rest of the design gives to the part that is protected; what that
part gives to the rest, and to the design's outputs, is compared in every cycle. A transient in the
logic of one copy, or an upset in its registers, is detected one cycle after it first leaves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from boards.frozen import Bit, Cell, Flop, Frozen, MemoryCell, Port

from .builder import Word, bits_of

__all__ = ["Shadow", "make_shadow"]

_COMPARED = 32  # bits in one comparator


@dataclass(frozen=True)
class Shadow:
    """The second copy.

    Members
    -------
    netlist : Frozen
        A module with the ports ``clk``, ``i`` and ``error``.
    taps : tuple of Bit
        What `i` is connected to, lowest first.
    copied : tuple of str
        Registers of which there are now two.
    compared : int
        Bits that are compared.
    """

    netlist: Frozen
    taps: Word
    copied: tuple[str, ...]
    compared: int
    checkers: tuple[str, ...]


class _Region:
    """What belongs to the part that is protected."""

    def __init__(self, netlist: Frozen, flops: set[str], memories: set[str]) -> None:
        self.netlist = netlist
        self.flops = [flop for flop in netlist.flops if flop.name in flops]
        self.memories = [memory for memory in netlist.memories if memory.name in memories]
        self.cell_of: dict[Bit, Cell] = {bit: c for c in netlist.cells for bit in c.output}
        self.inputs = {bit for port in netlist.ports if port.is_input for bit in port.bits}
        self.state: set[Bit] = {bit for flop in self.flops for bit in flop.q}
        self.state |= {bit for m in self.memories for _, data in m.reads for bit in data}
        self.pure: dict[str, tuple[bool, bool]] = {}
        for cell in _in_order(netlist.cells, self.cell_of):
            self.pure[cell.name] = self._purity(cell)

    def _purity(self, cell: Cell) -> tuple[bool, bool]:
        """Return whether a cell reads nothing but the region and inputs, and any of the region."""
        whole, some = True, False
        for bits in cell.inputs.values():
            for bit in bits:
                if isinstance(bit, str) or bit in self.inputs:
                    continue
                if bit in self.state:
                    some = True
                    continue
                above = self.cell_of.get(bit)
                pure, reads = self.pure[above.name] if above else (False, False)
                whole, some = whole and pure, some or reads
        return whole, some

    def leaves(self) -> list[Bit]:
        """Return nets of the region that something else reads, in order."""
        inner = {cell.name for cell in self.netlist.cells if self.pure[cell.name][0]}
        found: dict[Bit, None] = {}
        for bit in self._read_outside(inner):
            cell = self.cell_of.get(bit)
            if bit in self.state or (cell and self.pure[cell.name] == (True, True)):
                found[bit] = None
        return list(found)

    def _read_outside(self, inner: set[str]) -> Iterator[Bit]:
        mine = {flop.name for flop in self.flops}
        stored = {memory.name for memory in self.memories}
        for cell in self.netlist.cells:
            if cell.name not in inner:
                for bits in cell.inputs.values():
                    yield from bits
        for flop in self.netlist.flops:
            if flop.name not in mine:
                yield from flop.d
        for memory in self.netlist.memories:
            if memory.name not in stored:
                yield from _pins(memory)
        for port in self.netlist.ports:
            if not port.is_input:
                yield from port.bits

    def cone(self, leaves: Iterable[Bit]) -> list[Cell]:
        """Return the logic to copy: what the region's next state and `leaves` are made of."""
        wanted: set[str] = set()
        stack: list[Bit] = [*leaves, *(bit for flop in self.flops for bit in flop.d)]
        stack += [bit for memory in self.memories for bit in _pins(memory)]
        while stack:
            cell = self.cell_of.get(stack.pop())
            if cell is None or cell.name in wanted or not self.pure[cell.name][0]:
                continue
            wanted.add(cell.name)
            for bits in cell.inputs.values():
                stack += bits
        return [cell for cell in self.netlist.cells if cell.name in wanted]


def make_shadow(netlist: Frozen, flops: set[str], memories: set[str], top: str) -> Shadow:
    """Return the copy of registers and memories, named without the clock's and taps' ports.

    Parameters
    ----------
    flops, memories : set of str
        Names in `netlist`.
    top : str
        Name of the copy's module.
    """
    region = _Region(netlist, flops, memories)
    leaves = region.leaves()
    cells = region.cone(leaves)
    free = max(bits_of(netlist), default=1) + 1
    again: dict[Bit, Bit] = {}

    def new(bits: Iterable[Bit]) -> Word:
        nonlocal free
        for bit in bits:
            if isinstance(bit, int) and bit not in again:
                again[bit] = free
                free += 1
        return tuple(again.get(bit, bit) for bit in bits)

    for flop in region.flops:
        new(flop.q)
    for cell in cells:
        new(cell.output)
    for memory in region.memories:
        for _, data in memory.reads:
            new(data)
    own = dict(again)
    taps: dict[Bit, Bit] = {}

    def read(bits: Iterable[Bit]) -> Word:
        """Return nets of the copy; what it does not drive itself is tapped."""
        return tuple(own[b] if b in own else b if isinstance(b, str) else tap(b) for b in bits)

    def tap(bit: Bit) -> Bit:
        nonlocal free
        if bit not in taps:
            taps[bit] = free
            free += 1
        return taps[bit]

    copies = [
        Cell(
            c.name, c.type, {p: read(b) for p, b in c.inputs.items()}, read(c.output), c.parameters
        )
        for c in cells
    ]
    registers = [Flop(f.name, read(f.d), read(f.q), f.init) for f in region.flops]
    stored = [
        MemoryCell(
            m.name, m.width, m.size,
            tuple((read(a), read(d)) for a, d in m.reads),
            tuple((read(a), read(d), read(e)) for a, d, e in m.writes), m.init,
        )
        for m in region.memories
    ]  # fmt: skip
    errors: list[Bit] = []
    checkers = []
    for at in range(0, len(leaves), _COMPARED):
        part = leaves[at : at + _COMPARED]
        name = f"compare{at // _COMPARED}"
        sides = {"A": read(part), "B": tuple(tap(bit) for bit in part)}
        widths = {"A_WIDTH": len(part), "B_WIDTH": len(part), "Y_WIDTH": 1}
        copies.append(Cell(name, "$ne", sides, (free,), {**widths, "A_SIGNED": 0, "B_SIGNED": 0}))
        errors.append(free)
        checkers.append(name)
        free += 1
    # Each comparator has a flip-flop of its own, so that none of them makes the clock slower.
    told = tuple(range(free, free + len(errors)))
    free += len(errors)
    registers.append(Flop("found", tuple(errors), told, 0))
    widths = {"A_WIDTH": len(told), "Y_WIDTH": 1, "A_SIGNED": 0}
    copies.append(Cell("any", "$reduce_or", {"A": told}, (free,), widths))
    ports = (
        Port("clk", True, (free + 1,)),
        Port("i", True, tuple(taps.values())),
        Port("error", False, (free,)),
    )
    made = Frozen(top, "clk", ports, tuple(copies), tuple(registers), tuple(stored))
    names = tuple(flop.name for flop in region.flops)
    return Shadow(made, tuple(taps), names, len(leaves), tuple(checkers))


def _pins(memory: MemoryCell) -> Iterator[Bit]:
    for address, _ in memory.reads:
        yield from address
    for address, data, enable in memory.writes:
        yield from (*address, *data, *enable)


def _in_order(cells: Iterable[Cell], cell_of: dict[Bit, Cell]) -> Iterator[Cell]:
    """Return cells, drivers before their readers."""
    done: set[str] = set()
    for first in cells:
        stack = [first]
        while stack:
            cell = stack[-1]
            missing = [
                above
                for bits in cell.inputs.values()
                for bit in bits
                if (above := cell_of.get(bit)) and above.name not in done
            ]
            if cell.name not in done and missing:
                stack += missing
                continue
            stack.pop()
            if cell.name not in done:
                done.add(cell.name)
                yield cell
