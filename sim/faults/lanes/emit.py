"""C++ from a frozen netlist: every word a vector of lanes, lane 0 without a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boards.frozen import Bit, Cell, Frozen
from hw.contracts import ConfigError

from .cells import emit_cell
from .words import PIECE, SIZES, Emitter, Place, size_of

__all__ = ["Emitted", "emit"]

STATEMENTS = 250  # in each function: compilers slow down on long ones


@dataclass(frozen=True, slots=True)
class Emitted:
    """Generated code, and where things are.

    Members
    -------
    code : str
        C++ that `lanes.cpp` includes.
    flops : tuple of tuple of Place
        Pieces of every flop word, in the order of `Frozen.flops`.
    memories : tuple of tuple of int
        Of every memory the index of the first piece, and its pieces.
    """

    code: str
    flops: tuple[tuple[Place, ...], ...]
    memories: tuple[tuple[int, int], ...]


def emit(netlist: Frozen) -> Emitted:
    """Return the code of a design; `ConfigError` names a cell that is not supported."""
    e = Emitter(netlist)
    flops = tuple(e.word(flop.q, "s") for flop in netlist.flops)
    inputs = [e.word(port.bits, "c") for port in netlist.inputs]
    reads = [[e.word(data, "c") for _, data in m.reads] for m in netlist.memories]
    outputs = {cell.name: e.word(cell.output, "c") for cell in netlist.cells}
    pieces, memories = 0, []
    for memory in netlist.memories:
        count = -(-memory.width // PIECE)
        memories.append((pieces, count))
        pieces += count
    for step in _ordered(netlist):
        if isinstance(step, Cell):
            emit_cell(e, step, outputs[step.name])
        else:
            index, port = step
            _read(e, index, port, memories[index], reads[index][port])
    evaluate = e.lines
    e.lines = []
    for at, (flop, places) in enumerate(zip(netlist.flops, flops, strict=True)):
        for piece, value in enumerate(e.pieces(flop.d, len(flop.d), signed=False)):
            e.lines.append(f"auto t{at}_{piece} = {value}; // {flop.name}")
        del places
    tick = e.lines
    e.lines = []
    for index, memory in enumerate(netlist.memories):
        for address, data, enable in memory.writes:
            _write(e, index, memory.width, address, data, enable, memories[index])
    writes = e.lines
    commit = [
        f"{place.text} = t{at}_{piece};"
        for at, places in enumerate(flops)
        for piece, place in enumerate(places)
    ]
    e.lines = []
    _observe(e, netlist)
    observe = e.lines
    shown = [
        piece
        for port in netlist.outputs
        for piece in zip(
            e.pieces(port.bits, len(port.bits), False), range(0, len(port.bits), PIECE), strict=True
        )
    ]
    store = [f"out[{at}] = ({text})[0];" for at, (text, _) in enumerate(shown)]
    load = [
        f"{place.text} = K{place.size}(row[{at}]);"
        for at, place in enumerate(place for places in inputs for place in places)
    ]
    code = "\n".join(
        [
            *_struct(e, netlist, memories),
            *_chunks("evaluate", evaluate),
            f"static void load(Net &n, const uint64_t *row) {{ {' '.join(load)} }}",
            "static const int ROW = " + str(len(load)) + ";",
            f"static void store(Net &n, uint64_t *out) {{ {' '.join(store)} }}",
            f"static const int OUT = {len(store)};",
            "static void tick(Net &n) {",
            *writes,
            *tick,
            *commit,
            "}",
            "static void observe(Net &n, V8 &data, V8 &control) {",
            *observe,
            "}",
            *_reset(netlist, flops, memories),
        ]
    )
    return Emitted(code, flops, tuple(memories))


def _chunks(name: str, lines: list[str]) -> list[str]:
    """Return functions of a bounded number of statements, and one that calls them."""
    found, calls = [], []
    for turn, low in enumerate(range(0, len(lines), STATEMENTS)):
        found += [
            f"static NOINLINE void {name}_{turn}(Net &n) {{",
            *lines[low : low + STATEMENTS],
            "}",
        ]
        calls.append(f"{name}_{turn}(n);")
    return [*found, f"static void {name}(Net &n) {{ {' '.join(calls)} }}"]


def _struct(e: Emitter, netlist: Frozen, memories: Sequence[tuple[int, int]]) -> list[str]:
    fields = []
    for size in SIZES:
        fields.append(f"V{size} s{size}[{max(1, e.counts.get(f's{size}', 0))}];")
    for memory, (first, count) in zip(netlist.memories, memories, strict=True):
        fields += [f"V64 m{first + piece}[{memory.size}];" for piece in range(count)]
    for size in SIZES:
        fields.append(f"V{size} c{size}[{max(1, e.counts.get(f'c{size}', 0))}];")
    used = [f"#define S{size} {e.counts.get(f's{size}', 0)}" for size in SIZES]
    sizes = [
        f"{{offsetof(Net, m{first + piece}), {memory.size}}},"
        for memory, (first, count) in zip(netlist.memories, memories, strict=True)
        for piece in range(count)
    ]
    return [
        *used,
        "struct Net {",
        *fields,
        "};",
        "struct Block { size_t offset, words; };",
        f"static const int MEMORIES = {len(sizes)};",
        f"static const Block memories[] = {{{' '.join(sizes) or '{0, 0}'}}};",
    ]


def _reset(
    netlist: Frozen, flops: Sequence[Sequence[Place]], memories: Sequence[tuple[int, int]]
) -> list[str]:
    lines = ["static void initial(Net &n) {", "memset((void *)&n, 0, sizeof n);"]
    for flop, places in zip(netlist.flops, flops, strict=True):
        for piece, place in enumerate(places):
            value = flop.init >> (PIECE * piece) & ((1 << place.width) - 1)
            if value:
                lines.append(f"{place.text} = K{place.size}({value:#x}ull);")
    for memory, (first, count) in zip(netlist.memories, memories, strict=True):
        for at, word in enumerate(memory.init):
            for piece in range(count if word else 0):
                value = word >> (PIECE * piece) & ((1 << PIECE) - 1)
                lines.append(f"n.m{first + piece}[{at}] = K64({value:#x}ull);")
    return [*lines, "}"]


def _ordered(netlist: Frozen) -> list[Cell | tuple[int, int]]:
    """Return cells and memory reads, each after what it reads; `ConfigError` for a loop."""
    nodes: list[tuple[Cell | tuple[int, int], list[Bit], Sequence[Bit]]] = [
        (cell, [bit for bits in cell.inputs.values() for bit in bits], cell.output)
        for cell in netlist.cells
    ]
    for index, memory in enumerate(netlist.memories):
        nodes += [
            ((index, port), list(address), data)
            for port, (address, data) in enumerate(memory.reads)
        ]
    source = {
        bit: at for at, (_, _, out) in enumerate(nodes) for bit in out if isinstance(bit, int)
    }
    needs = [{source[bit] for bit in reads if bit in source} for _, reads, _ in nodes]
    users: dict[int, list[int]] = {}
    for at, before in enumerate(needs):
        for other in before:
            users.setdefault(other, []).append(at)
    left = [len(before) for before in needs]
    ready = [at for at, count in enumerate(left) if not count]
    order = []
    while ready:
        at = ready.pop()
        order.append(nodes[at][0])
        for user in users.get(at, ()):
            left[user] -= 1
            if not left[user]:
                ready.append(user)
    if len(order) < len(nodes):
        stuck = next(node for node, count in zip(nodes, left, strict=True) if count)[0]
        name = stuck.name if isinstance(stuck, Cell) else netlist.memories[stuck[0]].name
        raise ConfigError(f"{name} is part of a combinational loop; break it with a register")
    return order


def _read(
    e: Emitter, index: int, port: int, memory: tuple[int, int], places: tuple[Place, ...]
) -> None:
    found = e.netlist.memories[index]
    address = e.pieces(found.reads[port][0], min(32, max(1, len(found.reads[port][0]))), False)[0]
    size = size_of(max(1, len(found.reads[port][0])))
    wide = address if size == 32 else f"C32({address})"
    e.lines.append(f"{{ Address where({wide}, {found.size});")
    for piece, place in enumerate(places):
        value = f"where.read(n.m{memory[0] + piece})"
        e.lines.append(
            f"{place.text} = {value if place.size == 64 else f'C{place.size}({value})'};"
        )
    e.lines.append("}")


def _write(
    e: Emitter,
    index: int,
    width: int,
    address: Sequence[Bit],
    data: Sequence[Bit],
    enable: Sequence[Bit],
    memory: tuple[int, int],
) -> None:
    size = size_of(max(1, len(address)))
    where = e.pieces(address, len(address), False)[0]
    wide = where if size == 32 else f"C32({where})"
    e.lines.append(f"{{ Address where({wide}, {e.netlist.memories[index].size});")
    values, masks = e.pieces(data, width, False), e.pieces(enable, width, False)
    for piece, (value, mask) in enumerate(zip(values, masks, strict=True)):
        piece_size = size_of(min(PIECE, width - PIECE * piece))
        both = [text if piece_size == 64 else f"C64({text})" for text in (value, mask)]
        e.lines.append(f"where.write(n.m{memory[0] + piece}, {both[0]}, {both[1]});")
    e.lines.append("}")


def _observe(e: Emitter, netlist: Frozen) -> None:
    """Compare outputs with lane 0: handshakes always, data while lane 0 says that it is valid."""
    outputs: Mapping[str, Sequence[Bit]] = {port.name: port.bits for port in netlist.outputs}
    for name, bits in outputs.items():
        parts = e.pieces(bits, len(bits), signed=False)
        differs = " | ".join(
            f"DIFFERS{size_of(min(PIECE, len(bits) - PIECE * at))}({part})"
            for at, part in enumerate(parts)
        )
        stem, _, role = name.rpartition("_")
        valid = outputs.get(f"{stem}_tvalid")
        if role in ("tvalid", "tready", "valid", "ready"):
            e.lines.append(f"control |= {differs};")
        elif valid is not None:
            e.lines.append(f"if (({e.value(valid, 8)})[0]) data |= {differs};")
        else:
            e.lines.append(f"data |= {differs};")
