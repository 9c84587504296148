"""Plans: which pairs of a frame to inject next, and what the outcomes say of all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from sim.faults.outcome import UNDETECTED

from .estimate import Estimate, Tally, tally
from .frame import Frame
from .shuffle import Shuffle

__all__ = ["Classes", "Exhaustive", "Numbers", "Plan", "Sampled"]

Numbers = NDArray[np.int64]
"""Pair numbers of a frame."""
Classes = NDArray[np.uint8]
"""Indices of `outcome.CLASSES`."""

BATCH = 1 << 22
"""Numbers that are handed out at once, at most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan(ABC):
    """Chooses pairs to inject; a pure function of its settings and of the outcomes so far::

        classes = np.zeros(0, np.uint8)
        while (numbers := plan.next(classes)) is not None:
            sites, cycles = plan.frame.pairs(numbers)
            classes = np.append(classes, classify(engine.inject(faults_at(...))))
        print(plan.estimate(classes))

    Nothing is kept between calls: whoever has the classes of an interrupted campaign goes on with
    `next`, and gets what it would have got.

    Parameters
    ----------
    frame : Frame
        The population.
    confidence : float
        Of all intervals.
    seed : int
        Equal seeds give equal campaigns.
    of : tuple of int
        Classes whose share the plan is made for.
    """

    name: ClassVar[str]

    frame: Frame
    confidence: float = 0.95
    seed: int = 0
    of: tuple[int, ...] = UNDETECTED

    def next(self, classes: Classes) -> Numbers | None:
        """Return the pairs that follow; None when the campaign is complete.

        Parameters
        ----------
        classes : array of uint8
            Classes of the first ``len(classes)`` pairs, in the order in which they were handed out.
        """
        end = min(self.planned(classes), len(classes) + BATCH)
        return self._numbers(classes, len(classes), end) if end > len(classes) else None

    def numbers(self, classes: Classes) -> Numbers:
        """Return the pairs that `classes` belong to."""
        return self._numbers(classes, 0, len(classes))

    @abstractmethod
    def planned(self, classes: Classes) -> int:
        """Return how many pairs are certain to be injected in all; for progress."""

    @abstractmethod
    def _numbers(self, classes: Classes, first: int, last: int) -> Numbers:
        """Return pairs in the order of injection; `last` is `planned` at most."""

    @abstractmethod
    def describe(self) -> str:
        """Return how pairs are chosen, in a sentence for the report."""

    def tally(self, classes: Classes) -> Tally:
        """Return the counts by stratum and class, with the confidence that intervals need."""
        return tally(self.frame, self.numbers(classes), classes, confidence=self.confidence)

    def estimate(self, classes: Classes, *, of: Collection[int] | None = None) -> Estimate:
        """Return the share of all pairs that end in the classes `of`, by default the plan's own."""
        return self.tally(classes).pooled(of=self.of if of is None else of)


@dataclass(frozen=True, kw_only=True, eq=False)
class Exhaustive(Plan):
    """Every pair, in order of cycles."""

    name = "exhaustive"

    def planned(self, classes: Classes) -> int:
        return self.frame.size

    def _numbers(self, classes: Classes, first: int, last: int) -> Numbers:
        return np.arange(first, last, dtype=np.int64)

    def describe(self) -> str:
        return f"every one of {self.frame.size:,} (site, cycle) pairs"


@dataclass(frozen=True, kw_only=True, eq=False)
class Sampled(Plan):
    """A simple random sample without replacement.

    Parameters
    ----------
    sample : int
        Pairs; `size.leveugle` says how many are needed. The whole population if it is smaller.
    """

    name = "sampled"

    sample: int

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise ConfigError(f"sample={self.sample} injects nothing; use 1 or more")

    def planned(self, classes: Classes) -> int:
        return min(self.sample, self.frame.size)

    def _numbers(self, classes: Classes, first: int, last: int) -> Numbers:
        return Shuffle(self.frame.size, (self.seed,))[first:last]

    def describe(self) -> str:
        return (
            f"{min(self.sample, self.frame.size):,} of {self.frame.size:,} (site, cycle) pairs, "
            f"drawn at random without replacement, seed {self.seed}"
        )
