"""Perplexity of a model on a text, under an assignment of arithmetic, beside float64."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

from .assignment import Assignment
from .corpus import SMALL, read_split
from .model import Gpt2, load_gpt2
from .runner import Calibration, Runner
from .tokenizer import Tokenizer

__all__ = ["BLOCK", "Measured", "QualityBench"]

Floats = NDArray[np.float64]

BLOCK = 64
"""Tokens whose losses are kept as one sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Perplexity on some text, cut into blocks of `BLOCK` tokens or fewer.

    Members
    -------
    losses : tuple of float
        Sum of ``-ln p`` over the tokens of each block.
    reference : tuple of float
        The same with what it is compared with: float64, if nothing else is said.
    tokens : int
        Tokens predicted in all.
    divergences : tuple of float
        Sum of the divergences from float64 over the tokens of each block; empty if not asked for.
    """

    losses: tuple[float, ...]
    reference: tuple[float, ...]
    tokens: int
    divergences: tuple[float, ...] = ()

    @property
    def perplexity(self) -> float:
        """``exp`` of the mean loss per token."""
        return math.exp(min(sum(self.losses) / self.tokens, 700.0))

    @property
    def reference_perplexity(self) -> float:
        return math.exp(sum(self.reference) / self.tokens)

    @property
    def increase(self) -> float:
        """Perplexity over the reference's, less one."""
        return math.exp((sum(self.losses) - sum(self.reference)) / self.tokens) - 1

    @property
    def increase_error(self) -> float:
        """Standard error of `increase`, from the differences block by block; NaN for one block."""
        return (1 + self.increase) * self.loss_error

    @property
    def loss(self) -> float:
        """Mean loss per token over the reference's, in nats."""
        return (sum(self.losses) - sum(self.reference)) / self.tokens

    @property
    def loss_error(self) -> float:
        """Standard error of `loss`, from the differences block by block; NaN for one block."""
        return self._error(np.subtract(self.losses, self.reference))

    @property
    def divergence(self) -> float:
        """Mean divergence per token, in nats; NaN if it was not asked for.

        It is what `loss` would come to, were the text drawn from the reference model, and has a
        far smaller error: luck with the tokens that the text happens to have is not in it.
        """
        return sum(self.divergences) / self.tokens if self.divergences else math.nan

    @property
    def divergence_error(self) -> float:
        """Standard error of `divergence`; NaN for one block, or if it was not asked for."""
        return self._error(np.array(self.divergences))

    def _error(self, blocks: Floats) -> float:
        """Return the standard error of the mean per token of sums by block."""
        if len(blocks) < 2:
            return math.nan
        return float(np.std(blocks, ddof=1)) * math.sqrt(len(blocks)) / self.tokens


