"""Verilog expressions of Yosys' combinational cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hw.contracts import ConfigError

from .netlist import Bit, Cell

__all__ = ["expression"]

Bits = Callable[[Sequence[Bit]], str]
_BITWISE = {"$and": "&", "$or": "|", "$xor": "^", "$xnor": "~^"}
_ARITHMETIC = {"$add": "+", "$sub": "-"}
_COMPARE = {"$lt": "<", "$le": "<=", "$gt": ">", "$ge": ">="}
_EQUAL = {"$eq": "==", "$ne": "!=", "$eqx": "==", "$nex": "!="}
_REDUCE = {
    "$reduce_and": "&", "$reduce_or": "|", "$reduce_bool": "|", "$reduce_xor": "^",
    "$reduce_xnor": "~^",
}  # fmt: skip
_SHIFTS = ("$shl", "$sshl", "$shr", "$sshr", "$shift", "$shiftx")


def expression(cell: Cell, bits: Bits) -> str:
    """Return what drives the output of `cell`; its inputs are stretched to the width of the result.

    Parameters
    ----------
    bits : callable
        Returns bits, lowest first, as an expression of exactly their number of bits.

    Raises
    ------
    ConfigError
        A type that is not known.
    """
    kind, width = cell.type, len(cell.output)
    a, b = cell.inputs.get("A", ()), cell.inputs.get("B", ())
    signed = bool(cell.parameters.get("A_SIGNED", 0))
    both = signed and bool(cell.parameters.get("B_SIGNED", 0))
    if kind in _BITWISE or kind in _ARITHMETIC:
        sign = (_BITWISE | _ARITHMETIC)[kind]
        return f"{bits(_stretch(a, width, both))} {sign} {bits(_stretch(b, width, both))}"
    if kind == "$mul":
        return _product(_stretch(a, width, both), _stretch(b, width, both), bits)
    if kind in ("$not", "$neg", "$pos"):
        sign = {"$not": "~", "$neg": "-", "$pos": ""}[kind]
        return f"{sign}{bits(_stretch(a, width, signed))}"
    if kind in _COMPARE or kind in _EQUAL:
        return _compared(kind, a, b, both, bits)
    if kind in _REDUCE:
        return f"{_REDUCE[kind]}{bits(a)}"
    if kind.startswith("$logic_"):
        tests = [f"(|{bits(side)})" for side in (a, b) if side]
        signs = {"$logic_not": "!", "$logic_and": " && ", "$logic_or": " || "}
        return f"!{tests[0]}" if kind == "$logic_not" else signs[kind].join(tests)
    if kind in ("$mux", "$pmux"):
        return _chosen(a, b, cell.inputs["S"], bits)
    if kind in _SHIFTS:
        return _shifted(cell, a, b, width, signed, bits)
    raise ConfigError(f"{cell.name}: cells of type {kind} are not supported")


def _stretch(bits: Sequence[Bit], width: int, signed: bool) -> list[Bit]:
    fill: Bit = bits[-1] if signed and bits else "0"
    return [*bits[:width], *([fill] * (width - len(bits)))]


def _product(a: Sequence[Bit], b: Sequence[Bit], bits: Bits) -> str:
    """Return a product of words as wide as it; signed ones without the repeats of their sign.

    Modulo a power of two the product of words is that of the numbers that they are in two's
    complement. Synthesis sees how many bits a multiplier needs if the sign is not spelt out.
    """
    if all(side and side[-1] == "0" for side in (a, b)):
        return f"{bits(a)} * {bits(b)}"
    return " * ".join(f"$signed({bits(_without_repeats(side))})" for side in (a, b))


def _without_repeats(bits: Sequence[Bit]) -> Sequence[Bit]:
    """Return a signed word with one bit of sign only."""
    end = len(bits)
    while end > 1 and bits[end - 1] == bits[end - 2]:
        end -= 1
    return bits[:end]


def _compared(kind: str, a: Sequence[Bit], b: Sequence[Bit], signed: bool, bits: Bits) -> str:
    width = max(len(a), len(b))
    left, right = (bits(_stretch(side, width, signed)) for side in (a, b))
    if signed and kind in _COMPARE:
        left, right = f"$signed({left})", f"$signed({right})"
    return f"{left} {(_COMPARE | _EQUAL)[kind]} {right}"


def _chosen(a: Sequence[Bit], b: Sequence[Bit], selects: Sequence[Bit], bits: Bits) -> str:
    """Return a multiplexer: the or of what is selected, as synthesis builds it."""
    width = len(a)
    if len(selects) == 1:
        return f"{bits(selects)} ? {bits(b)} : {bits(a)}"
    words = [f"({bits(selects)} == 0 ? {bits(a)} : {width}'h0)"]
    for at, select in enumerate(selects):
        mask = f"{{{width}{{{bits([select])}}}}}"
        words.append(f"({mask} & {bits(b[at * width : (at + 1) * width])})")
    return " | ".join(words)


def _shifted(
    cell: Cell, a: Sequence[Bit], b: Sequence[Bit], width: int, signed: bool, bits: Bits
) -> str:
    """Return a shift; a negative distance, of `$shift` and `$shiftx`, is one to the left."""
    wide = max(width, len(a))
    value = bits(_stretch(a, wide, signed and cell.type != "$shiftx"))
    right = f"{value} >> {bits(b)}"
    if cell.type in ("$shl", "$sshl"):
        return f"{value} << {bits(b)}"
    if cell.type == "$sshr" and signed:
        return f"$signed({value}) >>> {bits(b)}"
    if cell.type in ("$shift", "$shiftx") and cell.parameters.get("B_SIGNED", 0) and b:
        distance = bits(b)
        return f"{bits(b[-1:])} ? ({value} << (-{distance})) : ({right})"
    return right
