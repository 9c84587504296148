"""Elements that the small language model feeds a multiply-accumulate unit with.

Every matrix product of one window of text, all layers, as `sim.quality` quantises it into a format:
products are drawn in proportion to their multiplications, dot products have the model's lengths
(a causal one in attention), and each stream goes from column to column, beginning somewhere in a
dot product, so that ends of dot products are spread as they are in use.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.mac import MacConfig, pack_elements
from sim.quality.assignment import Assignment
from sim.quality.corpus import SMALL, read_split
from sim.quality.model import load_gpt2
from sim.quality.runner import Calibration, Runner
from sim.quality.tokenizer import Tokenizer

__all__ = ["Streams", "model_streams"]

Codes = NDArray[Any]
_WINDOW = 256  # tokens, the model's context
_CALIBRATION = 1024


@dataclass(frozen=True)
class _Product:
    """A matrix product in codes; of a causal one, row t has t + 1 terms."""

    left: Codes
    right: Codes
    causal: bool

    @property
    def macs(self) -> float:
        return self.left.size * self.right.shape[1] * (0.5 if self.causal else 1.0)


@dataclass(frozen=True)
class Streams:
    """Words ``[streams, cycles, words]`` of the input stream, and which end a dot product."""

    words: NDArray[np.uint32]
    last: NDArray[np.bool_]


def model_streams(config: MacConfig, mode: str, count: int, cycles: int, seed: int = 1) -> Streams:
    """Return `count` independent streams of `cycles` elements in `mode`, one element a cycle."""
    products = _products(mode)
    rng = np.random.default_rng(seed)
    macs = np.array([product.macs for product in products])
    chosen = rng.choice(len(products), count, p=macs / macs.sum())
    pairs = [_stream(config, mode, products[which], cycles, rng) for which in chosen]
    words, last = zip(*pairs, strict=True)
    return Streams(np.stack(words), np.stack(last))


def _products(mode: str) -> list[_Product]:
    """Return all matrix products of a window of held-out text."""
    tokenizer, model = Tokenizer.read(SMALL), load_gpt2(SMALL / "model.safetensors")
    texts = [np.array(tokenizer.encode(read_split(name))) for name in ("test", "validation")]
    calibration = Calibration(model, texts[1][:_CALIBRATION])
    assignment = Assignment.parse(mode)
    seen: defaultdict[tuple[str, int, str], list[Codes]] = defaultdict(list)

    def watch(operator: str, layer: int, side: str, values: Codes) -> None:
        seen[operator, layer, side].append(values.copy())

    Runner(model, assignment, calibration, watch=watch).hidden(texts[0][:_WINDOW], head=True)
    arithmetic = assignment.default
    assert arithmetic is not None
    format: Any = arithmetic.number_format

    def codes(operator: str, layer: int, side: str, values: Codes) -> Codes:
        factor = calibration.factor(arithmetic, operator, layer, side)
        return np.asarray(format.encode(values / factor))

    found = []
    for (operator, layer, side), several in seen.items():
        if side == "right":
            continue
        others = seen.get((operator, layer, "right"))
        for at, values in enumerate(several):
            left = codes(operator, layer, "left", values)
            if others is not None:
                right = codes(operator, layer, "right", others[at])
            else:
                matrix = model.matrix(layer, operator)
                right = format.encode(matrix / arithmetic.scaling.factor(format, matrix, 0))
            found.append(_Product(left, np.asarray(right), operator == "av"))
    return found


def _stream(
    config: MacConfig, mode: str, product: _Product, cycles: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Return one row against neighbouring columns, from somewhere in the first on."""
    rows, columns = product.left.shape[0], product.right.shape[1]
    share = rng.random()
    row = int(rows * (np.sqrt(share) if product.causal else share))  # longer rows have more terms
    terms = row + 1 if product.causal else product.left.shape[1]
    lanes = config.plan.modes[config.mode(mode)].lanes
    length = -(-terms // lanes)
    begin, column = int(rng.integers(length)), int(rng.integers(columns))
    left = _lanes(product.left[row, :terms], lanes)
    words, last = [], []
    for turn in range(-(-(begin + cycles) // length)):
        right = _lanes(product.right[:terms, (column + turn) % columns], lanes)
        words.append(pack_elements(config, mode, left, right))
        last.append(np.arange(length) == length - 1)
    part = slice(begin, begin + cycles)
    return np.concatenate(words)[part], np.concatenate(last)[part]


def _lanes(codes: Codes, lanes: int) -> Codes:
    return np.pad(codes, (0, -len(codes) % lanes)).reshape(-1, lanes)
