"""Products of formats of 4 bits, looked up: six bits of magnitudes give every bit of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Const, Mux
from numpy.typing import NDArray

from hw.numerics import NumberFormat, Posit

from .decode import looked_up, specials
from .pipeline import Bundle
from .plan import ModePlan, Slot

__all__ = ["indexed", "table_fields", "term", "term_place"]

BITS = 3  # of a magnitude


def table_fields(slot: Slot) -> dict[str, int]:
    """Return the width of each field of one operand of a slot whose products are looked up."""
    nan = any(specials(mode.format)[1] for mode in slot.modes)
    return {"index": BITS, "sign": 1} | ({"nan": 1} if nan else {})


def indexed(slot: Slot, mode: Any, code: Any) -> Bundle:
    """Return the fields of one operand: ``index`` is its magnitude, half of the table's index.

    Decoding, multiplying and aligning such a product takes some 115 LUT6, looking it up 35.
    """
    fields = table_fields(slot)
    found: Bundle = {name: Const(0, bits) for name, bits in fields.items()}
    for plan_of in slot.modes:
        here, format = mode == plan_of.index, plan_of.format
        own, parts = code[: format.bits], format.parts(format.codes)
        found["index"] |= Mux(here, looked_up(own, _magnitudes(format), BITS), 0)
        found["sign"] |= Mux(here, looked_up(own, parts.sign), 0)
        if "nan" in fields:
            found["nan"] |= Mux(here, looked_up(own, parts.nan), 0)
    return found


def _magnitudes(format: NumberFormat) -> NDArray[np.int64]:
    """Return for every code that of its magnitude, without sign; 0 for what is no number."""
    codes = format.codes.astype(np.int64)
    half = 1 << (format.bits - 1)
    magnitude = (
        np.where(codes >= half, 2 * half - codes, codes) if isinstance(format, Posit) else codes
    )
    result: NDArray[np.int64] = np.where(
        np.isfinite(format.decode(format.codes)), magnitude % half, 0
    )
    return result


def term_place(slot: Slot) -> int:
    """Return the lowest bit of the window in which a product of `slot` may have a one."""
    numbers = [number for mode in slot.modes for number in _terms(mode)]
    return min((number & -number).bit_length() - 1 for number in numbers if number)


def term(slot: Slot, mode: Any, index: Any) -> Any:
    """Return a product's magnitude, from bit `term_place` of the window on."""
    low = term_place(slot)
    result: Any = Const(0, 1)
    for plan in slot.modes:
        numbers = [number >> low for number in _terms(plan)]
        bits = max(numbers).bit_length()
        result = result | Mux(mode == plan.index, looked_up(index, numbers, bits), 0)
    return result


def _terms(mode: ModePlan) -> list[int]:
    """Return the products of all pairs of magnitudes, as integers in the window at its base."""
    count = 1 << min(BITS, mode.format.bits - 1)
    values = np.nan_to_num(mode.format.decode(np.arange(count)), nan=0, posinf=0)
    values = np.pad(values, (0, (1 << BITS) - count))
    products = np.ldexp(np.multiply.outer(values, values), -mode.origin)
    assert (products == np.rint(products)).all()
    return [int(number) for number in products.T.ravel()]  # the left magnitude is lowest
