"""Signed multipliers: left to the target's blocks, or built from logic."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Value

__all__ = ["product"]


def product(a: Value, b: Value, kind: str) -> Any:
    """Return the signed product of two signed values, of the same width unless sums are checked.

    ``"dsp"`` writes ``a * b``, which synthesis maps to multiplier blocks. ``"lut"`` is a
    Baugh-Wooley array: rows of ANDed bits, those of weight ``-1`` inverted, two constants, and a
    tree of adders. No tool finds a multiplication in it, whatever its flags. Only the bits that
    overlap are added, which also keeps Yosys from turning the tree into carry-save adders: on
    ECP5 an 8-bit product takes 136 lookup tables instead of 306.
    """
    if kind == "dsp":
        return a * b
    if len(a) != len(b):
        return _uneven(a, b)
    bits = len(a)
    rows = [(index, _row(a, b, index)) for index in range(bits)]
    one = Const(1, 1)
    rows[0] = (0, Cat(rows[0][1], one))  # 2**bits and 2**(2*bits - 1) make up for the inversion
    rows[-1] = (bits - 1, Cat(rows[-1][1], one))
    return _sum(rows)[: 2 * bits].as_signed()


def _uneven(a: Value, b: Value) -> Any:
    """Return the product of two values of different widths, one row for each bit of the shorter."""
    wide, short = (a, b) if len(a) > len(b) else (b, a)
    bits = len(wide) + len(short)
    rows = [(index, _row(wide, short, index)) for index in range(len(short))]
    made_up = (1 << (len(wide) - 1)) + (1 << (len(short) - 1)) + (1 << (bits - 1))
    return _sum([*rows, (0, Const(made_up, bits))])[:bits].as_signed()


def _sum(rows: list[tuple[int, Any]]) -> Any:
    """Return the sum of numbers given as (shift, bits) in a tree."""
    while len(rows) > 1:
        pairs = [_add(rows[at], rows[at + 1]) for at in range(0, len(rows) - 1, 2)]
        rows = pairs + rows[2 * len(pairs) :]
    return rows[0][1]


def _row(a: Value, b: Value, index: int) -> Any:
    """Return the bits of `a` where bit `index` of `b` is set; inverted where the weight is -1."""
    sign, last = len(a) - 1, len(b) - 1
    bits = [a[at] & b[index] for at in range(len(a))]
    return Cat(~bit if (at == sign) != (index == last) else bit for at, bit in enumerate(bits))


def _add(low: tuple[int, Any], high: tuple[int, Any]) -> tuple[int, Any]:
    """Add two numbers given as (shift, bits); what only the lower one has needs no adder."""
    shift = high[0] - low[0]
    return low[0], Cat(low[1][:shift], low[1][shift:] + high[1])
