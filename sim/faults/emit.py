"""C++ from a frozen netlist: every word a vector of lanes, lane 0 without a fault.

A word is held in the narrowest element that fits, 8 to 64 bits; wider ones are cut into pieces of
64. Bits above a word's width are zero everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hw.contracts import ConfigError

from .frozen import Bit, Cell, Frozen

__all__ = ["Emitted", "Place", "emit"]

PIECE = 64
SIZES = (8, 16, 32, 64)
STATEMENTS = 250  # in each function: compilers slow down on long ones
_BITWISE = {"$and": "&", "$or": "|", "$xor": "^"}
_COMPARE = {"$lt": "<", "$le": "<=", "$gt": ">", "$ge": ">=", "$eq": "==", "$ne": "!="}
_COMPARE |= {"$eqx": "==", "$nex": "!="}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece of a word lies: kind (``s`` state, ``c`` other), element size, index, width."""

    kind: str
    size: int
    index: int
    width: int

    @property
    def text(self) -> str:
        return f"n.{self.kind}{self.size}[{self.index}]"


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


def _size(width: int) -> int:
    return next(size for size in SIZES if width <= size)


def _mask(width: int) -> str:
    return f"{(1 << width) - 1:#x}ull"


@dataclass
class _Emitter:
    netlist: Frozen
    counts: dict[str, int] = field(default_factory=dict)
    driver: dict[Bit, tuple[Place, int]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def word(self, bits: Sequence[Bit], kind: str) -> tuple[Place, ...]:
        """Return the places of a new word, and note that it drives `bits`."""
        pieces = []
        for low in range(0, len(bits), PIECE):
            part = bits[low : low + PIECE]
            size = _size(len(part))
            key = f"{kind}{size}"
            place = Place(kind, size, self.counts.get(key, 0), len(part))
            self.counts[key] = place.index + 1
            for at, bit in enumerate(part):
                if isinstance(bit, int):
                    self.driver[bit] = place, at
            pieces.append(place)
        return tuple(pieces)

    def value(self, bits: Sequence[Bit], size: int) -> str:
        """Return up to 64 bits as an expression of elements of `size` bits."""
        parts: list[str] = []
        constant, at = 0, 0
        while at < len(bits):
            bit = bits[at]
            if isinstance(bit, str):
                constant |= (bit == "1") << at
                at += 1
                continue
            place, low = self.driver[bit]
            count = 1
            while at + count < len(bits) and self._follows(bits[at + count], place, low + count):
                count += 1
            parts.append(self._run(place, low, count, size, at))
            at += count
        if constant or not parts:
            parts.append(f"K{size}({constant:#x}ull)")
        return " | ".join(parts) if len(parts) == 1 else f"({' | '.join(parts)})"

    def _follows(self, bit: Bit, place: Place, at: int) -> bool:
        return isinstance(bit, int) and self.driver.get(bit) == (place, at)

    def _run(self, place: Place, low: int, count: int, size: int, at: int) -> str:
        text = place.text
        if low:
            text = f"({text} >> {low})"
        if low + count < place.width:
            text = f"({text} & {_mask(count)})"
        if place.size != size:
            text = f"C{size}({text})"
        return f"({text} << {at})" if at else text

    def pieces(self, bits: Sequence[Bit], width: int, signed: bool) -> list[str]:
        """Return bits extended or cut to `width`, as expressions of 64 bits each but the last."""
        bits = list(bits[:width])
        fill: Bit = bits[-1] if signed and bits else "0"
        if signed and len(bits) < width <= PIECE:
            size, top = _size(width), 1 << (len(bits) - 1)
            inner = self.value(bits, size)
            return [f"((({inner}) ^ {top:#x}ull) - {top:#x}ull) & {_mask(width)}"]
        bits += [fill] * (width - len(bits))
        return [
            self.value(bits[low : low + PIECE], _size(min(PIECE, width - low)))
            for low in range(0, width, PIECE)
        ]

    def assign(self, places: Sequence[Place], values: Iterable[str]) -> None:
        for place, value in zip(places, values, strict=True):
            self.lines.append(f"{place.text} = {value};")


def emit(netlist: Frozen) -> Emitted:
    """Return the code of a design; `ConfigError` names a cell that is not supported."""
    e = _Emitter(netlist)
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
            _cell(e, step, outputs[step.name])
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


def _struct(e: _Emitter, netlist: Frozen, memories: Sequence[tuple[int, int]]) -> list[str]:
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


def _cell(e: _Emitter, cell: Cell, y: tuple[Place, ...]) -> None:
    kind, p = cell.type, cell.parameters
    width = len(cell.output)
    a = cell.inputs.get("A", ())
    b = cell.inputs.get("B", ())
    signed = bool(p.get("A_SIGNED", 0)) and (not b or bool(p.get("B_SIGNED", 0)))
    if kind in _BITWISE:
        pairs = zip(e.pieces(a, width, signed), e.pieces(b, width, signed), strict=True)
        e.assign(y, [f"({left}) {_BITWISE[kind]} ({right})" for left, right in pairs])
    elif kind == "$xnor":
        triples = zip(e.pieces(a, width, signed), e.pieces(b, width, signed), y, strict=True)
        e.assign(y, [f"~(({m}) ^ ({n})) & {_mask(place.width)}" for m, n, place in triples])
    elif kind == "$not":
        parts = zip(e.pieces(a, width, signed), y, strict=True)
        e.assign(y, [f"~({part}) & {_mask(place.width)}" for part, place in parts])
    elif kind == "$pos":
        e.assign(y, e.pieces(a, width, signed))
    elif kind in ("$add", "$sub", "$neg"):
        _add(e, kind, a, b, width, signed, y)
    elif kind == "$mul":
        _narrow(cell, width)
        (left,), (right,) = e.pieces(a, width, signed), e.pieces(b, width, signed)
        e.assign(y, [f"(({left}) * ({right})) & {_mask(width)}"])
    elif kind in _COMPARE:
        _compare(e, cell, a, b, signed, y)
    elif kind.startswith(("$reduce", "$logic")):
        _reduce(e, cell, a, b, y)
    elif kind == "$mux":
        select = e.value(cell.inputs["S"], 8)
        triples = zip(e.pieces(a, width, False), e.pieces(b, width, False), y, strict=True)
        e.assign(y, [f"MUX{q.size}({select}, {m}, {n})" for m, n, q in triples])
    elif kind == "$pmux":
        _pmux(e, cell, a, b, width, y)
    elif kind in ("$shl", "$shr", "$sshl", "$sshr", "$shift", "$shiftx"):
        _shift(e, cell, a, b, width, y)
    else:
        raise ConfigError(f"{cell.name}: cells of type {kind} are not supported")


def _narrow(cell: Cell, width: int) -> None:
    if width > PIECE:
        raise ConfigError(f"{cell.name}: {cell.type} of {width} bits; use {PIECE} or fewer")


def _add(
    e: _Emitter,
    kind: str,
    a: Sequence[Bit],
    b: Sequence[Bit],
    width: int,
    signed: bool,
    y: tuple[Place, ...],
) -> None:
    left, right = e.pieces(a, width, signed), e.pieces(b, width, signed)
    if kind == "$neg":
        left, right = [f"K{place.size}(0)" for place in y], left
    sign = "+" if kind == "$add" else "-"
    if len(y) == 1:
        e.assign(y, [f"(({left[0]}) {sign} ({right[0]})) & {_mask(width)}"])
        return
    e.lines.append("{ V64 carry = K64(0);")
    for one, other, place in zip(left, right, y, strict=True):
        wide = [text if place.size == 64 else f"C64({text})" for text in (one, other)]
        e.lines.append(f"{{ V64 a = {wide[0]}, b = {wide[1]};")
        e.lines.append(f"V64 r = a {sign} b; V64 t = r {sign} carry;")
        lost = "r < a) | (t < r" if sign == "+" else "a < b) | (r < carry"
        e.lines.append(f"carry = ONE64(({lost}));")
        value = "t" if place.size == 64 else f"C{place.size}(t)"
        e.lines.append(f"{place.text} = {value} & {_mask(place.width)}; }}")
    e.lines.append("}")


def _compare(
    e: _Emitter,
    cell: Cell,
    a: Sequence[Bit],
    b: Sequence[Bit],
    signed: bool,
    y: tuple[Place, ...],
) -> None:
    width = max(len(a), len(b))
    if cell.type in ("$eq", "$ne", "$eqx", "$nex"):
        pairs = zip(e.pieces(a, width, signed), e.pieces(b, width, signed), strict=True)
        test = " | ".join(
            f"NZ{_size(min(PIECE, width - PIECE * at))}(({m}) ^ ({n}))"
            for at, (m, n) in enumerate(pairs)
        )
        text = f"({test})" if cell.type in ("$ne", "$nex") else f"(({test}) ^ 1)"
    else:
        _narrow(cell, width)
        size = _size(width)
        (left,), (right,) = e.pieces(a, width, signed), e.pieces(b, width, signed)
        if signed:  # the order of signed numbers is that of numbers with the sign inverted
            flip = f"{1 << (width - 1):#x}ull"
            left, right = f"(({left}) ^ {flip})", f"(({right}) ^ {flip})"
        text = f"NZ{size}(V{size}(({left}) {_COMPARE[cell.type]} ({right})))"
    e.assign(y, _flag(text, y))


def _flag(text: str, y: tuple[Place, ...]) -> list[str]:
    """Return a bit of 8-bit elements as the lowest bit of a word."""
    first = text if y[0].size == 8 else f"C{y[0].size}({text})"
    return [first, *(f"K{place.size}(0)" for place in y[1:])]


def _any(e: _Emitter, bits: Sequence[Bit]) -> str:
    parts = e.pieces(bits, len(bits), signed=False)
    return " | ".join(
        f"NZ{_size(min(PIECE, len(bits) - PIECE * at))}({part})" for at, part in enumerate(parts)
    )


def _reduce(
    e: _Emitter, cell: Cell, a: Sequence[Bit], b: Sequence[Bit], y: tuple[Place, ...]
) -> None:
    kind = cell.type
    if kind in ("$reduce_or", "$reduce_bool"):
        text = f"({_any(e, a)})"
    elif kind == "$logic_not":
        text = f"(({_any(e, a)}) ^ 1)"
    elif kind == "$logic_and":
        text = f"(({_any(e, a)}) & ({_any(e, b)}))"
    elif kind == "$logic_or":
        text = f"(({_any(e, a)}) | ({_any(e, b)}))"
    elif kind == "$reduce_and":
        parts = e.pieces(a, len(a), signed=False)
        widths = [min(PIECE, len(a) - PIECE * at) for at in range(len(parts))]
        missing = " | ".join(
            f"NZ{_size(w)}(({part}) ^ {_mask(w)})" for part, w in zip(parts, widths, strict=True)
        )
        text = f"(({missing}) ^ 1)"
    elif kind in ("$reduce_xor", "$reduce_xnor"):
        parts = e.pieces(a, len(a), signed=False)
        odd = " ^ ".join(
            f"PARITY{_size(min(PIECE, len(a) - PIECE * at))}({part})"
            for at, part in enumerate(parts)
        )
        text = f"(({odd}) ^ {int(kind == '$reduce_xnor')})"
    else:
        raise ConfigError(f"{cell.name}: cells of type {kind} are not supported")
    e.assign(y, _flag(text, y))


def _pmux(
    e: _Emitter,
    cell: Cell,
    a: Sequence[Bit],
    b: Sequence[Bit],
    width: int,
    y: tuple[Place, ...],
) -> None:
    selects = cell.inputs["S"]
    e.assign(y, e.pieces(a, width, signed=False))
    for at in reversed(range(len(selects))):  # more than one is not driven by any sane design
        select = e.value(selects[at : at + 1], 8)
        parts = e.pieces(b[at * width : (at + 1) * width], width, signed=False)
        e.assign(
            y, [f"MUX{q.size}({select}, {q.text}, {n})" for n, q in zip(parts, y, strict=True)]
        )


def _shift(
    e: _Emitter,
    cell: Cell,
    a: Sequence[Bit],
    b: Sequence[Bit],
    width: int,
    y: tuple[Place, ...],
) -> None:
    """Shift stage by stage, a multiplexer for each bit of the distance."""
    left = cell.type in ("$shl", "$sshl")
    arithmetic = cell.type == "$sshr" and bool(cell.parameters.get("A_SIGNED", 0))
    if cell.parameters.get("B_SIGNED", 0) and cell.type in ("$shift", "$shiftx"):
        raise ConfigError(f"{cell.name}: {cell.type} by a signed distance is not supported")
    wide = max(width, len(a))
    fill: Bit = a[-1] if arithmetic else "0"
    if cell.parameters.get("A_SIGNED", 0) and cell.type != "$shiftx":
        fill = a[-1] if arithmetic or len(a) < wide else "0"
    bits: list[Bit] = [*a, *([fill] * (wide - len(a)))]
    if not arithmetic:
        fill = "0"
    for stage, select in enumerate(b):
        distance = min(1 << stage, wide)
        moved = [fill] * distance
        shifted = [*moved, *bits[: wide - distance]] if left else [*bits[distance:], *moved]
        bits = _chosen(e, [select], bits, shifted)
    e.assign(y, e.pieces(bits, width, signed=False))


def _chosen(
    e: _Emitter, select: Sequence[Bit], zero: Sequence[Bit], one: Sequence[Bit]
) -> list[Bit]:
    """Return new bits: those of `zero`, or of `one` where the bit is set."""
    fresh: list[Bit] = [-len(e.driver) - 1 - at for at in range(len(zero))]
    places = e.word(fresh, "c")
    test = e.value(select, 8)
    pairs = zip(
        e.pieces(zero, len(zero), False), e.pieces(one, len(one), False), places, strict=True
    )
    e.assign(places, [f"MUX{q.size}({test}, {m}, {n})" for m, n, q in pairs])
    return fresh


def _read(
    e: _Emitter, index: int, port: int, memory: tuple[int, int], places: tuple[Place, ...]
) -> None:
    found = e.netlist.memories[index]
    address = e.pieces(found.reads[port][0], min(32, max(1, len(found.reads[port][0]))), False)[0]
    size = _size(max(1, len(found.reads[port][0])))
    wide = address if size == 32 else f"C32({address})"
    e.lines.append(f"{{ Address where({wide}, {found.size});")
    for piece, place in enumerate(places):
        value = f"where.read(n.m{memory[0] + piece})"
        e.lines.append(
            f"{place.text} = {value if place.size == 64 else f'C{place.size}({value})'};"
        )
    e.lines.append("}")


def _write(
    e: _Emitter,
    index: int,
    width: int,
    address: Sequence[Bit],
    data: Sequence[Bit],
    enable: Sequence[Bit],
    memory: tuple[int, int],
) -> None:
    size = _size(max(1, len(address)))
    where = e.pieces(address, len(address), False)[0]
    wide = where if size == 32 else f"C32({where})"
    e.lines.append(f"{{ Address where({wide}, {e.netlist.memories[index].size});")
    values, masks = e.pieces(data, width, False), e.pieces(enable, width, False)
    for piece, (value, mask) in enumerate(zip(values, masks, strict=True)):
        piece_size = _size(min(PIECE, width - PIECE * piece))
        both = [text if piece_size == 64 else f"C64({text})" for text in (value, mask)]
        e.lines.append(f"where.write(n.m{memory[0] + piece}, {both[0]}, {both[1]});")
    e.lines.append("}")


def _observe(e: _Emitter, netlist: Frozen) -> None:
    """Compare outputs with lane 0: handshakes always, data while lane 0 says that it is valid."""
    outputs: Mapping[str, Sequence[Bit]] = {port.name: port.bits for port in netlist.outputs}
    for name, bits in outputs.items():
        parts = e.pieces(bits, len(bits), signed=False)
        differs = " | ".join(
            f"DIFFERS{_size(min(PIECE, len(bits) - PIECE * at))}({part})"
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
