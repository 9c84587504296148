"""Confidence intervals of a share, from how many of a sample have a property.

All keep their coverage near 0 and 1; none is the plain normal approximation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.contracts import ConfigError

__all__ = ["anytime", "clopper_pearson", "effective_size", "exact", "quantile", "wilson"]

Floats = NDArray[np.float64]


def quantile(confidence: float) -> float:
    """Return the standard normal quantile of a two-sided interval: 1.96 for 0.95."""
    from scipy.special import ndtri

    _check_confidence(confidence)
    return float(ndtri(0.5 + confidence / 2))


def effective_size(sample: ArrayLike, population: ArrayLike) -> Floats:
    """Return the size of a sample with replacement that tells as much: ``n (N - 1) / (N - n)``.

    Infinite for a whole population, whose share is known.
    """
    n, N = np.asarray(sample, dtype=np.float64), np.asarray(population, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n >= N, np.inf, n * (N - 1) / (N - n))


def wilson(
    hits: ArrayLike, sample: ArrayLike, population: ArrayLike = np.inf, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return Wilson's score interval [Wilson 1927], element by element.

    Parameters
    ----------
    hits, sample : array of int
        How many of how many drawn; nothing drawn gives 0 to 1.
    population : array of int
        What the sample was drawn from without replacement; it narrows the interval by
        `effective_size`.
    """
    z = quantile(confidence)
    x, n = np.asarray(hits, dtype=np.float64), np.asarray(sample, dtype=np.float64)
    N = np.broadcast_to(np.asarray(population, dtype=np.float64), n.shape)
    size = np.where(np.isinf(N), n, effective_size(n, np.where(np.isinf(N), n + 1, N)))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(n > 0, x / n, 0.5)
        shrink = np.where(n > 0, 1 / (1 + z * z / size), 0.0)
        half = np.where(n > 0, z * np.sqrt(p * (1 - p) / size + z * z / (4 * size * size)), np.inf)
        centre = (p + z * z / (2 * size)) * shrink
        reach = half * shrink
    none = n <= 0
    low, high = np.where(none, 0.0, centre - reach), np.where(none, 1.0, centre + reach)
    return np.where(x <= 0, 0.0, np.clip(low, 0, p)), np.where(x >= n, 1.0, np.clip(high, p, 1))


