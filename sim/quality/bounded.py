"""Matrix products by the rule of `hw.mac.golden` for bounded accumulators, fast.

The rule and its numbers are those of `hw.mac`: window, step, origin and lanes come from its plan,
and the tests hold this against its golden model. What is different is the order of work: all
outputs of a tile take one element at a time, in float64 that hold integers of the window's unit.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from hw.mac import MacConfig
from hw.numerics import BlockScaled
from hw.numerics.mx import SCALE_BIAS

from .quantise import NEVER, Tensor, find_any

__all__ = ["Window", "bounded_product", "window_of"]

Floats = NDArray[np.float64]
Shorts = NDArray[np.int16]

TILE = (64, 128)  # outputs computed together: what a core's cache holds
FLOAT_BITS = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where a bounded accumulator's window lies, for one format.

    Members
    -------
    bits, step : int
        Width of the window, and the distance that it moves by.
    origin, bias, spare : int
        As of `hw.mac.plan`: weight of the lowest bit at the base; what is added to the sum of two
        scales; steps that products may lie below the top of the window at its base.
    lanes : int
        Products that are aligned together.
    exact : bool
        Whether nothing is ever cut.
    register_bits : int
        Width of the accumulator with sign and carries.
    """

    bits: int
    step: int
    origin: int
    bias: int
    spare: int
    lanes: int
    exact: bool
    register_bits: int

    @classmethod
    def of(cls, config: MacConfig, mode: str) -> Window:
        """Return the window of one mode of a unit."""
        plan = config.plan
        found = plan.modes[config.mode(mode)]
        return cls(
            bits=plan.window,
            step=plan.step,
            origin=found.origin,
            bias=found.bias,
            spare=plan.spare,
            lanes=found.lanes,
            exact=found.exact,
            register_bits=plan.accumulator_bits,
        )


@functools.cache
def window_of(format: str, bits: int, length: int) -> Window:
    """Return the window of a unit that knows this one format, lanes on a fixed 16-bit port.

    Parameters
    ----------
    format : str
        Format of both operands. Elements of blocks are numbers with the wider scales that
        `hw.numerics.BlockDecoder` gives them, and move the window like any others.
    bits : int
        Width of the window.
    length : int
        Products of the longest dot product.
    """
    found = find_any(format)
    if isinstance(found, BlockScaled):
        return _block_window(found, bits, length)
    unit = MacConfig(modes=(format,), accumulator="bounded", alignment=bits, length=length)
    return Window.of(unit, format)


def _block_window(format: BlockScaled, bits: int, length: int) -> Window:
    """Place a window as `hw.mac.plan.make_plan` does for a format of these scales."""
    element = format.element
    unit = MacConfig(modes=("bf16",), accumulator="bounded", alignment=bits, length=length)
    plan = unit.plan
    top = plan.step * (plan.spare + 1) + 1 - bits  # origin if there were no bias
    least = -2 * (element.min_scale - SCALE_BIAS)
    low = max(least, top - 2 * (element.quantum - SCALE_BIAS))
    bias = -(-low // plan.step) * plan.step  # what has the most zeros from `low` to a step above
    container = max(4, 1 << (element.bits - 1).bit_length())
    return Window(
        bits=bits,
        step=plan.step,
        origin=top - bias,
        bias=bias,
        spare=plan.spare,
        lanes=16 // container,
        exact=False,
        register_bits=plan.accumulator_bits,
    )


def bounded_product(A: Tensor, B: Tensor, window: Window) -> Floats:
    """Return the accumulators of ``A @ B``, ``[M, K] @ [K, N]``, exactly, as float64.

    The tensors need their scales (`take`), and their factors are left out.
    """
    if window.register_bits > FLOAT_BITS:
        raise ConfigError(
            f"an accumulator of {window.register_bits} bits is more than this model holds; use a "
            f"window narrower by {window.register_bits - FLOAT_BITS} bits"
        )
    if A.scales is None or B.scales is None:
        raise ConfigError("scales=False leaves a window nothing to move by; use take(scales=True)")
    (M, _), (_, N) = A.values.shape, B.values.shape
    result = np.empty((M, N))
    for top in range(0, M, TILE[0]):
        rows = slice(top, top + TILE[0])
        left = _Side(_packed(A.values[rows].T), _packed(A.scales[rows].T))
        for begin in range(0, N, TILE[1]):
            cols = slice(begin, begin + TILE[1])
            right = _Side(_packed(B.values[:, cols]), _packed(B.scales[:, cols]))
            result[rows, cols] = _tile(left, right, window)
    return result


class _Side(NamedTuple):
    values: Floats  # [K, m]
    scales: Shorts


def _packed(X: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(X)


def _tile(A: _Side, B: _Side, window: Window) -> Floats:
    """Accumulate one tile; `A` is ``[K, m]`` and `B` is ``[K, n]``."""
    shape = (A.values.shape[1], B.values.shape[1])
    state = _State(shape, window)
    for first in range(0, len(A.values), window.lanes):
        lanes = range(first, min(first + window.lanes, len(A.values)))
        for k in lanes:
            state.ask(A.scales[k, :, None], B.scales[k])
        state.slide()
        for k in lanes:
            state.add(A.values[k, :, None], B.values[k])
    return state.total()


class _State:
    """Accumulators of a tile, as integers of the window's lowest bit."""

    def __init__(self, shape: tuple[int, int], window: Window) -> None:
        self._window = window
        self._asked = np.full(shape, NEVER, dtype=np.int16)
        self._base = np.zeros(shape, dtype=np.int16)
        self._sum = np.zeros(shape)
        self._unit = np.full(shape, 2.0**-window.origin)
        self._scale, self._term = np.empty(shape, dtype=np.int16), np.empty(shape)
        self._rises = np.empty(shape, dtype=np.bool_)
        # The least sum of scales that the window is too low for.
        self._above = (window.spare + 1) * window.step - window.bias
        self._limit = np.full(shape, self._above, dtype=np.int16)

    def ask(self, a: Shorts, b: Shorts) -> None:
        np.add(a, b, out=self._scale)
        np.maximum(self._asked, self._scale, out=self._asked)

    def slide(self) -> None:
        """Move windows to where the greatest scales so far want them, rounding down."""
        np.greater_equal(self._asked, self._limit, out=self._rises)
        where = np.flatnonzero(self._rises)
        if not len(where):
            return
        window, asked = self._window, self._asked.ravel()[where].astype(np.int64)
        base = (asked + window.bias) // window.step - window.spare
        distance = window.step * (base - self._base.ravel()[where])
        total = self._sum.ravel()
        shifted = np.floor(np.ldexp(total[where], -distance))
        total[where] = np.where(distance < window.register_bits, shifted, 0.0)
        self._base.ravel()[where] = base
        self._unit.ravel()[where] = np.ldexp(1.0, -(window.origin + window.step * base))
        self._limit.ravel()[where] = self._above + window.step * base

    def add(self, a: Floats, b: Floats) -> None:
        np.multiply(a, b, out=self._term)
        np.multiply(self._term, self._unit, out=self._term)
        np.trunc(self._term, out=self._term)
        np.add(self._sum, self._term, out=self._sum)

    def total(self) -> Floats:
        return np.asarray(self._sum / self._unit)
