"""Looks at a campaign, planned beforehand, and the confidence that each of them needs."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .intervals import clopper_pearson, quantile

__all__ = ["look_confidence", "miss_probability"]

Floats = NDArray[np.float64]

_WORST = 16  # true shares that are looked at in a round
_FAR = 5.5  # standard deviations beyond which nothing is counted


@lru_cache(maxsize=64)
def look_confidence(looks: tuple[int, ...], margin: float, confidence: float) -> float:
    """Return the confidence of every look's interval such that the last one's is `confidence`.

    A campaign looks after each of `looks` injections and stops as soon as its interval is no wider
    than twice `margin`. That it chose when to stop costs coverage; intervals of the confidence
    returned make up for it, whatever the true share [Frey 2010]. Found by bisection over
    `miss_probability` on a grid of true shares, between which campaigns of a few hundred may miss
    a few thousandths more; never below `confidence`.
    """
    shares = _shares(looks, margin, confidence)
    allowed = 1 - confidence
    found, high = confidence, 1 - allowed / len(looks)
    tried: set[float] = set()
    while True:
        missed = [miss_probability(p, looks, margin, found) for p in shares]
        beyond = [at for at in np.argsort(missed)[-_WORST:] if missed[at] > allowed]
        if not beyond:
            return found
        tried |= {shares[at] for at in beyond}
        found = _bisected(tried, looks, margin, allowed, found, high)


def _bisected(
    shares: set[float],
    looks: tuple[int, ...],
    margin: float,
    allowed: float,
    low: float,
    high: float,
) -> float:
    """Return a confidence up to `high` that misses none of `shares` more often than allowed.

    `high`, at which all looks' errors are added, does not.
    """
    for _ in range(6):
        middle = (low + high) / 2
        enough = all(miss_probability(p, looks, margin, middle) <= allowed for p in shares)
        low, high = (low, middle) if enough else (middle, high)
    return high


def miss_probability(
    share: float, looks: tuple[int, ...], margin: float, confidence: float
) -> float:
    """Return how often the interval at which the campaign stops does not cover `share`.

    Exact for intervals of Clopper and Pearson, a binomial count, and looks at the given sizes: the
    distribution of the count among the campaigns that go on is carried from look to look.
    """
    tail = (1 - confidence) / 2
    going, base, missed, before = np.ones(1), 0, 0.0, 0
    for look in looks:
        last = look == looks[-1]
        edge = look if last else _last_narrow(look, margin, confidence)
        if not last and _certainly_goes_on(look, edge, share):
            continue
        going, base = _advanced(going, base, look - before, share)
        before = look
        counts = base + np.arange(len(going))
        stops = (counts <= edge) | (counts >= look - edge)
        low, high = _covering(look, share, tail)
        missed += float(going[stops & ((counts < low) | (counts > high))].sum())
        keep = np.flatnonzero(~stops)
        if not len(keep) or going[keep].sum() < 1e-9:
            break
        going, base = going[keep[0] : keep[-1] + 1], base + int(keep[0])
    return missed


def _certainly_goes_on(look: int, edge: int, share: float) -> bool:
    """Return whether hardly any count of `look` injections is at the edge or beyond."""
    reach = _FAR * math.sqrt(look * share * (1 - share)) + _FAR
    return edge < look * share - reach and look * share + reach < look - edge


def _advanced(going: Floats, base: int, more: int, share: float) -> tuple[Floats, int]:
    """Return the distribution of the count, and its first count, after `more` injections."""
    from scipy.signal import fftconvolve
    from scipy.stats import binom

    reach = _FAR * math.sqrt(more * share * (1 - share)) + _FAR
    first = max(0, math.floor(more * share - reach))
    last = min(more, math.ceil(more * share + reach))
    step = binom.pmf(np.arange(first, last + 1), more, share)
    return np.maximum(fftconvolve(going, step), 0.0), base + first


def _covering(look: int, share: float, tail: float) -> tuple[int, int]:
    """Return the smallest and the largest count whose interval covers `share`."""
    from scipy.stats import binom

    low, high = int(binom.ppf(tail, look, share)), int(binom.isf(tail, look, share))
    return low + int(binom.cdf(low, look, share) <= tail), high


@lru_cache(maxsize=1 << 14)
def _last_narrow(look: int, margin: float, confidence: float) -> int:
    """Return the largest count up to half of `look` whose interval is narrow enough; -1 if none."""
    low, high = -1, look // 2
    while low < high:
        middle = (low + high + 1) // 2
        bounds = clopper_pearson(middle, look, confidence=confidence)
        narrow = float(bounds[1] - bounds[0]) <= 2 * margin
        low, high = (middle, high) if narrow else (low, middle - 1)
    return low


def _shares(looks: tuple[int, ...], margin: float, confidence: float) -> list[float]:
    """Return true shares among which the worst is: about those where a look may be the last.

    The miss probability is the same for a share and for what is left of 1.
    """
    z = quantile(confidence)
    shares = []
    for look in looks:
        spread = min(look * (margin / z) ** 2, 0.25)
        edge = 0.5 - math.sqrt(0.25 - spread)
        sigma = math.sqrt(spread / look)
        shares += [edge + sigma * step for step in np.arange(-2, 1.2, 0.4)]
    return [share for share in shares if 0 < share <= 0.5]
