"""The rule of the accumulators, in NumPy, bit for bit.

A product of two numbers is exact: significand times significand, at the sum of the scales. A
*quire* adds such products exactly and rounds once. A *bounded* accumulator keeps a window of
``alignment`` bits that moves in whole steps:

1. Each product asks for a base: the least ``k >= 0`` such that, with the sum of the two operands'
   scales, it lies below the window's top. (Scales as formats define them, before any
   normalisation of the product; zero products ask for 0.) The base of an element is the greatest
   that it or any before it in the dot product asked for: no result of an addition is waited for.
2. Where the base rises by d, the accumulator is shifted right by ``d * step`` bits, rounding down;
   by its width or more, it becomes zero.
3. The magnitude of each product is cut off below the window's lowest bit, and added or subtracted.

Modes whose products all fit the window at its base are exact, as with a quire. The sum is rounded
once, into the format of the result. NaN, infinities and invalid operations are sticky: NaN times
anything, infinity times zero and infinity minus infinity give NaN; infinity wins over numbers.
The sum of zeros, and any sum that is zero, is positive zero. More products than `length` may wrap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.contracts import ConfigError
from hw.numerics import Codes, NumberFormat

from .plan import MacPlan, ModePlan

if TYPE_CHECKING:
    from .config import MacConfig

__all__ = ["Sums", "dot_products", "matrix_product", "result_format", "sums"]

LIMB = 32
_FLOAT_BITS = 53
_MOST_PAIRS = 1 << 21  # products that are held at once
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Accumulators at the end of dot products: ``total * 2**exponent``, and flags.

    Members
    -------
    total : array of int64, or of Python integers where those are too short
    exponent : array of int64
    nan, positive, negative : arrays of bool
        Whether a NaN, and infinities of either sign, went in.
    """

    total: NDArray[Any]
    exponent: Ints
    nan: Bools
    positive: Bools
    negative: Bools

    def encode(self, format: NumberFormat) -> Codes:
        """Return the results' codes, rounded once."""
        codes = format.encode_exact(self.total, self.exponent)
        nan = self.nan | (self.positive & self.negative)
        special = np.where(nan, np.nan, np.where(self.positive, np.inf, -np.inf))
        some = nan | self.positive | self.negative
        return format.as_codes(np.where(some, format.encode(special), codes))


