"""Exact matrix products: what a quire holds, by error-free slices in float64 BLAS.

Operands are float64 that stand for numbers of any format exactly. They are cut into slices of
integers so narrow that a float64 GEMM of two slices adds up without rounding (the scheme of Ozaki,
Ogita, Oishi and Rump 2012, with slices at fixed places); the partial sums are added in integers,
and the total is rounded once. Where one slice suffices, as with all formats up to 8 bits but E5M2
and es = 2, that is one GEMM.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from hw.numerics import as_floats

__all__ = ["exact_product", "slice_bits"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLOAT_BITS = 53
MOST_SLICE = 20  # three slices fit an int64 with its sign


def slice_bits(length: int) -> int:
    """Return the widest slices whose dot products of `length` are exact in float64."""
    return min((FLOAT_BITS - math.ceil(math.log2(max(length, 1)))) // 2, MOST_SLICE)


def exact_product(A: Floats, B: Floats) -> Floats:
    """Return ``A @ B``, ``[M, K] @ [K, N]``, as float64 that round like the exact sums.

    What float64 cannot hold is rounded *to odd*, to 33 bits or more at lengths up to 2**20, so
    that rounding it again to 31 bits or fewer gives what rounding the exact sum gives
    (`hw.numerics.as_floats`). Raises `ConfigError` for infinities and NaN.
    """
    if not (np.isfinite(A).all() and np.isfinite(B).all()):
        raise ConfigError("operands hold infinities or NaN; use a format or a scale that fits them")
    low_a, wide_a = _span(A)
    low_b, wide_b = _span(B)
    carries = math.ceil(math.log2(max(A.shape[1], 1)))
    if wide_a + wide_b + carries <= FLOAT_BITS:
        return np.asarray(A @ B)
    bits = slice_bits(A.shape[1])
    left, right = _slices(A, low_a, wide_a, bits), _slices(B, low_b, wide_b, bits)
    shape = (A.shape[0], B.shape[1])
    limbs = [np.zeros(shape, dtype=np.int64) for _ in range(len(left) + len(right) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            if a is not None and b is not None:
                limbs[i + j] += (a @ b).astype(np.int64)
    return _rounded(limbs, bits, low_a + low_b)


def _span(X: Floats) -> tuple[int, int]:
    """Return the weight of the lowest bit set anywhere in `X`, and the bits from there up."""
    some = X[X != 0]
    if not len(some):
        return 0, 1
    fraction, exponent = np.frexp(some)
    whole = np.ldexp(fraction, FLOAT_BITS).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    low = int((exponent - FLOAT_BITS + lowest).min())
    return low, int(exponent.max()) - low


def _slices(X: Floats, low: int, wide: int, bits: int) -> list[Floats | None]:
    """Cut ``X / 2**low`` into signed integers of `bits` bits, the least first; None is all zero."""
    slices: list[Floats | None] = []
    rest = X
    for index in reversed(range(math.ceil(wide / bits))):
        unit = 2.0 ** (low + bits * index)
        part = np.trunc(rest / unit)
        rest = rest - part * unit
        slices.append(part if part.any() else None)
    return slices[::-1]


def _rounded(limbs: list[Ints], bits: int, low: int) -> Floats:
    """Return the sum of ``limbs[t] * 2**(bits * t + low)``, rounded to odd."""
    _carry(limbs, bits)
    negative = limbs[-1] < 0
    for limb in limbs:
        np.negative(limb, out=limb, where=negative)
    _carry(limbs, bits)
    shape = limbs[0].shape
    top = np.zeros(shape, dtype=np.int64)  # index of the highest limb that is not zero
    for index, limb in enumerate(limbs):
        top[limb != 0] = index
    head = np.zeros(shape, dtype=np.int64)
    sticky = np.zeros(shape, dtype=np.bool_)
    for index, limb in enumerate(limbs):
        depth = top - index
        shift = np.clip((2 - depth) * bits, 0, 62)
        kept = (depth >= 0) & (depth <= 2)
        head |= np.where(kept, limb << shift, 0)
        sticky |= (depth > 2) & (limb != 0)
    return as_floats(np.where(negative, -1, 1) * (head | sticky), low + (top - 2) * bits)


def _carry(limbs: list[Ints], bits: int) -> None:
    """Bring every limb but the last between 0 and ``2**bits - 1``."""
    for lower, upper in itertools.pairwise(limbs):
        upper += lower >> bits
        lower &= (1 << bits) - 1
