"""Signed multipliers: left to the target's blocks, or built from logic."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Value

__all__ = ["product"]


def product(a: Value, b: Value, kind: str) -> Any:
    """Return the signed product of two signed values of the same width.

    ``"dsp"`` writes ``a * b``, which synthesis maps to multiplier blocks. ``"lut"`` sums partial
    products of ANDed bits: no tool finds a multiplication in it, whatever its flags.
    """
    if kind == "dsp":
        return a * b
    rows = [_partial(a, b, index) for index in range(len(b))]
    while len(rows) > 1:  # a balanced tree keeps the carry chains few and short
        pairs = [rows[i] + rows[i + 1] for i in range(0, len(rows) - 1, 2)]
        rows = pairs + rows[len(pairs) * 2 :]
    return rows[0][: 2 * len(a)].as_signed()


def _partial(a: Value, b: Value, index: int) -> Any:
    """Return ``a << index`` where bit `index` of b is set; minus that for b's sign bit."""
    gated = (a.as_unsigned() & b[index].replicate(len(a))).as_signed()
    shifted = Cat(Const(0, index), gated).as_signed()
    return -shifted if index == len(b) - 1 else shifted
