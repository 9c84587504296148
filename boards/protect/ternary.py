"""What a cell can give, bit by bit, where some of its inputs are known.

A word is what each of its bits may be: a mask of those that may be 0 and one of those that may be
1. A bit in one mask only is known. Results never claim too much: where a cell is not looked into,
its output may be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from boards.frozen import Cell

__all__ = ["Maybe", "evaluate"]


class Maybe(NamedTuple):
    """A word: masks of the bits that may be 0 and of those that may be 1."""

    zeros: int
    ones: int

    def __or__(self, other: tuple[int, int]) -> Maybe:
        return Maybe(self.zeros | other[0], self.ones | other[1])

    @property
    def least(self) -> int:
        """The smallest unsigned value."""
        return self.ones & ~self.zeros

    @property
    def is_known(self) -> bool:
        return not self.zeros & self.ones


def evaluate(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    """Return what a cell's output may be, for what its inputs may be."""
    full = (1 << len(cell.output)) - 1
    function = _FUNCTIONS.get(cell.type)
    return function(cell, inputs) if function else Maybe(full, full)


def _word(value: int, width: int) -> Maybe:
    full = (1 << width) - 1
    return Maybe(~value & full, value & full)


def _flag(may_be_0: bool, may_be_1: bool) -> Maybe:
    return Maybe(int(may_be_0), int(may_be_1))


def _stretched(word: Maybe, width: int, to: int, signed: bool) -> Maybe:
    """Return a word of `to` bits: cut, or with zeros or copies of its sign above."""
    full = (1 << to) - 1
    above = full & ~((1 << width) - 1)
    if not signed or width == 0:
        return Maybe((word.zeros | above) & full, word.ones & full)
    top = width - 1
    return Maybe(
        (word.zeros | above * (word.zeros >> top & 1)) & full,
        (word.ones | above * (word.ones >> top & 1)) & full,
    )


def _sides(cell: Cell, inputs: Mapping[str, Maybe], width: int) -> tuple[Maybe, Maybe]:
    """Return A and B with `width` bits."""
    signed = bool(cell.parameters.get("A_SIGNED") and cell.parameters.get("B_SIGNED"))
    a, b = (_stretched(inputs[p], len(cell.inputs[p]), width, signed) for p in "AB")
    return a, b


def _inverted(word: Maybe) -> Maybe:
    return Maybe(word.ones, word.zeros)