class QualityBench:
    """A model with text to measure it on; the float64 reference and quantised weights are kept.

    Text is cut into windows of the model's context that do not overlap; each token of a window but
    the first is predicted from those before it.

    Parameters
    ----------
    model : Gpt2
        The model.
    tokens : list of int
        Text to measure on.
    calibration : list of int
        Other text, to fix activations' scales by.
    limit : int
        Tokens to predict at most.
    """

    def __init__(
        self, model: Gpt2, tokens: list[int], calibration: list[int], *, limit: int = 4096
    ) -> None:
        if len(tokens) < 2:
            raise ConfigError("the text has fewer than 2 tokens; nothing can be predicted")
        if limit < 1:
            raise ConfigError(f"tokens={limit} measures nothing; use 1 or more")
        self.model = model
        self.windows = _windows(np.array(tokens), model.context, limit)
        self._calibration_tokens = np.array(calibration)
        self._calibration: Calibration | None = None
        self._weights: dict[tuple[Any, ...], Any] = {}
        self._reference: tuple[float, ...] | None = None
        self._states: list[Floats] = []

    @classmethod
    def small(cls, *, limit: int = 4096) -> QualityBench:
        """Return the small model on its held-out text."""
        tokenizer = Tokenizer.read(SMALL)
        texts = (tokenizer.encode(read_split(name)) for name in ("test", "validation"))
        return cls(load_gpt2(SMALL / "model.safetensors"), *texts, limit=limit)

    @classmethod
    def of_files(
        cls, weights: Path, text: Path, tokenizer: Path | None = None, *, limit: int = 4096
    ) -> QualityBench:
        """Return a user's GPT-2 on a text, whose beginning is taken for calibration.

        ``config.json`` is beside the weights; so are ``vocab.json`` and ``merges.txt``, if they are
        not in the folder `tokenizer`.
        """
        model = load_gpt2(weights)
        if not text.is_file():
            raise ConfigError(f"{text} is no file; give a text in UTF-8")
        try:
            tokens = Tokenizer.read(tokenizer or weights.parent).encode(text.read_text("utf-8"))
        except UnicodeDecodeError as error:
            raise ConfigError(f"{text} is no UTF-8 ({error.reason}); convert it") from error
        kept = min(model.context, len(tokens) // 4)
        return cls(model, tokens[kept:], tokens[:kept], limit=limit)

    @property
    def tokens(self) -> int:
        """Tokens predicted."""
        return sum(len(window) - 1 for window in self.windows)

    @property
    def longest(self) -> int:
        """Products of the model's longest dot product."""
        return self.model.longest

    @property
    def window(self) -> int:
        """Tokens predicted in each window."""
        return len(self.windows[0]) - 1

    @property
    def reference(self) -> tuple[float, ...]:
        """Losses of the blocks in float64."""
        if self._reference is None:
            self._reference = self._losses(Assignment())
        return self._reference

    @property
    def identity(self) -> dict[str, str | int]:
        """What measurements depend on besides the assignment: digests of weights and texts."""
        texts = {"text": np.concatenate(self.windows), "calibration": self._calibration_tokens}
        digests = {
            name: hashlib.sha256(np.asarray(text, dtype="<i8").tobytes()).hexdigest()
            for name, text in texts.items()
        }
        return {"model": self.model.digest, **digests, "tokens": self.tokens}

    @property
    def calibration(self) -> Calibration:
        """What fixes activations' scales; made when it is first asked for."""
        if self._calibration is None:
            self._calibration = Calibration(self.model, self._calibration_tokens)
        return self._calibration

    @property
    def weights(self) -> dict[tuple[Any, ...], Any]:
        """Quantised weights, which runners of the model share."""
        return self._weights

    def measure(self, assignment: Assignment, *, divergence: bool = False) -> Measured:
        """Run all windows; the same on every machine but for the last bits of libm."""
        if not divergence:
            return Measured(
                losses=self._losses(assignment), reference=self.reference, tokens=self.tokens
            )
        runner, pairs = self._runner(assignment), zip(self.windows, self._exact(), strict=True)
        losses, divergences = zip(*(runner.compared(*pair) for pair in pairs), strict=True)
        return Measured(
            losses=_blocks(losses),
            reference=self.reference,
            tokens=self.tokens,
            divergences=_blocks(divergences),
        )

    def _exact(self) -> list[Floats]:
        """Return what the LM head is given in float64, window by window."""
        if not self._states:
            runner = Runner(self.model, Assignment())
            self._states = [runner.hidden(window[:-1]) for window in self.windows]
        return self._states

    def _losses(self, assignment: Assignment) -> tuple[float, ...]:
        runner = self._runner(assignment)
        return _blocks([runner.losses(window) for window in self.windows])

    def _runner(self, assignment: Assignment) -> Runner:
        calibration = None if assignment == Assignment() else self.calibration
        return Runner(self.model, assignment, calibration, weights=self._weights)


def _blocks(windows: Iterable[Floats]) -> tuple[float, ...]:
    """Return the sums over blocks of each window."""
    return tuple(
        float(part[at : at + BLOCK].sum()) for part in windows for at in range(0, len(part), BLOCK)
    )


def _windows(tokens: NDArray[np.int64], context: int, limit: int) -> list[NDArray[np.int64]]:
    """Cut text into windows of equal length, each a prediction longer than what is read of it."""
    size = min(context, limit, len(tokens) - 1) + 1
    count = max(min(len(tokens) // size, limit // (size - 1)), 1)
    return list(tokens[: count * size].reshape(count, size))
