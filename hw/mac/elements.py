"""Elements and results as they lie on the streams: words of 32 bits, the lowest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .unit import element_layout

if TYPE_CHECKING:
    from .config import MacConfig

__all__ = ["pack_elements", "result_word", "unpack_results"]

WORD = 32
Words = NDArray[np.uint32]


def pack_elements(
    config: MacConfig,
    mode: str,
    A: ArrayLike,
    B: ArrayLike,
    *,
    output: str | None = None,
    slot: ArrayLike = 0,
) -> Words:
    """Return elements as words of the input stream's data, ``[elements, words]``.

    Parameters
    ----------
    mode, output : str
        Formats of operands and result.
    A, B : array_like of int
        Codes, ``[elements, lanes]``.
    slot : array_like of int
        The accumulator that each element goes into.
    """
    layout = element_layout(config)
    plan = config.plan.modes[config.mode(mode)]
    left, right = (np.asarray(codes, dtype=np.uint64) for codes in (A, B))
    words = np.zeros((len(left), -(-layout.size // WORD)), dtype=np.uint32)
    for name, codes in (("a", left), ("b", right)):
        for lane in range(plan.lanes):
            _put(words, layout[name].offset + lane * plan.container, codes[:, lane])
    fields = {"mode": plan.index, "slot": slot}
    fields["output"] = config.output(output) if output is not None and config.outputs else 0
    for name, value in fields.items():
        if name in dict(layout):
            wide = np.broadcast_to(np.asarray(value, dtype=np.uint64), len(left))
            _put(words, layout[name].offset, wide)
    return words


def unpack_results(config: MacConfig, mode: str, words: Words) -> NDArray[np.int64]:
    """Return the codes of results, ``[count]``, or ``[count, lanes]`` with a sum for each lane."""
    bits = max(format.bits for format in config.output_formats)
    if config.reduce:
        return _get(words, 0, bits)
    return np.stack([_get(words, at * bits, bits) for at in _places(config, mode)], axis=-1)


def result_word(config: MacConfig, mode: str, codes: ArrayLike) -> tuple[int, int]:
    """Return one result as the number that its data is, and a mask of the bits that count.

    Parameters
    ----------
    codes : array_like of int
        The result's code or, with a sum for each lane, one for each lane of `mode`.
    """
    bits = max(format.bits for format in config.output_formats)
    places = [0] if config.reduce else _places(config, mode)
    word = mask = 0
    for place, code in zip(places, np.atleast_1d(np.asarray(codes)), strict=True):
        word |= int(code) << (place * bits)
        mask |= ((1 << bits) - 1) << (place * bits)
    return word, mask


def _places(config: MacConfig, mode: str) -> list[int]:
    """Return where in a result the sum of each lane lies, counted in codes."""
    plan = config.plan.modes[config.mode(mode)]
    places = {
        lane: index
        for index, slot in enumerate(config.plan.slots)
        for found, lane in slot.lanes
        if found == plan
    }
    return [places[lane] for lane in range(plan.lanes)]


def _put(words: Words, offset: int, values: NDArray[Any]) -> None:
    """Write values of at most 32 bits."""
    at, shift = divmod(offset, WORD)
    wide = values.astype(np.uint64) << np.uint64(shift)
    words[:, at] |= (wide & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    if (high := wide >> np.uint64(WORD)).any():
        words[:, at + 1] |= high.astype(np.uint32)


def _get(words: Words, offset: int, bits: int) -> NDArray[np.int64]:
    at, shift = divmod(offset, WORD)
    wide = words[:, at].astype(np.uint64)
    if at + 1 < words.shape[1]:
        wide |= words[:, at + 1].astype(np.uint64) << np.uint64(WORD)
    result: NDArray[np.int64] = ((wide >> np.uint64(shift)) & np.uint64((1 << bits) - 1)).astype(
        np.int64
    )
    return result