def dot_products(
    config: MacConfig, mode: str, A: ArrayLike, B: ArrayLike, *, output: str | None = None
) -> Codes:
    """Return the results of dot products of equal length: codes ``[count]``, or with lanes.

    Parameters
    ----------
    config : MacConfig
        The unit.
    mode, output : str
        Formats of operands and results.
    A, B : array_like of int
        Codes of the operands, ``[count, length]``.
    """
    left, right = np.atleast_2d(np.asarray(A)), np.atleast_2d(np.asarray(B))
    if left.shape != right.shape or not left.size:
        raise ConfigError(
            f"A is {left.shape} and B is {right.shape}; give codes of one shape, [count, length]"
        )
    lanes = config.plan.modes[config.mode(mode)].lanes
    missing = -left.shape[1] % lanes
    packed = [np.pad(codes, ((0, 0), (0, missing))).reshape(-1, lanes) for codes in (left, right)]
    lengths = np.full(len(left), (left.shape[1] + missing) // lanes)
    found = sums(config, mode, packed[0], packed[1], lengths)
    return found.encode(result_format(config, mode, output))


def matrix_product(
    config: MacConfig, mode: str, A: ArrayLike, B: ArrayLike, *, output: str | None = None
) -> Codes:
    """Return the results of all dot products of ``A @ B``, codes ``[M, K]`` and ``[K, N]``.

    Equal to `dot_products` of all pairs of row and column, with all lanes in one sum. Where nothing
    is cut and float64 holds every sum, BLAS computes them.
    """
    left, right = np.asarray(A), np.asarray(B)
    found, length = config.plan.modes[config.mode(mode)], left.shape[1]
    format = result_format(config, mode, output)
    bits = found.span + math.ceil(math.log2(length))
    if found.exact and bits <= _FLOAT_BITS and length <= config.length:
        return _exact_sums(found.format, left, right).encode(format)
    rows = max(1, _MOST_PAIRS // (right.shape[1] * length))
    columns = np.ascontiguousarray(right.T)
    codes = np.zeros((len(left), len(columns)), dtype=np.int64)
    for at in range(0, len(left), rows):
        part = left[at : at + rows]
        found_codes = dot_products(config, mode, *_pairs(part, columns), output=output)
        codes[at : at + rows] = found_codes.reshape(len(part), -1)
    return format.as_codes(codes)


def _pairs(rows: NDArray[Any], columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.repeat(rows, len(columns), axis=0), np.tile(columns, (len(rows), 1))


def _exact_sums(format: NumberFormat, A: NDArray[Any], B: NDArray[Any]) -> Sums:
    """Return the exact sums of ``A @ B``, as integers times the square of the quantum."""
    a, b = format.parts(A), format.parts(B)
    left, right = (
        np.ldexp(np.where(x.sign, -1.0, 1.0) * x.significand, x.exponent - format.quantum)
        for x in (a, b)
    )
    wrong = [x.nan | x.inf for x in (a, b)]
    left[wrong[0]], right[wrong[1]] = 0.0, 0.0
    total = (left @ right).astype(np.int64)
    nan, positive, negative = np.zeros((3, *total.shape), dtype=np.bool_)
    if wrong[0].any() or wrong[1].any():
        nan, positive, negative = _special_sums(a, b)
    exponent = np.full(total.shape, 2 * format.quantum)
    return Sums(total, exponent, nan, positive, negative)


def _special_sums(a: Any, b: Any) -> tuple[Bools, Bools, Bools]:
    """Return whether NaN, and infinities of either sign, are among the products of each sum."""

    def met(one: Bools, other: Bools) -> Bools:
        return np.asarray(one.astype(np.float32) @ other.astype(np.float32) > 0)

    nan = a.nan.any(axis=1)[:, None] | b.nan.any(axis=0)
    nan = nan | met(a.inf, b.zero) | met(a.zero, b.inf)
    up, down = ([~(x.nan | x.zero) & (x.sign == sign) for x in (a, b)] for sign in (False, True))
    signs = [(up, up, down, down), (up, down, down, up)]
    positive, negative = (
        met(p[0] & a.inf, q[1])
        | met(p[0], q[1] & b.inf)
        | met(r[0] & a.inf, s[1])
        | met(r[0], s[1] & b.inf)
        for p, q, r, s in signs
    )
    return nan, positive, negative


def result_format(config: MacConfig, mode: str, output: str | None) -> NumberFormat:
    """Return the format of a result, by its name or, where there is no choice, without."""
    if output is not None:
        return config.output_formats[config.output(output)]
    if not config.outputs:
        return config.formats[config.mode(mode)]
    if len(config.outputs) > 1:
        known = ", ".join(config.outputs)
        raise ConfigError(f"output=None leaves open which format results are in; choose: {known}")
    return config.output_formats[0]


def sums(
    config: MacConfig, mode: str, A: NDArray[Any], B: NDArray[Any], lengths: ArrayLike
) -> Sums:
    """Return the accumulators of dot products that follow each other.

    Parameters
    ----------
    A, B : arrays of int
        Codes, ``[elements, lanes]``: elements of all dot products, one after the other.
    lengths : array_like of int
        Elements of each dot product, at least 1.
    """
    plan = config.plan
    found = plan.modes[config.mode(mode)]
    counts = np.asarray(lengths, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    products = _Products.of(found, np.asarray(A), np.asarray(B))
    if config.reduce:
        return _accumulate(plan, found, products, starts)
    lanes = [_accumulate(plan, found, products.lane(i), starts) for i in range(found.lanes)]
    fields = ("total", "exponent", "nan", "positive", "negative")
    return Sums(*(np.stack([getattr(lane, f) for lane in lanes], axis=-1) for f in fields))


@dataclass(frozen=True, slots=True, eq=False)
class _Products:
    """Exact products ``(-1)**sign * magnitude * 2**exponent`` and flags, ``[elements, lanes]``."""

    sign: Bools
    magnitude: Ints
    exponent: Ints
    shift: Ints
    nan: Bools
    inf: Bools

    @classmethod
    def of(cls, mode: ModePlan, A: NDArray[Any], B: NDArray[Any]) -> _Products:
        a, b = mode.format.parts(A), mode.format.parts(B)
        return cls(
            sign=a.sign ^ b.sign,
            magnitude=a.significand * b.significand,
            exponent=a.exponent + b.exponent,
            shift=a.scale + b.scale + mode.bias,
            nan=a.nan | b.nan | (a.inf & b.zero) | (a.zero & b.inf),
            inf=a.inf | b.inf,
        )

    def lane(self, index: int) -> _Products:
        names = ("sign", "magnitude", "exponent", "shift", "nan", "inf")
        return _Products(*(getattr(self, name)[:, index : index + 1] for name in names))


def _accumulate(plan: MacPlan, mode: ModePlan, products: _Products, starts: Ints) -> Sums:
    base = _bases(plan, mode, products, starts)
    origin = mode.origin + plan.step * base
    signs = np.where(products.sign, -1, 1)
    if plan.accumulator_bits <= 64:
        distance = products.exponent - origin[:, None]
        cut = products.magnitude >> np.clip(-distance, 0, 63)
        terms = (signs * (cut << np.clip(distance, 0, 63))).sum(axis=1)
        total: NDArray[Any] = _slide(plan, terms, base, starts)
    else:
        total = _add_long(products.magnitude, signs, products.exponent - mode.origin, starts)
    flags = np.logical_or.reduceat
    inf = products.inf & ~products.nan
    ends = np.append(starts[1:], len(base)) - 1
    return Sums(
        total=_wrapped(total, plan.accumulator_bits),
        exponent=origin[ends],
        nan=flags(products.nan.any(axis=1), starts),
        positive=flags((inf & ~products.sign).any(axis=1), starts),
        negative=flags((inf & products.sign).any(axis=1), starts),
    )


def _bases(plan: MacPlan, mode: ModePlan, products: _Products, starts: Ints) -> Ints:
    """Return the window's position at each element: the greatest asked for up to there."""
    if mode.exact:
        return np.zeros(len(products.shift), dtype=np.int64)
    asked = np.where(products.magnitude != 0, products.shift // plan.step - plan.spare, 0)
    most = np.maximum(asked.max(axis=1), 0)
    # One running maximum for all: each dot product starts above everything before.
    apart = np.zeros(len(most), dtype=np.int64)
    apart[starts] = plan.bases + 1
    floor = np.cumsum(apart)
    result: Ints = np.maximum.accumulate(most + floor) - floor
    return result


def _slide(plan: MacPlan, terms: Ints, base: Ints, starts: Ints) -> Ints:
    """Add terms, shifting right wherever the base rises within a dot product."""
    begins = np.zeros(len(terms), dtype=np.bool_)
    begins[starts] = True
    rises = np.append(True, base[1:] != base[:-1]) | begins
    pieces = np.flatnonzero(rises)
    parts = np.add.reduceat(terms, pieces)
    owner = np.cumsum(begins[pieces]) - 1
    order = np.arange(len(pieces)) - np.flatnonzero(begins[pieces])[owner]
    total = np.zeros(len(starts), dtype=np.int64)
    before = base[starts].copy()
    for turn in range(int(order.max()) + 1):
        here = order == turn
        dots, bases = owner[here], base[pieces[here]]
        distance = plan.step * (bases - before[dots])
        kept = np.where(distance < plan.accumulator_bits, total[dots], 0)
        total[dots] = (kept >> np.minimum(distance, 63)) + parts[here]
        before[dots] = bases
    return total


def _add_long(magnitude: Ints, signs: Ints, shift: Ints, starts: Ints) -> NDArray[Any]:
    """Add ``signs * magnitude << shift`` exactly, in limbs; right shifts lose nothing but zeros."""
    whole = (magnitude >> np.clip(-shift, 0, 63)).astype(np.uint64)
    shift = np.maximum(shift, 0)
    limb, distance = shift // LIMB, (shift % LIMB).astype(np.uint64)
    wide = whole << distance
    low = (wide & np.uint64((1 << LIMB) - 1)).astype(np.int64) * signs
    high = (wide >> np.uint64(LIMB)).astype(np.int64) * signs
    total: NDArray[Any] = np.zeros(len(starts), dtype=object)
    for index in range(int(limb.max(initial=0)) + 2):
        part = np.where(limb == index, low, 0) + np.where(limb == index - 1, high, 0)
        added = np.add.reduceat(part.sum(axis=1), starts)
        total = total + added.astype(object) * (1 << (LIMB * index))
    return total


def _wrapped(total: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return `total` as signed numbers of `bits` bits hold it."""
    if total.dtype == object:
        half = 1 << (bits - 1)
        return np.asarray((total + half) % (2 * half) - half)
    return (total << (64 - bits)) >> (64 - bits)
