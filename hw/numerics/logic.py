"""Combinational pieces of the hardware codecs: normalise, shift with a sticky bit, round."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.utils import bits_for

__all__ = [
    "keep_top",
    "leading_zeros",
    "magnitude_below",
    "round_to_even",
    "shift_right",
    "signed_width",
]


def signed_width(*values: int) -> int:
    """Return the bits of a signed number that holds all `values`."""
    return max(int(bits_for(value, require_sign_bit=True)) for value in values)


def leading_zeros(m: Module, value: Any, fill: Any = 0) -> tuple[Any, Any]:
    """Shift `value` left until its top bit is set; return it and the distance.

    A logarithmic shifter whose stages ask whether they are needed: it counts while it shifts.
    `fill` enters from the right. Without a set bit the distance is the width if `fill` is 1, and
    the width or more if it is 0.
    """
    value = Value.cast(value)
    count = []
    for stage in reversed(range(bits_for(len(value)))):
        step = 1 << stage
        empty = Signal(name=f"empty_{step}")
        shifted = Signal(len(value), name=f"shifted_{step}")
        m.d.comb += empty.eq(~value[-step:].any())
        entering = Value.cast(fill)[0].replicate(step)
        m.d.comb += shifted.eq(Mux(empty, Cat(entering, value[:-step]), value))
        count.append(empty)
        value = shifted
    return value, Cat(reversed(count))


def shift_right(m: Module, value: Any, amount: Any, fill: Any = 0) -> tuple[Any, Any]:
    """Shift `value` right, `fill` entering from the left; return it and whether ones fell out.

    Only amounts up to the width of `value` are meant; give a saturated one.
    """
    value, amount = Value.cast(value), Value.cast(amount)
    width, lost = len(value), Value.cast(0)
    for stage in reversed(range(len(amount))):  # far first: what falls out then is known early
        step = min(1 << stage, width)
        taken = amount[stage]
        shifted = Signal(width, name=f"right_{1 << stage}")
        entering = Value.cast(fill)[0].replicate(step)
        m.d.comb += shifted.eq(Mux(taken, Cat(value[step:], entering), value))
        lost = lost | (taken & value[:step].any())
        value = shifted
    return value, lost


def magnitude_below(m: Module, distance: Any, limit: int) -> Any:
    """Return signed `distance` cut to 0 where negative and to `limit` where above it."""
    distance = Value.cast(distance)
    result = Signal(range(limit + 1), name="distance")
    with m.If(distance < 0):
        m.d.comb += result.eq(0)
    with m.Elif(distance > limit):
        m.d.comb += result.eq(limit)
    with m.Else():
        m.d.comb += result.eq(distance[: len(result)])
    return result


def keep_top(value: Any, bits: int) -> tuple[Any, Any]:
    """Return the top `bits` of `value`, zeros added below if short, and whether ones are lost."""
    value = Value.cast(value)
    if len(value) <= bits:
        return Cat(Value.cast(0).replicate(bits - len(value)), value), Value.cast(0)
    return value[-bits:], value[:-bits].any()


def round_to_even(value: Any, sticky: Any) -> Any:
    """Round off the lowest bit of `value` to nearest, ties to even; the result is as wide."""
    value = Value.cast(value)
    return value[1:] + (value[0] & (sticky | value[1]))
