"""How a matrix product is computed: format, accumulator, rounding of the result."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from hw.numerics import BlockScaled

from .exact import exact_product
from .quantise import AnyFormat, Scaling, Tensor, find_any

__all__ = ["MOST_WINDOW", "Arithmetic"]

Floats = NDArray[np.float64]

MOST_WINDOW = 40  # bits: with carries of dot products of up to 4,096 the model holds that


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """The arithmetic of one matrix product.

    Operands are quantised (`sim.quality.quantise`); products are exact and are added in a quire or
    by the rule of `hw.mac`'s bounded accumulators; the sum is rounded once.

    Parameters
    ----------
    format : str
        Format of both operands, as of `hw.numerics.find_format`, or ``mx_*``.
    window : int or None
        Width of a bounded accumulator's window, in bits; None is a quire. Sign and carries come on
        top: ``1 + ceil(log2(length))`` bits for the longest dot product.
    result : str
        What sums are rounded into, to nearest, ties to even: ``"float32"``, or a format. It applies
        to the sum of the scaled operands, before their scales are taken out again.
    scaling : Scaling
        How operands are scaled.
    """

    format: str
    window: int | None = None
    result: str = "float32"
    scaling: Scaling = field(default_factory=Scaling)

    def __post_init__(self) -> None:
        find_any(self.format)
        if self.result != "float32" and isinstance(find_any(self.result), BlockScaled):
            raise ConfigError(
                f"result={self.result!r} scales blocks; use float32, bf16 or the like"
            )
        if self.window is not None and not 12 <= self.window <= MOST_WINDOW:
            raise ConfigError(
                f"window={self.window} is out of range; use 12 to {MOST_WINDOW} bits, or a quire"
            )

    @classmethod
    def parse(cls, text: str) -> Arithmetic:
        """Read ``"posit8"`` (quire) or ``"posit8@24"`` (a window of 24 bits).

        ``">bf16"`` behind it says what sums are rounded into.
        """
        products, into, result = (part.strip() for part in text.partition(">"))
        if into and not result:
            raise ConfigError(f"{text!r}: after > comes the format of results, such as {text}bf16")
        name, at, window = products.partition("@")
        if at and not window.isdecimal():
            raise ConfigError(f"{text!r}: after @ comes the window in bits, such as {name}@24")
        return cls(
            format=_canonical(name),
            window=int(window) if at else None,
            result=_canonical(result) if into else "float32",
        )

    @property
    def text(self) -> str:
        """What `parse` reads."""
        products = self.format if self.window is None else f"{self.format}@{self.window}"
        return products if self.result == "float32" else f"{products}>{self.result}"

    @property
    def number_format(self) -> AnyFormat:
        return find_any(self.format)

    def is_exact(self, length: int) -> bool:
        """Return whether dot products of `length` lose nothing before the result is rounded."""
        return self.window is None or window_for(self.format, self.window, length).exact

    def product(self, A: Tensor, B: Tensor, longest: int | None = None) -> Floats:
        """Return ``A @ B`` as this arithmetic has it; `take` has brought both into `format`.

        `longest` is the longest dot product that the unit is built for, by default this one.
        """
        length = max(A.values.shape[1], longest or 0)
        if self.is_exact(length):
            sums = exact_product(A.values, B.values)
        else:
            from .bounded import bounded_product

            assert self.window is not None
            sums = bounded_product(A, B, window_for(self.format, self.window, length))
        return self._rounded(sums, A.factor, B.factor)

    def _rounded(self, sums: Floats, left: Any, right: Any) -> Floats:
        if self.result != "float32":
            sums = find_any(self.result).quantise(sums)
        elif self.scaling.kind == "exact":
            sums = sums.astype(np.float32).astype(np.float64)
        scaled = sums * left * right  # exact for powers of two
        with np.errstate(over="ignore"):  # what is too large is infinite, and refused further on
            return np.asarray(scaled.astype(np.float32).astype(np.float64))


@functools.cache
def _canonical(name: str) -> str:
    return find_any(name).name


def window_for(format: str, window: int, length: int) -> Any:
    """Return the `Window` of a unit of this one format whose longest dot product is `length`."""
    from .bounded import window_of

    return window_of(format, window, 1 << max(length - 1, 1).bit_length())
