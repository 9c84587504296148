"""Patterns of wrong results replayed in the small language model: what a fault does to its text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from sim.faults.statistics import wilson
from sim.quality.arithmetic import Arithmetic
from sim.quality.assignment import Assignment
from sim.quality.perplexity import QualityBench
from sim.quality.quantise import Tensor
from sim.quality.runner import Runner

from .patterns import Pattern, Patterns

__all__ = ["MOST_LOSS", "Consequence", "Gemm", "Replayed", "replay"]

Floats = NDArray[np.float64]
Tokens = NDArray[np.integer[Any]]

_WINDOWS = 8

MOST_LOSS = 20.0
"""Nats that a token counts at most, a probability of 2e-9: one token must not decide everything."""


@dataclass(frozen=True, slots=True)
class Gemm:
    """One matrix product of the model.

    Members
    -------
    operator : str
        Its class; attention has one for each head.
    layer : int
        Layer.
    rows, columns, depth : int
        ``[rows, depth] @ [depth, columns]``.
    """

    operator: str
    layer: int
    rows: int
    columns: int
    depth: int

    def tiles(self, rows: int, columns: int) -> int:
        return -(-self.rows // rows) * -(-self.columns // columns)


@dataclass(frozen=True, slots=True)
class Consequence:
    """What one fault did.

    Members
    -------
    gemm : Gemm
        Where it hit.
    words : int
        Results that were wrong.
    changed : int
        Positions of the window whose most likely next token is another one.
    loss : float
        Mean loss per token over that without the fault, in nats.
    """

    gemm: Gemm
    words: int
    changed: int
    loss: float


@dataclass(frozen=True, slots=True)
class Replayed:
    """What all replayed faults did.

    Members
    -------
    consequences : tuple of Consequence
        One for each.
    reference_loss : float
        Mean loss per token without a fault, in nats.
    positions : int
        Tokens predicted in a window.
    """

    consequences: tuple[Consequence, ...]
    reference_loss: float
    positions: int

    @property
    def token_changes(self) -> tuple[float, float, float]:
        """P(at least one token changes | a wrong result), with Wilson's interval."""
        hits = sum(c.changed > 0 for c in self.consequences)
        low, high = wilson(hits, len(self.consequences))
        return hits / len(self.consequences), float(low), float(high)

    @property
    def tokens_changed(self) -> float:
        """Mean share of the window's tokens that change."""
        return sum(c.changed for c in self.consequences) / (len(self.consequences) * self.positions)

    @property
    def perplexity(self) -> float:
        """Perplexity without a fault."""
        return math.exp(self.reference_loss)

    @property
    def mean_loss(self) -> float:
        """Mean loss that a fault costs, in nats per token of the window it hits."""
        return float(np.mean([c.loss for c in self.consequences]))

    @property
    def perplexity_cost(self) -> float:
        """What perplexity of a window grows by on the average fault: ``exp(mean loss) - 1``.

        No token counts more than `MOST_LOSS`.
        """
        return math.expm1(self.mean_loss)

    def loss_quantile(self, share: float) -> float:
        return float(np.quantile([c.loss for c in self.consequences], share))


def replay(
    bench: QualityBench,
    arithmetic: Arithmetic,
    patterns: Patterns,
    *,
    trials: int,
    seed: int = 0,
    mode: str = "xor",
    window: int = 64,
) -> Replayed:
    """Replay patterns, each in a tile of a random matrix product of a random window of text.

    A fault strikes tiles as often as they are computed: the product is drawn by its number of
    tiles, the tile and the pattern at random. What lies beyond the edge of the output is dropped,
    as the array drops it.

    Parameters
    ----------
    arithmetic : Arithmetic
        Of all products: integers, exactly summed, so that results are words of the design.
    mode : str
        ``"xor"``: the pattern's bits are inverted in the model's own results. ``"difference"``: the
        error that the design made is added, in two's complement.
    window : int
        Tokens predicted in a window; of each of the bench's windows, eight at most, the first.

    Raises
    ------
    ConfigError
        An arithmetic whose results are no integers, no patterns, or a mode that is not known.
    """
    _check(arithmetic, patterns, trials, mode)
    random = np.random.default_rng(seed)
    runner = _Struck(bench, Assignment(default=arithmetic))
    references = [_reference(runner, w[: window + 1]) for w in bench.windows[:_WINDOWS]]
    found, weights = [], patterns.weights
    for _ in range(trials):
        reference = references[int(random.integers(len(references)))]
        number = _drawn(random, reference.gemms, patterns)
        gemm = reference.gemms[number]
        pattern = patterns.patterns[random.choice(len(patterns.patterns), p=weights)]
        strike = _Strike(number, pattern, *_corner(random, gemm, patterns), patterns.bits, mode)
        losses, best = runner.read(reference.tokens, strike, reference.products)
        changed = int((best != reference.best).sum())
        loss = float(losses.mean() - reference.losses.mean())
        found.append(Consequence(gemm, runner.words, changed, loss))
    mean = float(np.mean([reference.losses.mean() for reference in references]))
    return Replayed(tuple(found), mean, len(references[0].losses))


