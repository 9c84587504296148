"""Tensors into formats: the rule of the scales, and what the multiply-accumulate unit then sees.

A format of single numbers meets a tensor through one scale, a power of two that costs the hardware
nothing: per output channel for weights, per operator for activations, whose scales are fixed
beforehand on calibration text, so that no token's arithmetic depends on the tokens after it. The
scale is the one with the least squared error of thirteen: those that bring the largest magnitude
to 2**t, for the t from the format's top, two powers beyond it included, downwards. What is then
too large saturates. Block-scaled formats carry their own scales, along the axis of the dot product;
where that axis is time, as for values in attention, a block's later tokens have a say in how its
earlier ones are rounded, as in any block-scaled prefill.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from hw.numerics import BlockScaled, NumberFormat, find_format, find_scaled
from hw.numerics.mx import SCALE_BIAS

__all__ = ["ALL_FORMATS", "AnyFormat", "Scaling", "Tensor", "choose_exponent", "find_any", "take"]

Floats = NDArray[np.float64]
AnyFormat = NumberFormat | BlockScaled

NEVER = -(1 << 13)
"""Scale that stands for a zero: it asks for no position of an accumulator's window."""

CANDIDATES = 13
HIGHEST = 12  # power of two; wide formats are as good anywhere
SAMPLE_ROWS = 512  # of a weight matrix, to choose the scales by

ALL_FORMATS: tuple[str, ...] = (
    *(f"int{bits}" for bits in range(2, 17)),
    "fp4_e2m1",
    "fp6_e2m3",
    "fp6_e3m2",
    "fp8_e4m3",
    "fp8_e5m2",
    "bf16",
    "fp16",
    "posit4",
    "posit8",
    "posit16",
    "posit4_es2",
    "posit8_es2",
    "posit16_es2",
    "mx_int8",
    "mx_fp8_e4m3",
    "mx_fp8_e5m2",
    "mx_fp6_e2m3",
    "mx_fp6_e3m2",
    "mx_fp4_e2m1",
    "mx_int4",
    "mx_posit4",
    "mx_posit8",
)
"""Every format that pages and tables cover: those with names, OCP's six of MX, and three more."""


@functools.cache
def find_any(name: str) -> AnyFormat:
    """Return the format called `name`, block-scaled if it begins with ``mx_``."""
    return find_scaled(name) if name.startswith("mx_") else find_format(name).saturating()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How tensors are brought to a format's range.

    Parameters
    ----------
    kind : str
        ``"pow2"``: powers of two. ``"exact"``: the largest magnitude comes to the largest value;
        results are multiplied by the scales in float32. ``"none"``: no scales.
    weights : str
        ``"channel"``: each output channel has its own; ``"tensor"``: one for the matrix.
    """

    kind: str = "pow2"
    weights: str = "channel"

    def __post_init__(self) -> None:
        for field, known in (
            ("kind", ("pow2", "exact", "none")),
            ("weights", ("channel", "tensor")),
        ):
            if getattr(self, field) not in known:
                raise ConfigError(
                    f"{field}={getattr(self, field)!r} is not known; use one of {known}"
                )

    def factor(self, format: AnyFormat, values: Floats, axis: int | None = None) -> Any:
        """Return the scales for `values`; with `axis`, one for each of what that axis is summed of.

        Kept dimensions make it fit `values`. Block-scaled formats take none: it is 1.
        """
        if self.kind == "none" or isinstance(format, BlockScaled):
            return 1.0
        largest = np.max(np.abs(values), axis=axis, keepdims=axis is not None, initial=0.0)
        largest = np.where(largest > 0, largest, 1.0)
        if self.kind == "exact":
            return largest / format.largest
        return np.ldexp(1.0, choose_exponent(format, values, largest, axis))


def choose_exponent(
    format: NumberFormat, values: Floats, largest: Any, axis: int | None = None
) -> NDArray[np.int64]:
    """Return the exponents of the power-of-two scales with the least squared error."""
    if axis is not None and values.shape[axis] > SAMPLE_ROWS:
        step = values.shape[axis] // SAMPLE_ROWS
        values = np.take(values, np.arange(0, values.shape[axis], step), axis=axis)
    reach = np.asarray(np.frexp(largest)[1], dtype=np.int64) - 1
    top = min(format.max_scale + 2, HIGHEST)
    targets = sorted(range(top, top - CANDIDATES, -1), key=lambda t: abs(t - format.block_scale))
    best = np.zeros(reach.shape, dtype=np.int64)
    least = np.full(reach.shape, np.inf)
    for target in targets:
        exponent = reach - target
        scaled = np.ldexp(values, -exponent)
        error = np.ldexp(format.quantise(scaled) - scaled, exponent) ** 2
        total = np.sum(error, axis=axis, keepdims=axis is not None)
        better = total < least
        best, least = np.where(better, exponent, best), np.where(better, total, least)
    return best


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A matrix in a format: what the codes stand for, and the factor that is left out of them.

    Members
    -------
    values : array of float64
        Values of the codes, exactly; block scales included.
    scales : array of int16 or None
        Their scales as the format defines them (`Parts.scale`), block scales included, `NEVER` for
        zeros; None if they were not asked for.
    factor : float or array
        What `values` have to be multiplied by, along the rows of a left operand or the columns of
        a right one.
    """

    values: Floats
    scales: NDArray[np.int16] | None
    factor: Any

    @property
    def real(self) -> Floats:
        """The numbers that the format has made of the tensor."""
        return np.asarray(self.values * self.factor)


def take(
    format: AnyFormat, values: Floats, *, factor: Any = 1.0, axis: int = -1, scales: bool = False
) -> Tensor:
    """Quantise a matrix; `axis` is that of the dot product, and `scales` are wanted or not."""
    if isinstance(format, BlockScaled):
        moved = np.moveaxis(values, axis, -1)
        blocks = format.encode(moved)
        found = np.moveaxis(format.decode(blocks), -1, axis)
        if not scales:
            return Tensor(found, None, 1.0)
        weights = blocks.scales.astype(np.int16) - SCALE_BIAS
        each = np.repeat(weights, format.block, axis=-1)[..., : moved.shape[-1]]
        inner = _scale_table(format.element)[blocks.codes]
        shown = np.where(inner == NEVER, NEVER, inner + each).astype(np.int16)
        return Tensor(found, np.moveaxis(shown, -1, axis), 1.0)
    codes = format.encode(values / factor)
    table = _scale_table(format)
    return Tensor(format.decode(codes), table[codes] if scales else None, factor)


@functools.cache
def _scale_table(format: NumberFormat) -> NDArray[np.int16]:
    parts = format.parts(format.codes)
    return np.where(parts.zero | parts.inf | parts.nan, NEVER, parts.scale).astype(np.int16)
