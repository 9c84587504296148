"""Random dot products of a unit, as the words of its streams and the results that they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.mac import pack_elements, result_format, result_word, sums

if TYPE_CHECKING:
    from hw.mac import MacConfig

__all__ = ["Stimulus", "random_stimulus"]

_LONGEST = 40  # elements of a dot product


@dataclass(frozen=True, slots=True)
class Stimulus:
    """What goes in and what has to come out.

    Members
    -------
    elements : list of (int, int)
        Data of the input stream, and whether the element is the last of its dot product.
    expected : list of (int, int)
        Data of the output stream, and which of its bits count.
    """

    elements: list[tuple[int, int]]
    expected: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Dot:
    words: list[int]
    result: tuple[int, int]


def random_stimulus(config: MacConfig, dots: int, *, seed: int) -> Stimulus:
    """Return `dots` dot products of each mode, modes and formats of results changing.

    One in four is of any codes, NaN and NaR included, the others of numbers. With a bank of
    accumulators as many dot products run at once, their elements mixed.
    """
    rng = np.random.default_rng(seed)
    elements: list[tuple[int, int]] = []
    expected: list[tuple[int, int]] = []
    total = dots * len(config.modes)
    for begin in range(0, total, config.bank):
        turns = range(begin, min(begin + config.bank, total))
        running = [_random_dot(config, turn, rng) for turn in turns]
        left = [list(dot.words) for dot in running]
        while any(left):
            at = int(rng.choice([index for index, words in enumerate(left) if words]))
            elements.append((left[at].pop(0), int(not left[at])))
            if not left[at]:
                expected.append(running[at].result)
    return Stimulus(elements, expected)


def _random_dot(config: MacConfig, turn: int, rng: Any) -> _Dot:
    mode = config.plan.modes[turn % len(config.modes)]
    name = mode.format.name
    codes = mode.format.codes
    if turn // len(config.modes) % 4:
        codes = codes[np.isfinite(mode.format.decode(codes))]
    longest = max(1, min(_LONGEST, config.length // mode.lanes))
    shape = (int(rng.integers(1, longest + 1)), mode.lanes)
    A, B = rng.choice(codes, shape), rng.choice(codes, shape)
    output = None
    if config.outputs:
        output = config.output_formats[int(rng.integers(len(config.outputs)))].name
    rows = pack_elements(config, name, A, B, output=output, slot=turn % config.bank)
    words = [sum(int(word) << (32 * at) for at, word in enumerate(row)) for row in rows]
    found = sums(config, name, A, B, [len(A)]).encode(result_format(config, name, output))
    return _Dot(words, result_word(config, name, found[0]))
