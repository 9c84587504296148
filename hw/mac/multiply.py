"""Unsigned products from small blocks, and one multiplier for several lanes."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value

__all__ = ["GROUP", "Row", "add_in_pairs", "add_rows", "booth_rows", "grouped", "rows"]

Row = tuple[int, Any]
"""Bits of a partial product, and how far they are shifted left."""

SMALL = 8
"""Bits up to which rows of ANDs beat Booth's: 13 bits take 169 LUT6 or 5,843 um2 of sky130 as
rows, 144 and 5,082 as Booth; 6 bits take 36 and 1,440 against 44 and 1,503, registers included."""
GROUP = 2
"""Rows that are added in the first stage of a deep pipeline, where they are recoded as well."""


def rows(a: Any, b: Any) -> list[Row]:
    """Return partial products of `a` and `b`, unsigned; no tool finds a multiplication in them.

    Their sum is the product modulo ``2**(len(a) + len(b))``.
    """
    a, b = Value.cast(a), Value.cast(b)
    if len(b) > SMALL:
        return booth_rows(a, b)
    return [(index, _masked(a, b[index])) for index in range(len(b))]


def booth_rows(a: Value, b: Value, *, gates: list[Any] | None = None) -> list[Row]:
    """Return rows by radix-4 Booth recoding: half as many, each of -2a to 2a.

    A negative row is the inverted multiple with one added at its lowest bit; its sign is written
    inverted, and all constants that make up for that lie in one more row, with the ones.

    Parameters
    ----------
    gates : list, optional
        What `a` is in each row, instead of `a`: lanes that share the rows see their own part.
    """
    width = len(a) + len(b)
    digits = Cat(Const(0, 1), b, Const(0, 2))
    found: list[Row] = []
    ones, constant = [], 0
    for turn, low in enumerate(range(0, len(b) + 1, 2)):
        operand = Value.cast(gates[turn]) if gates else a
        below, here, above = digits[low], digits[low + 1], digits[low + 2]
        once, twice = Cat(operand, Const(0, 1)), Cat(Const(0, 1), operand)
        if low + 1 >= len(b):  # nothing above: the digit is 0 or 1, or 2 where `here` is a bit
            double, single = here & below, here ^ below
            found.append((low, _selected(single, double, once, twice)))
            continue
        single = below ^ here
        double = (above & ~here & ~below) | (~above & here & below)
        multiple = _selected(single, double, once, twice) ^ above.replicate(len(a) + 1)
        found.append((low, Cat(multiple, ~above)))
        ones += [above, Const(0, 1)]
        constant -= 1 << (low + len(a) + 1)
    constant %= 1 << width
    assert constant % (1 << len(ones)) == 0  # so that one row holds both
    found.append((0, Cat(*ones, Const(constant >> len(ones), width - len(ones)))))
    return found


def add_in_pairs(m: Module, found: list[Row], width: int, name: str) -> Any:
    """Return the sum of rows in `width` bits by a tree of adders: larger, and faster."""
    level, turn = sorted(found, key=lambda row: row[0]), 0
    while len(level) > 2:
        level, turn = grouped(m, level, width, f"{name}_{turn}"), turn + 1
    return add_rows(m, level, width, name)


def add_rows(m: Module, found: list[Row], width: int, name: str) -> Any:
    """Return the sum of rows in `width` bits, one after the other.

    One after the other, a LUT6 fabric forms a row's bits in its adder; what lies below a row
    needs no adder.
    """
    ordered = sorted(found, key=lambda row: row[0])
    base, total = ordered[0]
    for turn, (shift, bits) in enumerate(ordered[1:]):
        at = min(shift - base, len(total))
        gap = Const(0, shift - base - at)
        longer = Cat(total[:at], gap, Value.cast(total[at:]) + bits)[: width - base]
        total = Signal(len(longer), name=f"{name}_{turn}")
        m.d.comb += total.eq(longer)
    return Cat(Const(0, base), total, Const(0, max(width - base - len(total), 0)))[:width]


def grouped(m: Module, found: list[Row], width: int, name: str) -> list[Row]:
    """Return fewer rows with the same sum: groups of neighbours added."""
    ordered = sorted(found, key=lambda row: row[0])
    result = []
    for at in range(0, len(ordered), GROUP):
        part = ordered[at : at + GROUP]
        base = part[0][0]
        inner = [(shift - base, bits) for shift, bits in part]
        reach = max(shift + len(Value.cast(bits)) for shift, bits in inner) + 1
        part_name = f"{name}_part{at // GROUP}"
        result.append((base, add_rows(m, inner, min(reach, width - base), part_name)))
    return result


def _masked(a: Value, bit: Any) -> Any:
    return Cat(x & bit for x in a)


def _selected(single: Any, double: Any, once: Value, twice: Value) -> Any:
    return Cat((single & x) | (double & y) for x, y in zip(once, twice, strict=True))
