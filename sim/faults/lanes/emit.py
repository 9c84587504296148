"""A frozen netlist as C++ functions and tables, every word a vector of lanes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Cell, Frozen
from hw.contracts import ConfigError

from .cells import emit_cell
from .chunks import Chunk, force_line, function_of
from .steps import Address, Next, Output, Read, Write, ordered, owner
from .words import PIECE, Emitter, Vector

__all__ = ["Emitted", "emit"]

STATEMENTS = 40  # in a chunk: fewer are evaluated for nothing, but each has its cost
ADDRESS = 32  # bits of an element that holds an address


@dataclass(frozen=True)
class Emitted:
    """Generated code, and tables that the runtime reads (`tables.h` says what is in them).

    Members
    -------
    code : str
        C++ that `lanes.cpp` includes; the same for designs that are made of the same parts.
    tables : dict of str to array
        By name, in the order of the runtime.
    """

    code: str
    tables: dict[str, NDArray[np.generic]]


class _Builder:
    def __init__(self, netlist: Frozen) -> None:
        self.netlist = netlist
        self.e = Emitter()
        self.chunks: list[Chunk] = []
        self.flops = [self.e.word(flop.q) for flop in netlist.flops]
        self.inputs = [self.e.word(port.bits) for port in netlist.inputs]
        self.reads = [[self.e.word(data) for _, data in m.reads] for m in netlist.memories]
        self.nets = {id(cell): self.e.word(cell.output) for cell in netlist.cells}
        self.nexts: dict[int, tuple[Vector, ...]] = {}
        self.addresses: dict[tuple[int, int], Vector] = {}
        self.writes: dict[tuple[int, int], tuple[Vector, ...]] = {}
        self.outputs: dict[int, tuple[Vector, ...]] = {}
        self.force_at: dict[int, int] = {}  # bits into the forces of the chunk, by vector

    def build(self) -> None:
        for step in ordered(self.netlist):
            first = len(self.e.vectors)
            made: list[Vector] = []
            nets: tuple[Vector, ...] = ()
            chunk = self._chunk(step)
            match step:
                case Cell():
                    nets = self.nets[id(step)]
                    emit_cell(self.e, step, nets)
                case Read(memory, port):
                    made += self.reads[memory][port]
                case Address(memory, port):
                    self._address(memory, port)
                case Next(flop):
                    self._next(flop)
                case Write(memory, port):
                    self._write(memory, port)
                case Output(port):
                    self._output(port)
            made += [*nets, *self.e.vectors[first:]]
            chunk.lines += self.e.take()
            chunk.made += [v.number for v in made]
            if isinstance(step, Next):
                chunk.nexts += [v.number for v in self.nexts[step.flop]]
            for vector in nets:
                at = sum(self.e.vectors[n].size for n in chunk.nets)
                self.force_at[vector.number] = at
                chunk.nets.append(vector.number)
                chunk.lines.append(force_line(vector, at))

    def _chunk(self, step: object) -> Chunk:
        """Return the chunk for a step: the last one, unless it is full or somebody else's."""
        if isinstance(step, Read):
            self.chunks.append(Chunk("", read=(step.memory, step.port)))
            return self.chunks[-1]
        whose = owner(self.netlist, step)  # type: ignore[arg-type]
        last = self.chunks[-1] if self.chunks else None
        if last and last.read is None and last.owner == whose and len(last.lines) < STATEMENTS:
            return last
        self.chunks.append(Chunk(whose))
        return self.chunks[-1]

    def _address(self, memory: int, port: int) -> None:
        address, _ = self.netlist.memories[memory].reads[port]
        self.addresses[memory, port] = self._address_of(memory, address)

    def _address_of(self, memory: int, bits: Sequence[int | str]) -> Vector:
        if len(bits) > ADDRESS:
            name = self.netlist.memories[memory].name
            raise ConfigError(f"{name}: addresses of {len(bits)} bits; use {ADDRESS} or fewer")
        (vector,) = self.e.anonymous(max(1, len(bits)), ADDRESS)
        self.e.assign([vector], [self.e.value(bits, ADDRESS)])
        return vector

    def _next(self, flop: int) -> None:
        d = self.netlist.flops[flop].d
        self.nexts[flop] = self.e.anonymous(len(d))
        self.e.assign(self.nexts[flop], self.e.pieces(d, len(d), signed=False))

    def _write(self, memory: int, port: int) -> None:
        address, *rest = self.netlist.memories[memory].writes[port]
        found = [self._address_of(memory, address)]
        for bits in rest:
            vectors = self.e.anonymous(len(bits), PIECE)
            self.e.assign(vectors, self.e.whole(bits, len(bits), signed=False))
            found += vectors
        self.writes[memory, port] = tuple(found)

    def _output(self, port: int) -> None:
        bits = self.netlist.outputs[port].bits
        self.outputs[port] = self.e.anonymous(len(bits), PIECE)
        self.e.assign(self.outputs[port], self.e.whole(bits, len(bits), signed=False))


