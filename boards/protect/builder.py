"""Adding to a frozen netlist: new nets, cells and flip-flops, and nets that others take over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from boards.frozen import Bit, Cell, Flop, Frozen, MemoryCell, Port

__all__ = ["Builder", "Word", "bits_of"]

Word = tuple[Bit, ...]


def bits_of(netlist: Frozen) -> Iterator[int]:
    """Return every net that something drives."""
    for port in netlist.ports:
        yield from (bit for bit in port.bits if isinstance(bit, int))
    for cell in netlist.cells:
        yield from (bit for bit in cell.output if isinstance(bit, int))
    for flop in netlist.flops:
        yield from (bit for bit in flop.q if isinstance(bit, int))
    for memory in netlist.memories:
        for _, data in memory.reads:
            yield from (bit for bit in data if isinstance(bit, int))


@dataclass
class Builder:
    """A netlist that grows.

    Members
    -------
    taken_over : dict of int to Bit
        Nets whose readers read another net in the result: all but what was added as `raw`.
    """

    netlist: Frozen
    taken_over: dict[Bit, Bit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cells = list(self.netlist.cells)
        self.flops = list(self.netlist.flops)
        self.memories = list(self.netlist.memories)
        self._free = max(bits_of(self.netlist), default=1) + 1
        self._raw: set[str] = set()
        self._kept: set[tuple[str, str]] = set()
        self._names = {cell.name for cell in self.cells}

    def word(self, width: int) -> Word:
        """Return new nets."""
        self._free += width
        return tuple(range(self._free - width, self._free))

    def cell(self, name: str, kind: str, width: int, *, raw: bool = False, **inputs: Word) -> Word:
        """Add a cell, and return its output; `raw` reads nets that were taken over as they are."""
        while name in self._names:
            name += "_"
        self._names.add(name)
        if raw:
            self._raw.add(name)
        output = self.word(width)
        known = {f"{pin}_WIDTH": len(bits) for pin, bits in inputs.items()}
        known |= {"Y_WIDTH": width, "A_SIGNED": 0, "B_SIGNED": 0}
        if kind == "$mux":
            known = {"WIDTH": width}
        self.cells.append(Cell(name, kind, inputs, output, known))
        return output

    def keep(self, cell: Cell, pin: str) -> None:
        """Let a pin of a cell read nets that were taken over as they are."""
        self._kept.add((cell.name, pin))

    def flop(self, name: str, d: Word, init: int = 0) -> Word:
        """Add a flip-flop word, and return its output."""
        q = self.word(len(d))
        self.flops.append(Flop(name, d, q, init))
        return q

    def any_of(self, name: str, bits: Sequence[Bit], *, raw: bool = False) -> Bit:
        """Return whether any bit is 1."""
        if len(bits) == 1:
            return bits[0]
        return self.cell(name, "$reduce_or", 1, A=tuple(bits), raw=raw)[0]

    def parity(self, name: str, bits: Sequence[Bit], *, raw: bool = False) -> Bit:
        """Return whether an odd number of bits is 1."""
        if len(bits) == 1:
            return bits[0]
        return self.cell(name, "$reduce_xor", 1, A=tuple(bits), raw=raw)[0]

    def mux(self, name: str, select: Bit, zero: Word, one: Word) -> Word:
        """Return `one` where `select` is 1, else `zero`."""
        return self.cell(name, "$mux", len(zero), A=zero, B=one, S=(select,))

    def result(self, ports: Iterable[Port]) -> Frozen:
        """Return the netlist, with `ports`, every reader reading what it should."""
        return replace(
            self.netlist,
            ports=tuple(p if p.is_input else replace(p, bits=self._read(p.bits)) for p in ports),
            cells=tuple(self._cell(cell) for cell in self.cells),
            flops=tuple(replace(flop, d=self._read(flop.d)) for flop in self.flops),
            memories=tuple(self._memory(memory) for memory in self.memories),
        )

    def _read(self, bits: Word) -> Word:
        return tuple(self.taken_over.get(bit, bit) for bit in bits)

    def _cell(self, cell: Cell) -> Cell:
        if cell.name in self._raw:
            return cell
        inputs = {
            pin: bits if (cell.name, pin) in self._kept else self._read(bits)
            for pin, bits in cell.inputs.items()
        }
        return replace(cell, inputs=inputs)

    def _memory(self, memory: MemoryCell) -> MemoryCell:
        return replace(
            memory,
            reads=tuple((self._read(address), data) for address, data in memory.reads),
            writes=tuple(
                (self._read(a), self._read(d), self._read(e)) for a, d, e in memory.writes
            ),
        )
