"""Elements and results as they lie on the streams: words of 32 bits, the lowest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .unit import element_layout

if TYPE_CHECKING:
    from .config import MacConfig

__all__ = ["pack_elements", "unpack_results"]

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
    plan = config.plan.modes[config.mode(mode)]
    places = [slot.modes.index(plan) if plan in slot.modes else -1 for slot in config.plan.slots]
    order = {
        slot.lanes[at][1]: index
        for index, (slot, at) in enumerate(zip(config.plan.slots, places, strict=True))
        if at >= 0
    }
    return np.stack([_get(words, order[lane] * bits, bits) for lane in range(plan.lanes)], axis=-1)


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
