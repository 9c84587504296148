"""Registers' bits that never change, which synthesis takes away with or without protection.

A bit is constant if it keeps its initial value whatever the inputs do. That is decided by
induction: all flip-flops and columns of memories are taken to be constant at first; every one that
could get another value is not, nor is then what follows from it, until nothing changes. Claims are
never too many. Bits that are found get no flip-flop in a protected register: it is written without
them, so that what is demanded of synthesis is there to be counted, bit by bit.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from boards.frozen import Bit, Cell, Flop, Frozen, MemoryCell

from .builder import Word, bits_of
from .codes import Drivers, keeps_select
from .enables import without_unread
from .ternary import Maybe, evaluate

__all__ = ["constants", "origin", "without_constants"]

_BOTH = 3  # a net that may be 0 and 1


def constants(netlist: Frozen) -> dict[Bit, str]:
    """Return the nets that never change, with their values ``"0"`` or ``"1"``."""
    return _Induction(netlist).found()


def without_constants(netlist: Frozen, names: Container[str], known: Mapping[Bit, str]) -> Frozen:
    """Return the netlist with constants for the constant bits of some registers.

    Multiplexers of enables and resets before such a register are narrowed with it.

    Parameters
    ----------
    names : container of str
        Registers; the others stay as they are.
    known : dict of Bit to str
        Of `constants`.
    """
    chosen = {f.name for f in netlist.flops if f.name in names and not known.keys().isdisjoint(f.q)}
    if not chosen:
        return netlist
    gone = {bit for f in netlist.flops if f.name in chosen for bit in f.q if bit in known}
    narrow = _Narrow(netlist)
    flops = tuple(
        found
        for flop in netlist.flops
        for found in ([flop] if flop.name not in chosen else narrow.flop(flop, known))
    )
    before = {bit for f in netlist.flops if f.name in chosen for bit in f.d}
    changed = replace(netlist, flops=flops, cells=netlist.cells + tuple(narrow.cells))
    return without_unread(_with_literals(changed, {bit: known[bit] for bit in gone}), before)


def origin(bit: Bit, driver: Mapping[Bit, tuple[Cell, int]], known: Mapping[Bit, str]) -> Bit:
    """Return the net that a net is no more than another name of, as synthesis finds.

    Parameters
    ----------
    driver : dict of Bit to (Cell, int)
        What drives each net, with the bit of its output.
    known : dict of Bit to str
        Of `constants`.
    """
    while bit in driver:
        cell, at = driver[bit]
        words = [cell.inputs[pin] for pin in "AB" if pin in cell.inputs]
        if any(at >= len(bits) for bits in words):
            return bit  # made longer: left to what it is called
        sides = [known.get(bits[at], bits[at]) for bits in words]
        through = _passed(cell, sides, known)
        if through is None:
            return bit
        bit = through
    return bit


def _passed(cell: Cell, sides: list[Bit], known: Mapping[Bit, str]) -> Bit | None:
    """Return the side that comes out of a cell as it is."""
    if cell.type == "$pos":
        return sides[0]
    if cell.type == "$mux":
        (select,) = cell.inputs["S"]
        value = known.get(select, select)
        if sides[0] == sides[1]:
            return sides[0]
        return sides[int(value)] if value in ("0", "1") else None
    neutral = {"$xor": "0", "$or": "0", "$and": "1"}.get(cell.type)
    if neutral not in sides:
        return None
    return sides[1 - sides.index(neutral)]


class _Induction:
    """What every net may be: 1 it may be 0, 2 it may be 1."""

    def __init__(self, netlist: Frozen) -> None:
        self.netlist = netlist
        self.may: dict[Bit, int] = {"0": 1, "1": 2, "x": 1}
        self._readers: dict[Bit, list[Cell | Flop | MemoryCell]] = {}
        for cell in netlist.cells:
            self._listen(cell, cell.inputs.values())
        for flop in netlist.flops:
            self._listen(flop, [flop.d])
        for memory in netlist.memories:
            self._listen(memory, [bits for _, data, on in memory.writes for bits in (data, on)])
        self._columns = {m.name: _columns(m) for m in netlist.memories}

    def _listen(self, reader: Cell | Flop | MemoryCell, words: Iterable[Word]) -> None:
        for bit in {bit for word in words for bit in word if isinstance(bit, int)}:
            self._readers.setdefault(bit, []).append(reader)

    def found(self) -> dict[Bit, str]:
        inputs = [bit for port in self.netlist.inputs_and_clock for bit in port.bits]
        changed: list[Bit] = []
        for bit in inputs:
            self._add(bit, _BOTH, changed)
        for flop in self.netlist.flops:
            for at, bit in enumerate(flop.q):
                self._add(bit, 1 << (flop.init >> at & 1), changed)
        for cell in self.netlist.cells:
            if all(isinstance(bit, str) for bits in cell.inputs.values() for bit in bits):
                self._cell(cell, changed)
        for flop in self.netlist.flops:
            self._follow(flop, changed)
        for memory in self.netlist.memories:
            self._follow(memory, changed)
        while changed:
            again = {id(r): r for bit in changed for r in self._readers.get(bit, ())}
            changed = []
            for reader in again.values():
                self._follow(reader, changed)
        values = {1: "0", 2: "1"}
        return {b: values[m] for b, m in self.may.items() if isinstance(b, int) and m in values}

    def _add(self, bit: Bit, may: int, changed: list[Bit]) -> None:
        if isinstance(bit, int) and self.may.get(bit, 0) | may != self.may.get(bit, 0):
            self.may[bit] = self.may.get(bit, 0) | may
            changed.append(bit)

    def _follow(self, reader: Cell | Flop | MemoryCell, changed: list[Bit]) -> None:
        if isinstance(reader, Cell):
            self._cell(reader, changed)
        elif isinstance(reader, Flop):
            for bit, d in zip(reader.q, reader.d, strict=True):
                self._add(bit, self.may.get(d, 0), changed)
        else:
            self._memory(reader, changed)

    def _cell(self, cell: Cell, changed: list[Bit]) -> None:
        words = {pin: self._word(bits) for pin, bits in cell.inputs.items()}
        if any(may is None for may in words.values()):
            return  # an input that nothing has reached yet
        may = evaluate(cell, {pin: word for pin, word in words.items() if word is not None})
        for at, bit in enumerate(cell.output):
            self._add(bit, (may.zeros >> at & 1) | (may.ones >> at & 1) << 1, changed)

    def _word(self, bits: Word) -> Maybe | None:
        zeros = ones = 0
        for at, bit in enumerate(bits):
            may = self.may.get(bit, 0)
            if not may:
                return None
            zeros |= (may & 1) << at
            ones |= (may >> 1) << at
        return Maybe(zeros, ones)

    def _memory(self, memory: MemoryCell, changed: list[Bit]) -> None:
        columns = self._columns[memory.name]
        for _, data, enable in memory.writes:
            for at, (bit, on) in enumerate(zip(data, enable, strict=True)):
                if self.may.get(on, 0) & 2:
                    columns[at] |= self.may.get(bit, 0)
        for _, data in memory.reads:
            for at, bit in enumerate(data):
                self._add(bit, columns[at], changed)


def _columns(memory: MemoryCell) -> list[int]:
    """Return what each bit may be of any word at first, and of words that are not there."""
    words = [*memory.init, 0] if memory.size & (memory.size - 1) else memory.init
    full = len(memory.init) >= memory.size
    return [
        (0 if full else 1) | sum({1 << (word >> at & 1) for word in words})
        for at in range(memory.width)
    ]


class _Narrow:
    """Registers with fewer bits, and the multiplexers before them."""

    def __init__(self, netlist: Frozen) -> None:
        self._drivers = Drivers(netlist)
        self._free = max(bits_of(netlist), default=1) + 1
        self._names = {cell.name for cell in netlist.cells}
        self.cells: list[Cell] = []

    def flop(self, flop: Flop, known: Mapping[Bit, str]) -> list[Flop]:
        """Return a register without its constant bits; none if that is all of it."""
        at = [n for n, bit in enumerate(flop.q) if bit not in known]
        if not at:
            return []
        init = sum((flop.init >> n & 1) << to for to, n in enumerate(at))
        d = self._word(flop.d, flop.q, at)
        return [replace(flop, d=d, q=tuple(flop.q[n] for n in at), init=init)]

    def _word(self, d: Word, q: Word, at: list[int]) -> Word:
        if not keeps_select(self._drivers, d, q):
            return tuple(d[n] for n in at)
        mux = self._drivers.muxes[d]
        sides = {pin: self._word(mux.inputs[pin], q, at) for pin in "AB"}
        output = tuple(range(self._free, self._free + len(at)))
        self._free += len(at)
        name = f"{mux.name}$live"
        while name in self._names:
            name += "_"
        self._names.add(name)
        inputs = {**sides, "S": mux.inputs["S"]}
        self.cells.append(
            replace(mux, name=name, inputs=inputs, output=output, parameters={"WIDTH": len(at)})
        )
        return output


def _with_literals(netlist: Frozen, known: dict[Bit, str]) -> Frozen:
    """Return the netlist with constants instead of some nets."""

    def read(bits: Word) -> Word:
        return tuple(known.get(bit, bit) for bit in bits)

    return replace(
        netlist,
        ports=tuple(p if p.is_input else replace(p, bits=read(p.bits)) for p in netlist.ports),
        cells=tuple(
            replace(c, inputs={pin: read(bits) for pin, bits in c.inputs.items()})
            for c in netlist.cells
        ),
        flops=tuple(replace(flop, d=read(flop.d)) for flop in netlist.flops),
        memories=tuple(
            replace(
                m,
                reads=tuple((read(a), d) for a, d in m.reads),
                writes=tuple((read(a), read(d), read(e)) for a, d, e in m.writes),
            )
            for m in netlist.memories
        ),
    )
