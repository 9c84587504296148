"""C++ of combinational cells, by Yosys' type."""

from __future__ import annotations

from collections.abc import Sequence

from boards.frozen import Bit, Cell
from hw.contracts import ConfigError

from .words import PIECE, Emitter, Place, mask_of, size_of

__all__ = ["emit_cell"]

_BITWISE = {"$and": "&", "$or": "|", "$xor": "^"}
_COMPARE = {"$lt": "<", "$le": "<=", "$gt": ">", "$ge": ">=", "$eq": "==", "$ne": "!="}
_COMPARE |= {"$eqx": "==", "$nex": "!="}


def emit_cell(e: Emitter, cell: Cell, y: tuple[Place, ...]) -> None:
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
        e.assign(y, [f"~(({m}) ^ ({n})) & {mask_of(place.width)}" for m, n, place in triples])
    elif kind == "$not":
        parts = zip(e.pieces(a, width, signed), y, strict=True)
        e.assign(y, [f"~({part}) & {mask_of(place.width)}" for part, place in parts])
    elif kind == "$pos":
        e.assign(y, e.pieces(a, width, signed))
    elif kind in ("$add", "$sub", "$neg"):
        _add(e, kind, a, b, width, signed, y)
    elif kind == "$mul":
        _narrow(cell, width)
        (left,), (right,) = e.pieces(a, width, signed), e.pieces(b, width, signed)
        e.assign(y, [f"(({left}) * ({right})) & {mask_of(width)}"])
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
    e: Emitter,
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
        e.assign(y, [f"(({left[0]}) {sign} ({right[0]})) & {mask_of(width)}"])
        return
    e.lines.append("{ V64 carry = K64(0);")
    for one, other, place in zip(left, right, y, strict=True):
        wide = [text if place.size == 64 else f"C64({text})" for text in (one, other)]
        e.lines.append(f"{{ V64 a = {wide[0]}, b = {wide[1]};")
        e.lines.append(f"V64 r = a {sign} b; V64 t = r {sign} carry;")
        lost = "r < a) | (t < r" if sign == "+" else "a < b) | (r < carry"
        e.lines.append(f"carry = ONE64(({lost}));")
        value = "t" if place.size == 64 else f"C{place.size}(t)"
        e.lines.append(f"{place.text} = {value} & {mask_of(place.width)}; }}")
    e.lines.append("}")


def _compare(
    e: Emitter,
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
            f"NZ{size_of(min(PIECE, width - PIECE * at))}(({m}) ^ ({n}))"
            for at, (m, n) in enumerate(pairs)
        )
        text = f"({test})" if cell.type in ("$ne", "$nex") else f"(({test}) ^ 1)"
    else:
        _narrow(cell, width)
        size = size_of(width)
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


def _any(e: Emitter, bits: Sequence[Bit]) -> str:
    parts = e.pieces(bits, len(bits), signed=False)
    return " | ".join(
        f"NZ{size_of(min(PIECE, len(bits) - PIECE * at))}({part})" for at, part in enumerate(parts)
    )


def _reduce(
    e: Emitter, cell: Cell, a: Sequence[Bit], b: Sequence[Bit], y: tuple[Place, ...]
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
            f"NZ{size_of(w)}(({part}) ^ {mask_of(w)})"
            for part, w in zip(parts, widths, strict=True)
        )
        text = f"(({missing}) ^ 1)"
    elif kind in ("$reduce_xor", "$reduce_xnor"):
        parts = e.pieces(a, len(a), signed=False)
        odd = " ^ ".join(
            f"PARITY{size_of(min(PIECE, len(a) - PIECE * at))}({part})"
            for at, part in enumerate(parts)
        )
        text = f"(({odd}) ^ {int(kind == '$reduce_xnor')})"
    else:
        raise ConfigError(f"{cell.name}: cells of type {kind} are not supported")
    e.assign(y, _flag(text, y))


def _pmux(
    e: Emitter,
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
    e: Emitter,
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
    e: Emitter, select: Sequence[Bit], zero: Sequence[Bit], one: Sequence[Bit]
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
