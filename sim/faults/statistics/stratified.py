"""Stratified sampling: a pilot in every structure, then more where outcomes vary most."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

from .allocation import neyman, smoothed_spread
from .estimate import Estimate, Pilot, Tally, tally
from .plan import Classes, Numbers, Plan
from .shuffle import Shuffle

__all__ = ["Stratified"]

Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stratified(Plan):
    """Simple samples of every structure, sized by Neyman's rule after a pilot.

    The estimate weighs both stages as was fixed before the second one was sized, so that it has no
    bias (`estimate.Tally`).

    Parameters
    ----------
    sample : int
        Pairs in all.
    pilot : float
        Share of them that is spent in proportion to the structures' weights, to learn their
        spread.
    least : int
        Pilot of a stratum at least; smaller ones are injected whole.
    weights : tuple of float, optional
        What a stratum counts for in the estimate, such as its failure rate; by default its size.

    Raises
    ------
    ConfigError
        If `sample` does not reach for `least` pairs of every stratum.
    """

    name = "stratified"

    sample: int
    pilot: float = 0.25
    least: int = 10
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.pilot < 1 or self.least < 2:
            raise ConfigError(
                f"pilot={self.pilot}, least={self.least}: use a share between 0 and 1, "
                "and 2 pairs of a stratum or more"
            )
        if self.weights is not None and len(self.weights) != len(self.frame.strata):
            raise ConfigError(
                f"{len(self.weights)} weights for {len(self.frame.strata)} strata; give one each"
            )
        needed = int(np.minimum(_with_second(self._least), self.frame.sizes).sum())
        if self.sample < needed:
            raise ConfigError(
                f"sample={self.sample} does not reach for a pilot of {self.least} pairs in each of "
                f"{len(self.frame.strata)} structures and half as many later; use {needed} or "
                "more, or fewer structures"
            )

    def planned(self, classes: Classes) -> int:
        pilot = int(self._pilot.sum())
        return pilot if len(classes) < pilot else int(self._sizes(classes).sum())

    def describe(self) -> str:
        return (
            f"{min(self.sample, self.frame.size):,} of {self.frame.size:,} (site, cycle) pairs in "
            f"{len(self.frame.strata)} structures: {int(self._pilot.sum()):,} as a pilot, the rest "
            f"by Neyman's allocation, seed {self.seed}"
        )

    def tally(self, classes: Classes) -> Tally:
        """Return the counts; the pilot weighs what it would without Neyman's allocation."""
        numbers, end = self.numbers(classes), int(self._pilot.sum())
        found = tally(self.frame, numbers, classes, confidence=self.confidence)
        if len(classes) <= end:
            return found
        early = tally(self.frame, numbers[:end], classes[:end])
        weight = self._pilot / self._alike(self._pilot, self.sample)
        return replace(found, pilot=Pilot(early.counts, weight))

    def estimate(self, classes: Classes, *, of: Collection[int] | None = None) -> Estimate:
        weights = None if self.weights is None else np.array(self.weights)
        found = self.tally(classes)
        return found.combined(of=self.of if of is None else of, weights=weights)

    @cached_property
    def _counted(self) -> NDArray[np.float64]:
        """What each stratum counts for."""
        return np.array(self.frame.sizes if self.weights is None else self.weights, dtype=float)

    @cached_property
    def _pilot(self) -> Counts:
        """Pairs of each stratum in the pilot."""
        budget = max(int(self.sample * self.pilot), int(self._least.sum()))
        return self._alike(self._least, budget)

    @cached_property
    def _least(self) -> Counts:
        return np.minimum(self.least, self.frame.sizes)

    def _alike(self, least: Counts, budget: int) -> Counts:
        """Return sizes in proportion to what strata count for."""
        return neyman(self._counted, np.ones(len(least)), least, self.frame.sizes, budget)

    def _sizes(self, classes: Classes) -> Counts:
        """Return the pairs of each stratum in all, which the pilot decides."""
        pilot = classes[: int(self._pilot.sum())]
        which = np.repeat(np.arange(len(self._pilot)), self._pilot)
        seen = np.isin(pilot, self.of)
        hits = np.bincount(which[seen], minlength=len(self._pilot))
        spreads = smoothed_spread(hits, self._pilot)
        least = np.minimum(_with_second(self._pilot), self.frame.sizes)
        return neyman(self._counted, spreads, least, self.frame.sizes, self.sample)

    def _numbers(self, classes: Classes, first: int, last: int) -> Numbers:
        end = int(self._pilot.sum())
        parts = [self._stage(np.zeros_like(self._pilot), self._pilot)] if first < end else []
        if last > end:
            parts.append(self._stage(self._pilot, self._sizes(classes)))
        gone = 0 if first < end else end
        return np.concatenate(parts)[first - gone : last - gone]

    def _stage(self, begin: Counts, end: Counts) -> Numbers:
        """Return a stage's pairs: of every stratum those from `begin` to `end` of its order."""
        bounds = zip(begin.tolist(), end.tolist(), strict=True)
        parts = [
            self.frame.members(h, self._orders[h][a:b]) for h, (a, b) in enumerate(bounds) if a < b
        ]
        return np.concatenate([*parts, np.zeros(0, np.int64)])

    @cached_property
    def _orders(self) -> list[Shuffle]:
        return [Shuffle(int(size), (self.seed, h)) for h, size in enumerate(self.frame.sizes)]


def _with_second(pilot: Counts) -> Counts:
    """Return least sizes after both stages: the second is half the pilot or more."""
    return pilot + np.maximum(pilot // 2, 1)