def _check(arithmetic: Arithmetic, patterns: Patterns, trials: int, mode: str) -> None:
    if not arithmetic.format.startswith("int") or arithmetic.text != arithmetic.format:
        raise ConfigError(
            f"{arithmetic.text!r} has no integer results; replay in int8 or another intN"
        )
    if arithmetic.scaling.kind == "exact":
        raise ConfigError("scaling='exact' rounds results before they are words; use 'pow2'")
    if not patterns.patterns:
        raise ConfigError("no fault made a result wrong: there is nothing to replay")
    if trials < 1 or mode not in ("xor", "difference"):
        raise ConfigError(f"trials={trials}, mode={mode!r}: use 1 or more, and xor or difference")


@dataclass(frozen=True, slots=True)
class _Strike:
    """A pattern in the tile whose first result is at (`row`, `column`) of the model's product
    `number`."""

    number: int
    pattern: Pattern
    row: int
    column: int
    bits: int
    mode: str

    def struck(self, sums: NDArray[np.int64], at: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return wrong results in place of `sums`; `at` says which of the pattern's words."""
        if self.mode == "xor":
            found = sums ^ self.pattern.xor[at]
        else:
            found = sums + self.pattern.difference[at]
        half = np.int64(1) << np.int64(self.bits - 1)
        return np.asarray(((found + half) & (half * 2 - 1)) - half)


class _Struck(Runner):
    """A runner, one of whose products may be struck; what is before it need not be computed."""

    def __init__(self, bench: QualityBench, assignment: Assignment) -> None:
        super().__init__(bench.model, assignment, bench.calibration, weights=bench.weights)
        self.gemms: list[Gemm] = []
        self.products: list[Floats] = []
        self.words = 0
        self._strike: _Strike | None = None
        self._known: Sequence[Floats] = ()

    def read(
        self, tokens: Tokens, strike: _Strike | None = None, known: Sequence[Floats] = ()
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Return the losses and the most likely tokens of a window."""
        self.gemms, self.products, self.words = [], [], 0
        self._strike, self._known = strike, known
        logits = self.logits(tokens[:-1])
        top = logits.max(axis=-1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
        losses = np.minimum(-logs[np.arange(len(logs)), tokens[1:]], MOST_LOSS)
        return losses, np.argmax(logits, axis=-1)

    def _weighted(self, operator: str, layer: int, x: Floats) -> Floats:
        if (found := self._before()) is not None:
            return found
        arithmetic = self._arithmetic(operator, layer)
        left = self._activation(arithmetic, operator, layer, "left", x, -1)
        right = self._weight(arithmetic, operator, layer)
        return self._computed(arithmetic, operator, layer, left, right)

    def _product(self, operator: str, layer: int, left: Floats, right: Floats) -> Floats:
        if (found := self._before()) is not None:
            return found
        arithmetic = self._arithmetic(operator, layer)
        a = self._activation(arithmetic, operator, layer, "left", left, -1)
        b = self._activation(arithmetic, operator, layer, "right", right, 0)
        return self._computed(arithmetic, operator, layer, a, b)

    def _arithmetic(self, operator: str, layer: int) -> Arithmetic:
        found = self.assignment.of(operator, layer, self.model.layers)
        assert found is not None
        return found

    def _before(self) -> Floats | None:
        """Return the next product if it is before the one that is struck."""
        number = len(self.products)
        if self._strike is None or number >= self._strike.number:
            return None
        self.products.append(self._known[number])
        return self._known[number]

    def _computed(
        self, arithmetic: Arithmetic, operator: str, layer: int, left: Tensor, right: Tensor
    ) -> Floats:
        found = arithmetic.product(left, right, self.model.longest)
        rows, columns = found.shape
        self.gemms.append(Gemm(operator, layer, rows, columns, left.values.shape[1]))
        if self._strike is not None and self._strike.number == len(self.products):
            self._hit(self._strike, found, left, right)
        self.products.append(found)
        return found

    def _hit(self, strike: _Strike, found: Floats, left: Tensor, right: Tensor) -> None:
        rows, columns = strike.row + strike.pattern.rows, strike.column + strike.pattern.columns
        at = np.flatnonzero((rows < found.shape[0]) & (columns < found.shape[1]))
        rows, columns = rows[at], columns[at]
        dots = np.einsum("nk,kn->n", left.values[rows], right.values[:, columns])
        wrong = strike.struck(np.rint(dots).astype(np.int64), at).astype(np.float64)
        factor = np.broadcast_to(np.asarray(left.factor) * right.factor, found.shape)
        found[rows, columns] = (wrong * factor[rows, columns]).astype(np.float32)
        self.words = len(at)  # what the edge of the output does not drop


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """A window without a fault."""

    tokens: Tokens
    losses: Floats
    best: NDArray[np.int64]
    gemms: Sequence[Gemm]
    products: Sequence[Floats]


def _reference(runner: _Struck, tokens: Tokens) -> _Reference:
    losses, best = runner.read(tokens)
    return _Reference(tokens, losses, best, runner.gemms, runner.products)


def _drawn(random: np.random.Generator, gemms: Sequence[Gemm], patterns: Patterns) -> int:
    tiles = np.array([gemm.tiles(patterns.rows, patterns.columns) for gemm in gemms], dtype=float)
    return int(random.choice(len(gemms), p=tiles / tiles.sum()))


def _corner(random: np.random.Generator, gemm: Gemm, patterns: Patterns) -> tuple[int, int]:
    row = int(random.integers(-(-gemm.rows // patterns.rows))) * patterns.rows
    column = int(random.integers(-(-gemm.columns // patterns.columns))) * patterns.columns
    return row, column
