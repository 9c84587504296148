"""Sequential sampling: until the interval is narrow enough."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hw.contracts import ConfigError

from .estimate import Estimate, Tally, tally
from .intervals import anytime, effective_size, exact
from .looks import look_confidence
from .plan import Classes, Numbers, Plan
from .shuffle import Shuffle
from .size import leveugle

__all__ = ["Sequential"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sequential(Plan):
    """A simple sample that grows until half its interval is no more than `margin`.

    It looks at its outcomes at sizes planned beforehand, each `growth` times the one before;
    intervals are made a little wider such that the one at which it stops still has the confidence
    asked for (`looks.look_confidence`). The share of the plan's own classes decides; intervals of
    other classes and of structures are made with the same raised confidence.

    Parameters
    ----------
    margin : float
        Half the width wanted.
    first : int
        Size of the first look.
    growth : float
        From look to look, above 1.
    most : int, optional
        Size at which it stops in any case.
    """

    name = "sequential"

    margin: float
    first: int = 400
    growth: float = 1.25
    most: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.margin < 0.5 or self.first < 1 or not self.growth >= 1.01:
            raise ConfigError(
                f"margin={self.margin}, first={self.first}, growth={self.growth}: use a margin "
                "below 0.5, a first look of 1 or more and a growth of 1.01 or more"
            )
        if self.most is not None and self.most < 1:
            raise ConfigError(f"most={self.most} injects nothing; use 1 or more")

    @cached_property
    def looks(self) -> tuple[int, ...]:
        """Sample sizes after which outcomes are looked at."""
        # The confidence of a look is not known yet: sized for all looks' errors added.
        surely = 1 - (1 - self.confidence) / 20
        last = min(leveugle(self.frame.size, self.margin, confidence=surely) + 2, self.frame.size)
        last = last if self.most is None else min(last, self.most)
        sizes, size = [], float(self.first)
        while size < last:
            sizes.append(round(size))
            size = max(size * self.growth, size + 1)
        return (*sizes, last)

    @cached_property
    def look(self) -> float:
        """Confidence of the interval of each look."""
        if len(self.looks) == 1:
            return self.confidence
        # In sizes of samples with replacement: steps of information, as the finite population has.
        sizes = effective_size(self.looks, self.frame.size)
        most = leveugle(1 << 60, self.margin, confidence=1 - (1 - self.confidence) / 20) + 2
        told = dict.fromkeys(int(min(size, most)) for size in sizes)
        return look_confidence(tuple(told), self.margin, self.confidence)

    def planned(self, classes: Classes) -> int:
        ended = self._ended(classes)
        return ended or next(look for look in self.looks if look > len(classes))

    def _ended(self, classes: Classes) -> int:
        """Return the look at which the campaign stops; 0 if it goes on."""
        hits = np.cumsum(np.isin(classes, self.of))
        for look in self.looks:
            if look > len(classes):
                return 0
            low, high = exact(int(hits[look - 1]), look, self.frame.size, confidence=self.look)
            if high - low <= 2 * self.margin:
                return look
        return self.looks[-1]

    def _numbers(self, classes: Classes, first: int, last: int) -> Numbers:
        return Shuffle(self.frame.size, (self.seed,))[first:last]

    def tally(self, classes: Classes) -> Tally:
        numbers = self.numbers(classes)
        return tally(self.frame, numbers, classes, confidence=self.confidence, look=self.look)

    def peek(self, classes: Classes) -> Estimate:
        """Return an estimate that may be looked at at any time: of a confidence sequence."""
        hits, size = int(np.isin(classes, self.of).sum()), self.frame.size
        low, high = anytime(hits, len(classes), size, confidence=self.confidence)
        value, method = hits / max(len(classes), 1), "confidence sequence"
        return Estimate(value, low, high, hits, len(classes), size, self.confidence, method)

    def describe(self) -> str:
        return (
            f"pairs of {self.frame.size:,} drawn at random without replacement until the interval "
            f"is ±{self.margin:.3%} or narrower, with looks after {self.looks[0]:,} and then "
            f"{self.growth:g} times as many each, seed {self.seed}"
        )
