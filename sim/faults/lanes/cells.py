"""C++ of the combinational cells of frozen netlists, by Yosys' type. What Verilog calls x is 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from boards.frozen import Bit, Cell
from hw.contracts import ConfigError

from .words import PIECE, Emitter, Vector, mask_of, size_of, widths

__all__ = ["emit_cell"]

_BITWISE = {"$and": "&", "$or": "|", "$xor": "^"}
_ORDER = {"$lt": "<", "$le": "<=", "$gt": ">", "$ge": ">="}
_Emit = Callable[[Emitter, Cell, tuple[Vector, ...]], None]


def emit_cell(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    """Add the statements of a cell; `ConfigError` names one that is not supported."""
    emit = _CELLS.get(cell.type)
    if emit is None:
        raise ConfigError(f"{cell.name}: cells of type {cell.type} are not supported")
    emit(e, cell, y)


def _pins(cell: Cell) -> tuple[tuple[Bit, ...], tuple[Bit, ...], bool]:
    """Return A and B, and whether they are extended by their sign."""
    a, b = cell.inputs.get("A", ()), cell.inputs.get("B", ())
    signed = bool(cell.parameters.get("A_SIGNED", 0))
    if "B_SIGNED" in cell.parameters:
        signed &= bool(cell.parameters["B_SIGNED"])
    return a, b, signed


def _bitwise(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, b, signed = _pins(cell)
    width = len(cell.output)
    pairs = zip(e.pieces(a, width, signed), e.pieces(b, width, signed), strict=True)
    e.assign(y, [f"({left}) {_BITWISE[cell.type]} ({right})" for left, right in pairs])


def _xnor(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, b, signed = _pins(cell)
    width = len(cell.output)
    triples = zip(e.pieces(a, width, signed), e.pieces(b, width, signed), y, strict=True)
    e.assign(y, [f"~(({m}) ^ ({n})) & {mask_of(v.width)}" for m, n, v in triples])


def _not(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, _, signed = _pins(cell)
    parts = zip(e.pieces(a, len(cell.output), signed), y, strict=True)
    e.assign(y, [f"~({part}) & {mask_of(v.width)}" for part, v in parts])


def _copy(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, _, signed = _pins(cell)
    e.assign(y, e.pieces(a, len(cell.output), signed))


def _add(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, b, signed = _pins(cell)
    width = len(cell.output)
    left, right = e.pieces(a, width, signed), e.pieces(b, width, signed)
    if cell.type == "$neg":
        left, right = [f"K{v.size}(0)" for v in y], left
    sign = "+" if cell.type == "$add" else "-"
    if len(y) == 1:
        e.assign(y, [f"(({left[0]}) {sign} ({right[0]})) & {mask_of(width)}"])
        return
    e.lines.append("{ V64 carry = K64(0);")
    for one, other, v in zip(left, right, y, strict=True):
        m, n = (text if v.size == PIECE else f"C64({text})" for text in (one, other))
        e.lines.append(f"{{ V64 a = {m}, b = {n};")
        e.lines.append(f"V64 r = a {sign} b; V64 t = r {sign} carry;")
        lost = "r < a) | (t < r" if sign == "+" else "a < b) | (r < carry"
        e.lines.append(f"carry = ONE64(({lost}));")
        e.lines.append(f"{v.text} = {_narrowed('t', v)} & {mask_of(v.width)}; }}")
    e.lines.append("}")


def _narrowed(text: str, vector: Vector) -> str:
    return text if vector.size == PIECE else f"C{vector.size}({text})"


def _multiply(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, b, signed = _pins(cell)
    width = len(cell.output)
    if len(y) == 1:
        (left,), (right,) = e.pieces(a, width, signed), e.pieces(b, width, signed)
        e.assign(y, [f"(({left}) * ({right})) & {mask_of(width)}"])
        return
    wide = [", ".join(e.whole(bits, width, signed)) for bits in (a, b)]
    e.lines.append(f"{{ V64 a[] = {{{wide[0]}}}, b[] = {{{wide[1]}}};")
    e.lines.append(f"V64 r[{len(y)}]; MULTIPLY(a, b, r, {len(y)});")
    e.assign(y, [f"{_narrowed(f'r[{at}]', v)} & {mask_of(v.width)}" for at, v in enumerate(y)])
    e.lines.append("}")


def _equal(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, b, signed = _pins(cell)
    width = max(len(a), len(b))
    parts = zip(widths(width), e.pieces(a, width, signed), e.pieces(b, width, signed), strict=True)
    test = " | ".join(f"NZ{size_of(bits)}(({m}) ^ ({n}))" for bits, m, n in parts)
    e.assign(y, _flag(f"({test})" if cell.type in ("$ne", "$nex") else f"(({test}) ^ 1)", y))


def _compare(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, b, signed = _pins(cell)
    width = max(len(a), len(b))
    left, right = e.pieces(a, width, signed), e.pieces(b, width, signed)
    if signed:  # the order of signed numbers is that of numbers with the sign inverted
        flip = f"{1 << ((width - 1) % PIECE):#x}ull"
        left[-1], right[-1] = f"(({left[-1]}) ^ {flip})", f"(({right[-1]}) ^ {flip})"
    text = ""  # the lowest piece decides as asked, a higher one only if it differs
    for bits, m, n in zip(widths(width), left, right, strict=True):
        size, sign = size_of(bits), _ORDER[cell.type]
        if not text:
            text = f"NZ{size}(V{size}(({m}) {sign} ({n})))"
            continue
        strict = f"NZ{size}(V{size}(({m}) {sign[0]} ({n})))"
        same = f"NZ{size}(V{size}(({m}) == ({n})))"
        text = f"({strict} | ({same} & {text}))"
    e.assign(y, _flag(text, y))


def _flag(text: str, y: tuple[Vector, ...]) -> list[str]:
    """Return a bit of 8-bit elements as the lowest bit of a word."""
    first = text if y[0].size == 8 else f"C{y[0].size}({text})"
    return [first, *(f"K{v.size}(0)" for v in y[1:])]


def _any(e: Emitter, bits: Sequence[Bit]) -> str:
    parts = zip(widths(len(bits)), e.pieces(bits, len(bits), signed=False), strict=True)
    return "(" + " | ".join(f"NZ{size_of(width)}({part})" for width, part in parts) + ")"


def _all(e: Emitter, bits: Sequence[Bit]) -> str:
    parts = zip(widths(len(bits)), e.pieces(bits, len(bits), signed=False), strict=True)
    missing = [f"NZ{size_of(width)}(({part}) ^ {mask_of(width)})" for width, part in parts]
    return f"(({' | '.join(missing)}) ^ 1)"


def _odd(e: Emitter, bits: Sequence[Bit]) -> str:
    parts = zip(widths(len(bits)), e.pieces(bits, len(bits), signed=False), strict=True)
    return "(" + " ^ ".join(f"PARITY{size_of(width)}({part})" for width, part in parts) + ")"


def _reduce(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, b, _ = _pins(cell)
    text = {
        "$reduce_or": lambda: _any(e, a),
        "$reduce_bool": lambda: _any(e, a),
        "$reduce_and": lambda: _all(e, a),
        "$reduce_xor": lambda: _odd(e, a),
        "$reduce_xnor": lambda: f"({_odd(e, a)} ^ 1)",
        "$logic_not": lambda: f"({_any(e, a)} ^ 1)",
        "$logic_and": lambda: f"({_any(e, a)} & {_any(e, b)})",
        "$logic_or": lambda: f"({_any(e, a)} | {_any(e, b)})",
    }[cell.type]()
    e.assign(y, _flag(text, y))


def _mux(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    a, b, _ = _pins(cell)
    width = len(cell.output)
    select = e.value(cell.inputs["S"], 8)
    triples = zip(e.pieces(a, width, False), e.pieces(b, width, False), y, strict=True)
    e.assign(y, [f"MUX{v.size}({select}, {m}, {n})" for m, n, v in triples])


def _pmux(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    """Or what is selected, as Yosys' own model does: sane designs select one."""
    a, b, _ = _pins(cell)
    selects, width = cell.inputs["S"], len(cell.output)
    none = f"({_any(e, selects)} ^ 1)"
    parts = e.pieces(a, width, signed=False)
    e.assign(
        y, [f"MUX{v.size}({none}, K{v.size}(0), {part})" for part, v in zip(parts, y, strict=True)]
    )
    for at, bit in enumerate(selects):
        select = e.value([bit], 8)
        parts = e.pieces(b[at * width : (at + 1) * width], width, signed=False)
        for part, v in zip(parts, y, strict=True):
            e.lines.append(f"{v.text} |= MUX{v.size}({select}, K{v.size}(0), {part});")


