"""Dot products in SoftPosit's quires, wherever these cannot overflow."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.numerics import NumberFormat, Posit

from .oracle import integers

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its bindings are of an old SWIG
    import softposit

__all__ = ["has_quire", "quire_codes"]


@dataclass(frozen=True, slots=True)
class _Quire:
    make: Any
    quire: Any
    add: Any
    done: Any
    top: int  # its sign bit's weight, as a power of two


_QUIRES = {
    Posit(bits=8, es=0): _Quire(
        softposit.posit8, softposit.quire8, softposit.q8_fdp_add, softposit.q8_to_p8, 31 - 12
    ),
    Posit(bits=16, es=1): _Quire(
        softposit.posit16, softposit.quire16, softposit.q16_fdp_add, softposit.q16_to_p16, 127 - 56
    ),
}


def has_quire(format: NumberFormat) -> bool:
    """Return whether SoftPosit has a quire of `format`."""
    return format in _QUIRES


def quire_codes(
    format: NumberFormat, A: NDArray[Any], B: NDArray[Any], lengths: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return what dot products round to, and for which of them that says something.

    The sum of the magnitudes has to stay below the quire's sign bit, in whatever order.

    Parameters
    ----------
    A, B : arrays of int
        Codes, ``[elements, lanes]``: elements of all dot products, one after the other.
    lengths : array of int
        Elements of each dot product.
    """
    how = _QUIRES[format]
    numbers, exponent = integers(format)  # type: ignore[arg-type]
    sizes = [abs(number) for number in numbers]
    make = [how.make(bits=code) for code in range(1 << format.bits)]
    posits = [posit.v for posit in make]
    limit = 1 << (how.top - 2 * exponent)
    ends = np.cumsum(lengths)
    codes = np.zeros(len(lengths), dtype=np.int64)
    known = np.zeros(len(lengths), dtype=np.bool_)
    for index, (end, count) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
        a = A[end - count : end].ravel().tolist()
        b = B[end - count : end].ravel().tolist()
        if sum(sizes[x] * sizes[y] for x, y in zip(a, b, strict=True)) >= limit:
            continue
        quire = how.quire()
        total = quire.v
        for x, y in zip(a, b, strict=True):
            total = how.add(total, posits[x], posits[y])
        codes[index], known[index] = how.done(total).v, True
    return codes, known