def _bitwise(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    width = len(cell.output)
    a, b = _sides(cell, inputs, width)
    if cell.type == "$and":
        return Maybe(a.zeros | b.zeros, a.ones & b.ones)
    if cell.type == "$or":
        return Maybe(a.zeros & b.zeros, a.ones | b.ones)
    one = Maybe(a.zeros & b.zeros | a.ones & b.ones, a.zeros & b.ones | a.ones & b.zeros)
    if _is_same(cell):
        one = _word(0, width)
    return one if cell.type == "$xor" else _inverted(one)


def _is_same(cell: Cell) -> bool:
    """Whether both inputs are the same nets, of one sign."""
    one, other = (cell.parameters.get(f"{pin}_SIGNED", 0) for pin in "AB")
    return cell.inputs["A"] == cell.inputs["B"] and one == other


def _unary(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    width, signed = len(cell.output), bool(cell.parameters.get("A_SIGNED"))
    a = _stretched(inputs["A"], len(cell.inputs["A"]), width, signed)
    if cell.type == "$pos":
        return a
    if cell.type == "$not":
        return _inverted(a)
    return _sum(_word(0, width), _inverted(a), 1, width)


def _sum(a: Maybe, b: Maybe, carry: int, width: int) -> Maybe:
    """Return a + b + carry, bit by bit."""
    zeros = ones = 0
    low, high = 1 - carry, carry  # whether the carry may be 0, and 1
    for at in range(width):
        sides = ((a.zeros >> at & 1, a.ones >> at & 1), (b.zeros >> at & 1, b.ones >> at & 1))
        reached = [0, 0, 0, 0]
        for x, may_x in enumerate(sides[0]):
            for y, may_y in enumerate(sides[1]):
                if may_x and may_y:
                    reached[x + y] |= low
                    reached[x + y + 1] |= high
        zeros |= (reached[0] | reached[2]) << at
        ones |= (reached[1] | reached[3]) << at
        low, high = reached[0] | reached[1], reached[2] | reached[3]
    return Maybe(zeros, ones)


def _arithmetic(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    width = len(cell.output)
    a, b = _sides(cell, inputs, width)
    if cell.type == "$add":
        return _sum(a, b, 0, width)
    return _word(0, width) if _is_same(cell) else _sum(a, _inverted(b), 1, width)


def _product(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    width = len(cell.output)
    full = (1 << width) - 1
    a, b = _sides(cell, inputs, max(width, *(len(cell.inputs[p]) for p in "AB")))
    if not a.ones or not b.ones:
        return _word(0, width)
    if a.is_known and b.is_known:
        return _word(a.ones * b.ones, width)
    low = (a.ones & -a.ones) * (b.ones & -b.ones)  # zeros below what may be the lowest 1
    ones = full & ~(low - 1) & ((1 << (a.ones * b.ones).bit_length()) - 1)
    return Maybe(full, ones)


def _order(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    width = max(len(cell.inputs["A"]), len(cell.inputs["B"]), 1)
    a, b = _sides(cell, inputs, width)
    if cell.parameters.get("A_SIGNED") and cell.parameters.get("B_SIGNED"):
        sign = 1 << (width - 1)
        a, b = (
            Maybe(w.zeros & ~sign | w.ones & sign, w.ones & ~sign | w.zeros & sign) for w in (a, b)
        )
    if cell.type in ("$gt", "$le"):
        a, b = b, a
    less = _flag(a.ones >= b.least, a.least < b.ones)
    if _is_same(cell):
        less = _flag(True, False)
    return _top(less if cell.type in ("$lt", "$gt") else _inverted(less), cell)


def _top(flag: Maybe, cell: Cell) -> Maybe:
    """Return a flag as a word."""
    return _stretched(flag, 1, len(cell.output), False)


def _equal(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    a, b = _sides(cell, inputs, max(len(cell.inputs["A"]), len(cell.inputs["B"])))
    apart = (a.zeros & ~a.ones & b.ones & ~b.zeros) | (a.ones & ~a.zeros & b.zeros & ~b.ones)
    equal = _flag(not (a.is_known and b.is_known and not apart), not apart)
    if _is_same(cell):
        equal = _flag(False, True)
    return _top(equal if cell.type in ("$eq", "$eqx") else _inverted(equal), cell)


def _any(word: Maybe, width: int) -> Maybe:
    return _flag(word.zeros == (1 << width) - 1, word.ones != 0)


def _reduction(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    a, width = inputs["A"], len(cell.inputs["A"])
    if cell.type == "$reduce_and":
        return _top(_inverted(_any(_inverted(a), width)), cell)
    if cell.type in ("$reduce_or", "$reduce_bool"):
        return _top(_any(a, width), cell)
    if cell.type == "$logic_not":
        return _top(_inverted(_any(a, width)), cell)
    odd = _word(a.ones.bit_count() & 1, 1) if a.is_known else _flag(True, True)
    return _top(odd if cell.type == "$reduce_xor" else _inverted(odd), cell)


def _logic(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    a, b = (_any(inputs[pin], len(cell.inputs[pin])) for pin in "AB")
    if cell.type == "$logic_and":
        return _top(Maybe(a.zeros | b.zeros, a.ones & b.ones), cell)
    return _top(Maybe(a.zeros & b.zeros, a.ones | b.ones), cell)


def _choice(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    """Return what multiplexers may give; of several selects none, or any that may be 1."""
    width, select, parts = len(cell.output), inputs["S"], inputs["B"]
    full = (1 << width) - 1
    found = inputs["A"] if not select.least else Maybe(0, 0)
    for at in range(len(cell.inputs["S"])):
        if select.ones >> at & 1:
            found |= (parts.zeros >> at * width & full, parts.ones >> at * width & full)
    return found


def _shift(cell: Cell, inputs: Mapping[str, Maybe]) -> Maybe:
    width, b = len(cell.output), inputs["B"]
    own = len(cell.inputs["A"])
    wide, full = max(width, own), (1 << width) - 1
    signed = bool(cell.parameters.get("A_SIGNED")) and cell.type != "$shiftx"
    if cell.type in ("$shift", "$shiftx") and cell.parameters.get("B_SIGNED"):
        return Maybe(full, full)
    a = _stretched(inputs["A"], own, wide, signed)
    fill = signed and cell.type == "$sshr"
    found = Maybe(0, 0)
    for by in range(min(b.ones, wide) + 1):
        if by < wide and (by & ~b.ones or ~by & b.least):
            continue
        if cell.type in ("$shl", "$sshl"):
            below = (1 << by) - 1
            found |= ((a.zeros << by | below) & full, a.ones << by & full)
        else:
            longer = _stretched(a, wide, wide + by, fill)
            found |= (longer.zeros >> by & full, longer.ones >> by & full)
    return found


_FUNCTIONS: dict[str, Callable[[Cell, Mapping[str, Maybe]], Maybe]] = {
    **dict.fromkeys(("$and", "$or", "$xor", "$xnor"), _bitwise),
    **dict.fromkeys(("$not", "$pos", "$neg"), _unary),
    **dict.fromkeys(("$add", "$sub"), _arithmetic),
    "$mul": _product,
    **dict.fromkeys(("$lt", "$le", "$gt", "$ge"), _order),
    **dict.fromkeys(("$eq", "$ne", "$eqx", "$nex"), _equal),
    **dict.fromkeys(
        ("$reduce_and", "$reduce_or", "$reduce_bool", "$reduce_xor", "$reduce_xnor", "$logic_not"),
        _reduction,
    ),
    **dict.fromkeys(("$logic_and", "$logic_or"), _logic),
    **dict.fromkeys(("$mux", "$pmux"), _choice),
    **dict.fromkeys(("$shl", "$sshl", "$shr", "$sshr", "$shift", "$shiftx"), _shift),
}