def _shift(e: Emitter, cell: Cell, y: tuple[Vector, ...]) -> None:
    """Shift stage by stage, a multiplexer for each bit of the distance, which has no sign."""
    a, distance, left = cell.inputs["A"], cell.inputs["B"], cell.type in ("$shl", "$sshl")
    signed = bool(cell.parameters.get("A_SIGNED", 0)) and cell.type != "$shiftx"
    wide = max(len(cell.output), len(a))
    bits: list[Bit] = [*a, *([a[-1] if signed else "0"] * (wide - len(a)))]
    fill: Bit = bits[-1] if cell.type == "$sshr" and signed else "0"
    for stage, select in enumerate(distance):
        count = min(1 << stage, wide)
        moved = [fill] * count
        shifted = [*moved, *bits[: wide - count]] if left else [*bits[count:], *moved]
        bits = _chosen(e, select, bits, shifted)
    e.assign(y, e.pieces(bits[: len(cell.output)], len(cell.output), signed=False))


def _chosen(e: Emitter, select: Bit, zero: Sequence[Bit], one: Sequence[Bit]) -> list[Bit]:
    """Return new bits: those of `zero`, or of `one` where the bit is set."""
    fresh = e.fresh(len(zero))
    vectors = e.word(fresh)
    test = e.value([select], 8)
    pairs = zip(
        e.pieces(zero, len(zero), False), e.pieces(one, len(one), False), vectors, strict=True
    )
    e.assign(vectors, [f"MUX{v.size}({test}, {m}, {n})" for m, n, v in pairs])
    return fresh


_CELLS: dict[str, _Emit] = {
    **dict.fromkeys(_BITWISE, _bitwise),
    **dict.fromkeys(_ORDER, _compare),
    **dict.fromkeys(("$eq", "$ne", "$eqx", "$nex"), _equal),
    **dict.fromkeys(("$add", "$sub", "$neg"), _add),
    **dict.fromkeys(("$shl", "$shr", "$sshl", "$sshr", "$shift", "$shiftx"), _shift),
    **dict.fromkeys(
        ("$reduce_or", "$reduce_bool", "$reduce_and", "$reduce_xor", "$reduce_xnor"), _reduce
    ),
    **dict.fromkeys(("$logic_not", "$logic_and", "$logic_or"), _reduce),
    "$xnor": _xnor,
    "$not": _not,
    "$pos": _copy,
    "$mul": _multiply,
    "$mux": _mux,
    "$pmux": _pmux,
}
