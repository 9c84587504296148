"""Estimates: what a campaign's counts say of all its faults, with an interval."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from sim.faults.outcome import CLASSES, UNDETECTED

from .frame import Frame, Stratum
from .intervals import exact, wilson

__all__ = ["Estimate", "Tally", "tally"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share of faults, and the interval that covers the true one with some confidence.

    Members
    -------
    value, low, high : float
        Estimate and its bounds.
    hits, sample, population : int
        Faults counted, of how many injected, of how many there are.
    confidence : float
        How often such intervals cover the truth, at least.
    method : str
        How the interval was made.
    """

    value: float
    low: float
    high: float
    hits: int
    sample: int
    population: int
    confidence: float
    method: str

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True, eq=False)
class Tally:
    """Outcomes counted by stratum and class.

    Members
    -------
    strata : tuple of Stratum
    sizes : array of int, ``[strata]``
        All pairs of each.
    counts : array of int, ``[strata, classes]``
        Injected pairs by class; a representative counts as often as it stands for.
    confidence : float
        What intervals are to have.
    look : float
        The confidence that each is made with: above `confidence` if the campaign looked at its
        outcomes before it ended.
    """

    strata: tuple[Stratum, ...]
    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]
    confidence: float = 0.95
    look: float = 0.95

    def only(self, which: Collection[int]) -> Tally:
        """Return the tally of some strata, by their indices."""
        at = sorted(which)
        strata = tuple(self.strata[h] for h in at)
        return Tally(strata, self.sizes[at], self.counts[at], self.confidence, self.look)

    def estimate(self, stratum: int, *, of: Collection[int] = UNDETECTED) -> Estimate:
        """Return the share of one stratum's faults that end in one of the classes `of`."""
        hits, drawn = int(self.counts[stratum, list(of)].sum()), int(self.counts[stratum].sum())
        return _estimate(hits, drawn, int(self.sizes[stratum]), self.confidence, self.look)

    def pooled(self, *, of: Collection[int] = UNDETECTED) -> Estimate:
        """Return the share of all faults, of a simple sample over all strata."""
        hits, drawn = int(self.counts[:, list(of)].sum()), int(self.counts.sum())
        return _estimate(hits, drawn, int(self.sizes.sum()), self.confidence, self.look)

    def combined(
        self, *, of: Collection[int] = UNDETECTED, weights: Floats | None = None
    ) -> Estimate:
        """Return the weighted mean of the strata's shares.

        Parameters
        ----------
        weights : array of float, ``[strata]``
            What a stratum counts for, such as its failure rate; by default its size. They are
            scaled to a sum of 1.

        The distances of Wilson's bounds from each stratum's share are squared and added [Newcombe
        1998; Zou and Donner 2008]. A stratum of which nothing was drawn may have any share: it
        is taken as half, give or take a half.
        """
        w = self._weights(weights)
        hits, drawn = self.counts[:, list(of)].sum(axis=1), self.counts.sum(axis=1)
        share = np.where(drawn > 0, hits / np.maximum(drawn, 1), 0.5)
        low, high = wilson(hits, drawn, self.sizes, confidence=self.look)
        value = float(w @ share)
        below, above = w * (share - low), w * (high - share)
        return Estimate(
            value,
            max(0.0, value - float(np.sqrt(below @ below))),
            min(1.0, value + float(np.sqrt(above @ above))),
            int(hits.sum()),
            int(drawn.sum()),
            int(self.sizes.sum()),
            self.confidence,
            "Wilson's intervals of the strata, squared and added",
        )

    def _weights(self, weights: Floats | None) -> Floats:
        w = np.asarray(self.sizes if weights is None else weights, dtype=np.float64)
        if w.shape != self.sizes.shape or (w < 0).any() or not w.sum() > 0:
            raise ConfigError(
                f"weights of {len(self.sizes)} strata are needed, none below 0 and not all 0"
            )
        return np.asarray(w / w.sum())


def _estimate(hits: int, drawn: int, size: int, confidence: float, look: float) -> Estimate:
    low, high = exact(hits, drawn, size, confidence=look)
    method = "all injected" if drawn == size else "exact, hypergeometric"
    value = hits / drawn if drawn else 0.5
    return Estimate(value, low, high, hits, drawn, size, confidence, method)


def tally(
    frame: Frame,
    numbers: NDArray[np.int64],
    classes: NDArray[np.uint8],
    *,
    confidence: float = 0.95,
    look: float | None = None,
) -> Tally:
    """Return the counts of outcome `classes` of the pairs `numbers`."""
    cells = frame.stratum_of(numbers).astype(np.int64) * len(CLASSES) + classes
    counts = np.bincount(cells, minlength=len(frame.strata) * len(CLASSES))
    shape = (len(frame.strata), len(CLASSES))
    looked = confidence if look is None else look
    return Tally(frame.strata, frame.sizes, counts.reshape(shape), confidence, looked)
