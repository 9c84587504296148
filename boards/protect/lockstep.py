"""Lockstep: a second copy of registers, memories and the logic between them, compared.

The copy lies in a module of its own, so that synthesis finds nothing to merge. It is fed with the
design's inputs and with what the rest of the design gives to the part that is protected; what that
part gives to the rest, and to the design's outputs, is compared in every cycle. A transient in the
logic of one copy, or an upset in its registers, is detected one cycle after it first leaves it.

Its self-test inverts every compared bit once: first bit j of all comparators in turn j, when all of
them have to speak; then one bit of one comparator after the other, when one voice must do.
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
    test_cycles : int
        Cycles in which a self-test makes ``error`` speak, one after the other; 0 without one.
    """

    netlist: Frozen
    taps: Word
    copied: tuple[str, ...]
    compared: int
    checkers: tuple[str, ...]
    test_cycles: int = 0


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


def make_shadow(
    netlist: Frozen, flops: set[str], memories: set[str], top: str, *, test: Bit | None = None
) -> Shadow:
    """Return the copy of registers and memories, named without the clock's and taps' ports.

    Parameters
    ----------
    flops, memories : set of str
        Names in `netlist`.
    top : str
        Name of the copy's module.
    test : Bit, optional
        Net of `netlist` on which a pulse starts the comparators' self-test: ``error`` must then be
        1 from two cycles later on, for `Shadow.test_cycles`.
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
    sides = [(read([bit])[0], tap(bit)) for bit in leaves]
    start = None if test is None else tap(test)
    check = _Check(free, sides, start)
    ports = (
        Port("clk", True, (check.net(1)[0],)),
        Port("i", True, tuple(taps.values())),
        Port("error", False, (check.error,)),
    )
    cells_of, flops_of = (*copies, *check.cells), (*registers, *check.flops)
    made = Frozen(top, "clk", ports, cells_of, flops_of, tuple(stored))
    names = tuple(flop.name for flop in region.flops)
    return Shadow(made, tuple(taps), names, len(leaves), tuple(check.names), check.test_cycles)


class _Check:
    """Comparators of pairs of nets, what they say together, and their self-test.

    Each comparator has a flip-flop of its own, so that none of them makes the clock slower.
    """

    def __init__(self, free: int, sides: list[tuple[Bit, Bit]], start: Bit | None) -> None:
        self._free = free
        self.cells: list[Cell] = []
        self.flops: list[Flop] = []
        parts = [sides[at : at + _COMPARED] for at in range(0, len(sides), _COMPARED)]
        self.names = [f"compare{at}" for at in range(len(parts))]
        self.test_cycles = 0 if start is None else _COMPARED + len(parts)
        flips = self._turns(start, parts) if start is not None else []
        errors: Word = ()
        for at, part in enumerate(parts):
            one, two = tuple(a for a, _ in part), tuple(b for _, b in part)
            if flips:
                two = self._cell(f"test{at}", "$xor", len(part), A=two, B=flips[at])
            errors += self._cell(self.names[at], "$ne", 1, A=one, B=two)
        told = self._flop("found", errors)
        (self.error,) = self._cell("any", "$reduce_or", 1, A=told)
        if flips:
            (walks,) = self._flop("walks", self._cell("walk", "$reduce_or", 1, A=self._walk))
            every = self._cell("every", "$reduce_and", 1, A=told)
            (self.error,) = self._cell("said", "$mux", 1, A=(self.error,), B=every, S=(walks,))

    def _turns(self, start: Bit, parts: list[list[tuple[Bit, Bit]]]) -> list[Word]:
        """Return, for each comparator, the nets that invert its bits."""
        self._walk = self._chain("turn", start, _COMPARED)
        each = self._chain("each", self._walk[-1], len(parts))
        found = []
        for at, part in enumerate(parts):
            flips: Word = ()
            for bit in range(len(part)):
                turns = self._walk[bit :: len(part)] + (each[at : at + 1] if bit == 0 else ())
                flips += (
                    turns
                    if len(turns) == 1
                    else self._cell(f"turn{at}_{bit}", "$reduce_or", 1, A=turns)
                )
            found.append(flips)
        return found

    def _chain(self, name: str, start: Bit, length: int) -> Word:
        """Return a shift register."""
        q = self.net(length)
        self.flops.append(Flop(name, (start, *q[:-1]), q, 0))
        return q

    def net(self, width: int) -> Word:
        """Return new nets."""
        self._free += width
        return tuple(range(self._free - width, self._free))

    def _cell(self, name: str, kind: str, width: int, **inputs: Word) -> Word:
        output = self.net(width)
        known = {f"{pin}_WIDTH": len(bits) for pin, bits in inputs.items()}
        known |= {"Y_WIDTH": width, "A_SIGNED": 0, "B_SIGNED": 0}
        if kind == "$mux":
            known = {"WIDTH": width}
        self.cells.append(Cell(name, kind, inputs, output, known))
        return output

    def _flop(self, name: str, d: Word) -> Word:
        q = self.net(len(d))
        self.flops.append(Flop(name, d, q, 0))
        return q


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
