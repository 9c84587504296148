"""OCP MX block scaling: blocks of elements that share one power of two."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .exact import Parts
from .format import Codes, NumberFormat, check_range

__all__ = ["SCALE_BIAS", "SCALE_NAN", "BlockScaled", "Blocks"]

SCALE_BIAS = 127  # E8M0: code 127 is 2**0
SCALE_NAN = 255


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Encoded blocks along the last axis.

    Members
    -------
    scales : array of uint8, shape (..., blocks)
        E8M0 codes: ``2**(code - 127)``; 255 is NaN.
    codes : array, shape (..., elements)
        Codes of the elements; the last block may be short.
    """

    scales: NDArray[np.uint8]
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockScaled:
    """Elements in blocks that share an E8M0 scale, as the OCP Microscaling Formats v1.0 say.

    A block's scale (6.3) is the largest power of two not above its largest magnitude, divided by
    the largest power of two of the element format, cut to the range of E8M0, ``2**-127`` to
    ``2**127``; elements are divided by it, rounded, and clamped to the largest value. What the
    specification leaves open: a block of zeros takes the least scale; a NaN or an infinity
    makes the scale, and with it the whole block, NaN, its elements being zero; the most negative
    integer is used. The specification names six element formats; any other works by the same
    rule, but posits, whose `block_scale` is 0.

    Parameters
    ----------
    element : NumberFormat
        Format of the elements; it is made to saturate.
    block : int
        Elements that share a scale, 1 to 1024; the specification has 32.
    """

    element: NumberFormat
    block: int = 32

    def __post_init__(self) -> None:
        check_range("block", self.block, 1, 1024)
        object.__setattr__(self, "element", self.element.saturating())

    @property
    def name(self) -> str:
        """Name under which `find_scaled` knows it."""
        return f"mx_{self.element.name.partition('_frac')[0]}"

    @property
    def bits_per_element(self) -> float:
        """Storage of one element, its share of the scale included."""
        return self.element.bits + 8 / self.block

    def encode(self, values: ArrayLike) -> Blocks:
        """Return `values`, blocked along the last axis, as scales and codes."""
        numbers = np.asarray(values, dtype=np.float64)
        count = numbers.shape[-1]
        blocked = self._blocked(numbers)
        valid: NDArray[np.bool_] = np.all(np.isfinite(blocked), axis=-1, keepdims=True)
        blocked = np.where(valid, blocked, 0.0)
        largest = np.max(np.abs(blocked), axis=-1)
        top = np.frexp(largest)[1].astype(np.int64) - 1 - self.element.block_scale
        shared = np.where(largest > 0, np.clip(top, -SCALE_BIAS, SCALE_BIAS), -SCALE_BIAS)
        scaled = np.ldexp(blocked, -shared[..., None])
        codes = self.element.encode(scaled).reshape(*numbers.shape[:-1], -1)[..., :count]
        scales = np.where(valid[..., 0], shared + SCALE_BIAS, SCALE_NAN).astype(np.uint8)
        return Blocks(scales=scales, codes=codes)

    def decode(self, blocks: Blocks) -> NDArray[np.float64]:
        """Return the values of encoded blocks, exactly."""
        exponent, nan = self._scales(blocks)
        return np.where(nan, np.nan, np.ldexp(self.element.decode(blocks.codes), exponent))

    def parts(self, blocks: Blocks) -> Parts:
        """Return the exact integer form of encoded blocks, their scales included."""
        exponent, nan = self._scales(blocks)
        parts = self.element.parts(blocks.codes)
        return Parts(
            sign=parts.sign,
            significand=np.where(nan, 0, parts.significand),
            scale=parts.scale + exponent,
            zero=parts.zero & ~nan,
            inf=parts.inf & ~nan,
            nan=parts.nan | nan,
            significand_bits=parts.significand_bits,
        )

    def quantise(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return `values` as this format holds them."""
        return self.decode(self.encode(values))

    def _blocked(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        blocks = math.ceil(numbers.shape[-1] / self.block)
        missing = blocks * self.block - numbers.shape[-1]
        padded = np.pad(numbers, [(0, 0)] * (numbers.ndim - 1) + [(0, missing)])
        return padded.reshape(*numbers.shape[:-1], blocks, self.block)

    def _scales(self, blocks: Blocks) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return exponent and NaN flag of every element's scale."""
        count = blocks.codes.shape[-1]
        each = np.repeat(blocks.scales.astype(np.int64), self.block, axis=-1)[..., :count]
        return np.where(each == SCALE_NAN, 0, each - SCALE_BIAS), each == SCALE_NAN
