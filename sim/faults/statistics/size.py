"""How many faults to inject."""

from __future__ import annotations

import math

from hw.contracts import ConfigError

from .intervals import quantile

__all__ = ["leveugle", "none_seen"]


def leveugle(
    population: int, margin: float, *, confidence: float = 0.95, share: float = 0.5
) -> int:
    """Return the sample size ``N / (1 + e^2 (N - 1) / (t^2 p (1 - p)))`` [Leveugle et al. 2009].

    Parameters
    ----------
    population : int
        All (site, cycle) pairs.
    margin : float
        Half the interval's width.
    share : float
        What is expected; 0.5 is the worst case.

    The quantile t has four decimals, as in the tables of the literature: 0.1 % at 99 % of 3e11
    pairs are 1,658,677.
    """
    if population < 1 or not 0 < margin < 1 or not 0 < share < 1:
        raise ConfigError(
            f"population={population}, margin={margin}, share={share}: a population of 1 or more, "
            "and shares between 0 and 1, are needed"
        )
    t = round(quantile(confidence), 4)
    size = population / (1 + margin**2 * (population - 1) / (t**2 * share * (1 - share)))
    return max(1, round(size))


def none_seen(share: float, *, confidence: float = 0.95) -> int:
    """Return how many injections without a hit say that fewer than `share` hit.

    ``ln(1 - confidence) / ln(1 - share)``, one-sided.
    """
    if not 0 < share < 1 or not 0 < confidence < 1:
        raise ConfigError(f"share={share}, confidence={confidence}: use numbers between 0 and 1")
    return math.ceil(math.log1p(-confidence) / math.log1p(-share))