def emit(netlist: Frozen) -> Emitted:
    """Return the code and tables of a design; `ConfigError` names a cell not supported."""
    builder = _Builder(netlist)
    builder.build()
    return _Layout(builder).emitted()


class _Layout:
    """Where everything lies: offsets are in units of one lane's byte."""

    def __init__(self, builder: _Builder) -> None:
        self.b = builder
        self.vectors = builder.e.vectors
        self.pseudo = len(builder.chunks)  # outputs; then the memories' writes
        self.consumers = self._consumers()
        self.order: list[int] = []  # vectors of the runtime's tables, by their number there
        self.offsets: dict[int, int] = {}
        self._state()
        self.states = len(self.order)
        self.state_bytes = sum(self.vectors[n].size // 8 for n in self.order)
        self.at = 2 * self.state_bytes  # next values lie as the state does
        self._place(v.number for vectors in builder.inputs for v in vectors)

    def _consumers(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for at, chunk in enumerate(self.b.chunks):
            loads = chunk.loads
            if chunk.read is not None:
                loads = [self.b.addresses[chunk.read].number]
            for number in loads:
                found.setdefault(number, []).append(at)
        for vectors in self.b.outputs.values():
            for v in vectors:
                found.setdefault(v.number, []).append(self.pseudo)
        for (memory, _), vectors in self.b.writes.items():
            for v in vectors:
                found.setdefault(v.number, []).append(self.pseudo + 1 + memory)
        return found

    def _state(self) -> None:
        """Number and place states in the order of the chunks that compute their next values."""
        owner = {
            new.number: old.number
            for flop, vectors in self.b.nexts.items()
            for new, old in zip(vectors, self.b.flops[flop], strict=True)
        }
        at = 0
        for chunk in self.b.chunks:
            for number in chunk.nexts:
                state = owner[number]
                self.order.append(state)
                self.offsets[state] = at
                at += self.vectors[state].size // 8

    def _place(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.order.append(number)
            self.offsets[number] = self.at
            self.at += self.vectors[number].size // 8

    def emitted(self) -> Emitted:
        functions: dict[str, int] = {}
        chunks: list[tuple[int, ...]] = []
        operands: list[int] = []
        state = 0
        force = 0
        forces: dict[int, tuple[int, int]] = {}  # offset and chunk, by vector
        for index, chunk in enumerate(self.b.chunks):
            exports = self._exports(chunk)
            first, x = len(self.order), self.at
            self._place(exports)
            if chunk.read is None:
                function = function_of(chunk, self.vectors, exports)
                number = functions.setdefault(function.code, len(functions))
                kind, loads = 0, list(function.loads)
            else:
                kind, number = 1, chunk.read[0]
                loads = [self.b.addresses[chunk.read].number]
            where = self._state_offset(state)
            chunks.append(
                (kind, number, len(operands), x, self.at - x, first, len(exports),
                 self.state_bytes + where, state, len(chunk.nexts), force)
            )  # fmt: skip
            operands += [self.offsets[n] for n in loads]
            state += len(chunk.nexts)
            for n in chunk.nets:
                forces[n] = (force + self.b.force_at[n] // 8, index)
            force += sum(self.vectors[n].size for n in chunk.nets) // 8
        tables = self._tables(chunks, operands, forces, force)
        return Emitted(_code(list(functions)), tables)

    def _state_offset(self, state: int) -> int:
        return self.offsets[self.order[state]] if state < self.states else self.state_bytes

    def _exports(self, chunk: Chunk) -> list[int]:
        return [n for n in chunk.made if chunk.read is not None or n in self.consumers]

    def _tables(
        self,
        chunks: list[tuple[int, ...]],
        operands: list[int],
        forces: dict[int, tuple[int, int]],
        force: int,
    ) -> dict[str, NDArray[np.generic]]:
        netlist, number = self.b.netlist, {n: at for at, n in enumerate(self.order)}
        words: list[tuple[int, ...]] = []
        consumers: list[int] = []
        for n in self.order:
            found = self.consumers.get(n, [])
            words.append((self.offsets[n], self.vectors[n].size, len(consumers), len(found)))
            consumers += found
        memories: list[tuple[int, ...]] = []
        writes: list[int] = []
        pieces = 0
        for at, memory in enumerate(netlist.memories):
            count = -(-memory.width // PIECE)
            memories.append((memory.size, memory.width, pieces, len(writes), len(memory.writes)))
            pieces += count
            for port in range(len(memory.writes)):
                writes.append(number[self.b.writes[at, port][0].number])
        nets: list[tuple[int, int]] = []
        pieces_of_nets: list[tuple[int, int, int]] = []
        for cell in netlist.cells:
            vectors = self.b.nets[id(cell)]
            nets.append((len(pieces_of_nets), len(cell.output)))
            pieces_of_nets += [(forces[v.number][0], v.size, forces[v.number][1]) for v in vectors]
        head = (self.state_bytes, self.at, force, self.states, pieces, len(self.b.chunks))
        return {
            "head": _table([head], 6),
            "words": _table(words, 4),
            "consumers": _table([(c,) for c in consumers], 1),
            "chunks": _table(chunks, 11),
            "operands": _table([(o,) for o in operands], 1),
            "inputs": _table([(number[v.number],) for i in self.b.inputs for v in i], 1),
            "outputs": _table(
                [
                    (number[self.b.outputs[at][0].number], len(port.bits))
                    for at, port in enumerate(netlist.outputs)
                ],
                2,
            ),
            "flops": _table(
                [
                    (number[vectors[0].number], len(flop.q))
                    for flop, vectors in zip(netlist.flops, self.b.flops, strict=True)
                ],
                2,
            ),
            "nets": _table(nets, 2),
            "net_pieces": _table(pieces_of_nets, 3),
            "memories": _table(memories, 5),
            "writes": _table([(w,) for w in writes], 1),
            "state_init": self._initial_state(number),
            "memory_init": _initial_memories(netlist),
        }

    def _initial_state(self, number: dict[int, int]) -> NDArray[np.generic]:
        found = np.zeros(self.states, dtype=np.uint64)
        for flop, vectors in zip(self.b.netlist.flops, self.b.flops, strict=True):
            for at, v in enumerate(vectors):
                found[number[v.number]] = flop.init >> (PIECE * at) & ((1 << PIECE) - 1)
        return found


def _table(rows: Sequence[Sequence[int]], columns: int) -> NDArray[np.generic]:
    return np.array(rows, dtype=np.uint32).reshape(-1, columns)


def _initial_memories(netlist: Frozen) -> NDArray[np.generic]:
    """Return piece, row and value of what is not 0."""
    rows, piece = [], 0
    for memory in netlist.memories:
        for at, word in enumerate(memory.init):
            for part in range(-(-memory.width // PIECE) if word else 0):
                rows.append((piece + part, at, word >> (PIECE * part) & ((1 << PIECE) - 1)))
        piece += -(-memory.width // PIECE)
    return np.array(rows, dtype=np.uint64).reshape(-1, 3)


def _code(functions: Sequence[str]) -> str:
    parts = [
        f"template <bool F> static NOINLINE void f{at}(char *n, const uint32_t *o, uint32_t x,"
        f" uint32_t y, const char *keep, const char *flip) {{\n{text}\n}}"
        for at, text in enumerate(functions)
    ]
    table = ", ".join(f"{{f{at}<false>, f{at}<true>}}" for at in range(len(functions)))
    parts.append(f"static const Function FUNCTIONS[] = {{{table or '{nullptr, nullptr}'}}};")
    return "\n".join(parts) + "\n"
