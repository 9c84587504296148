"""Estimates: what a campaign's counts say of all its faults, with an interval."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from sim.faults.outcome import CLASSES, UNDETECTED

from .frame import Frame, Stratum
from .intervals import exact

__all__ = ["Estimate", "Pilot", "Tally", "joined", "tally"]


Floats = NDArray[np.float64]

_COMBINED = "strata combined, beta distribution with one more pair"


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
class Pilot:
    """The first of two stages in which strata were drawn from.

    Members
    -------
    counts : array of int, ``[strata, classes]``
        Its part of the tally's counts.
    weight : array of float, ``[strata]``
        Its part of the estimate, fixed before the second stage's size was chosen.
    """

    counts: NDArray[np.int64]
    weight: Floats


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
    pilot : Pilot, optional
        What decided on the rest, if the strata's sizes were chosen by it.
    """

    strata: tuple[Stratum, ...]
    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]
    confidence: float = 0.95
    look: float = 0.95
    pilot: Pilot | None = None

    def only(self, which: Collection[int]) -> Tally:
        """Return the tally of some strata, by their indices."""
        at = sorted(which)
        pilot = self.pilot and Pilot(self.pilot.counts[at], self.pilot.weight[at])
        strata = tuple(self.strata[h] for h in at)
        return Tally(strata, self.sizes[at], self.counts[at], self.confidence, self.look, pilot)

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

        The interval is of the beta distribution with the estimate's mean and variance after one
        more pair that could not be worse, where it weighs most [after Fay and Feuer 1997]. Of a
        single stratum it is Clopper's and Pearson's, and a heavy stratum that was looked at little
        is not taken for clean because nothing was seen there. In the variance, the strata's shares
        are drawn a little towards their mean; finite strata are corrected for, as of the simple
        sample that tells as much as both stages. A stratum of which nothing was drawn may have any
        share from 0 to 1.
        """
        w, known = self._weights(weights), self.counts.sum(axis=1) > 0
        hits = int(self.counts[:, list(of)].sum())
        total = (hits, int(self.counts.sum()), int(self.sizes.sum()))
        if not known.any():
            return Estimate(0.5, 0.0, 1.0, *total, self.confidence, _COMBINED)
        left = 1 - float(w[known].sum())
        value, low, high = self._interval(w * known / (1 - left), list(of))
        return Estimate(
            value, (1 - left) * low, (1 - left) * high + left, *total, self.confidence, _COMBINED
        )

    def _interval(self, w: Floats, of: list[int]) -> tuple[float, float, float]:
        """Return the weighted mean over strata that were drawn from, and its bounds."""
        share, size = self._shares(of)
        drawn = self.counts.sum(axis=1)
        overall = (share @ drawn + 1) / (drawn.sum() + 2)
        smooth = (share * size + 2 * overall) / (size + 2)
        rest = (self.sizes - size) / np.maximum(self.sizes - 1, 1) * (drawn < self.sizes)
        parts = w**2 * smooth * (1 - smooth) * rest / np.maximum(size - 1, 1)
        value, variance = float(w @ share), float(parts.sum())
        if not (weight := w * rest / np.maximum(size, 1)).any():
            return value, value, value
        high = _bound(value, variance, weight, share, self.look)
        low = 1 - _bound(1 - value, variance, weight, 1 - share, self.look)
        return value, low, high

    def _shares(self, of: list[int]) -> tuple[Floats, Floats]:
        """Return each stratum's share, and the size of the simple sample that tells as much.

        With a pilot, the shares of both stages are weighted as was fixed beforehand: weighted by
        their sizes they would have a bias, since strata whose pilot saw little get little more.
        """
        hits, drawn = self.counts[:, of].sum(axis=1), self.counts.sum(axis=1)
        if self.pilot is None:
            return hits / np.maximum(drawn, 1), drawn.astype(np.float64)
        early, before = self.pilot.counts[:, of].sum(axis=1), self.pilot.counts.sum(axis=1)
        later, f = drawn - before, self.pilot.weight
        f = np.where((drawn == self.sizes) | (later == 0), before / np.maximum(drawn, 1), f)
        first, second = np.maximum(before, 1), np.maximum(later, 1)
        share = f * early / first + (1 - f) * (hits - early) / second
        return share, 1 / np.maximum(f**2 / first + (1 - f) ** 2 / second, 1e-300)

    def _weights(self, weights: Floats | None) -> Floats:
        w = np.asarray(self.sizes if weights is None else weights, dtype=np.float64)
        if w.shape != self.sizes.shape or (w < 0).any() or not w.sum() > 0:
            raise ConfigError(
                f"weights of {len(self.sizes)} strata are needed, none below 0 and not all 0"
            )
        return np.asarray(w / w.sum())


def _bound(
    value: float, variance: float, weight: Floats, share: Floats, confidence: float
) -> float:
    """Return the upper bound of a weighted mean; `weight` is that of one more pair by stratum.

    The pair hits, and its variance is added, where both together reach furthest.
    """
    from scipy.special import betaincinv

    reach = np.where(share < 1, weight**2 * (1 - share), 0.0)
    most = int(np.argmax(reach))
    if not reach[most] > 0:
        return 1.0
    mean = (value + weight[most]) / (1 + weight[most])
    spread = (variance + reach[most]) / (1 + weight[most]) ** 2
    if mean >= 1:
        return 1.0
    alike = max(mean * (1 - mean) / spread - 1, 1e-9)
    upper = betaincinv(mean * alike, (1 - mean) * alike, 0.5 + confidence / 2)
    return float(max(value, upper))


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


def joined(parts: Sequence[Tally]) -> Tally:
    """Return several campaigns' tallies as one, whose strata are all of theirs.

    Intervals are made with the highest confidence that one of them needs.
    """
    pilots = [part.pilot or _all_at_once(part) for part in parts]
    pilot = Pilot(
        np.concatenate([pilot.counts for pilot in pilots]),
        np.concatenate([pilot.weight for pilot in pilots]),
    )
    return Tally(
        tuple(stratum for part in parts for stratum in part.strata),
        np.concatenate([part.sizes for part in parts]),
        np.concatenate([part.counts for part in parts]),
        max(part.confidence for part in parts),
        max(part.look for part in parts),
        pilot if any(part.pilot for part in parts) else None,
    )


def _all_at_once(part: Tally) -> Pilot:
    """Return a pilot that is the whole campaign."""
    return Pilot(part.counts, np.ones(len(part.sizes)))