def clopper_pearson(
    hits: ArrayLike, sample: ArrayLike, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the exact interval of a binomial share [Clopper and Pearson 1934]."""
    from scipy.special import betaincinv

    _check_confidence(confidence)
    tail = (1 - confidence) / 2
    x, n = np.asarray(hits, dtype=np.float64), np.asarray(sample, dtype=np.float64)
    inner = (x > 0, x < n)
    low = betaincinv(np.where(inner[0], x, 1), np.where(inner[0], n - x + 1, 1), tail)
    high = betaincinv(np.where(inner[1], x + 1, 1), np.where(inner[1], n - x, 1), 1 - tail)
    return np.where(inner[0], low, 0.0), np.where(inner[1], high, 1.0)


@lru_cache(maxsize=1 << 16)
def exact(
    hits: int, sample: int, population: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the exact interval of a share of a finite population.

    Clopper's and Pearson's argument with the hypergeometric distribution: all shares M/N under
    which neither ``P(X <= hits)`` nor ``P(X >= hits)`` is `(1 - confidence) / 2` or less. What was
    drawn is known: the interval of a whole population has no width.

    Raises
    ------
    ConfigError
        Unless ``0 <= hits <= sample <= population``.
    """
    _check_counts(hits, sample, population)
    tail = (1 - confidence) / 2
    _check_confidence(confidence)
    low, high = hits, population - (sample - hits)
    # Smallest and largest number of hits in the population that are not refused.
    first = _search(low, high, lambda M: _upper_tail(hits, sample, M, population) > tail)
    last = -_search(-high, -low, lambda M: _lower_tail(hits, sample, -M, population) > tail)
    return first / population, last / population


def anytime(
    hits: int, sample: int, population: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return a member of a confidence sequence: valid whenever it is looked at, and stopped upon.

    Sampling without replacement, prior-posterior-ratio martingale with a uniform prior over the
    hits in the population [Waudby-Smith and Ramdas 2020]: every M is kept whose posterior
    probability is more than ``1 - confidence`` of its prior's. About half as wide again as `exact`.
    """
    _check_counts(hits, sample, population)
    _check_confidence(confidence)
    if sample == population:
        return hits / population, hits / population
    low, high = hits, population - (sample - hits)
    mode = min(max(round(population * hits / sample), low), high) if sample else low
    # Likelihood of M over the mean likelihood, 1 / (sample + 1), under the uniform prior.
    level = (1 - confidence) / (sample + 1)

    def kept(M: int) -> bool:
        return _mass(hits, sample, M, population) > level

    first = _search(low, mode, kept) if not kept(low) else low
    last = -_search(-high, -mode, lambda M: kept(-M)) if not kept(high) else high
    return first / population, last / population


def _search(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest number from `low` to `high` for which `holds`; it does for `high`."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _mass(x: int, n: int, M: int, N: int) -> float:
    """Return the hypergeometric probability of `x` hits, by three binomial ones [Loader 2000]."""
    if n == N:
        return float(x == M)
    p = n / N
    logs = _log_binomial(x, M, p) + _log_binomial(n - x, N - M, p) - _log_binomial(n, N, p)
    return math.exp(logs)


def _log_binomial(x: int, n: int, p: float) -> float:
    """Return the logarithm of a binomial probability, to many digits for huge `n` as well."""
    if x == 0:
        return n * math.log1p(-p)
    if x == n:
        return n * math.log(p)
    rest = _beyond_stirling(n) - _beyond_stirling(x) - _beyond_stirling(n - x)
    rest -= _deviance(x, n * p) + _deviance(n - x, n * (1 - p))
    return rest - 0.5 * math.log(2 * math.pi * x * (1 - x / n))


def _deviance(x: int, mean: float) -> float:
    """Return ``x log(x / mean) + mean - x``."""
    d = (x - mean) / mean
    return mean * ((1 + d) * math.log1p(d) - d)


def _beyond_stirling(n: int) -> float:
    """Return the error of Stirling's formula for ``log n!``."""
    if n < 16:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2 * math.pi)
    return (1 / 12 - (1 / 360 - 1 / 1260 / n**2) / n**2) / n


def _lower_tail(x: int, n: int, M: int, N: int) -> float:
    """Return ``P(X <= x)`` of `n` drawn from `N` of which `M` hit."""
    if x >= min(n, M):
        return 1.0
    if x < max(0, n - (N - M)):
        return 0.0
    if (x + 1) * (N + 2) > (n + 1) * (M + 1):  # beyond the mode: the other tail is shorter
        return 1.0 - _upper_tail(x + 1, n, M, N)
    return _mass(x, n, M, N) * _series(x, n, M, N)


def _upper_tail(x: int, n: int, M: int, N: int) -> float:
    """Return ``P(X >= x)``, the lower tail of what does not hit."""
    if x <= max(0, n - (N - M)):
        return 1.0
    if x > min(n, M):
        return 0.0
    if x * (N + 2) < (n + 1) * (M + 1):
        return 1.0 - _lower_tail(x - 1, n, M, N)
    return _mass(x, n, M, N) * _series(n - x, n, N - M, N)


_PIECE = 512


def _series(x: int, n: int, M: int, N: int) -> float:
    """Return ``P(X <= x) / P(X = x)``: falling terms, until they no longer count."""
    total, last = 1.0, 1.0
    least = max(0, n - (N - M))
    for top in range(x, least, -_PIECE):
        k = np.arange(top, max(top - _PIECE, least), -1, dtype=np.float64)
        terms = last * np.cumprod(k / (M - k + 1) * ((N - M - n + k) / (n - k + 1)))
        total += float(terms.sum())
        last = float(terms[-1])
        if last < 1e-17 * total:
            break
    return total


def _check_counts(hits: int, sample: int, population: int) -> None:
    if not 0 <= hits <= sample <= population or population < 1:
        raise ConfigError(
            f"hits={hits}, sample={sample}, population={population}: "
            "counts must be in this order and the population 1 or more"
        )


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence={confidence} is no share; use 0.95 or another below 1")
