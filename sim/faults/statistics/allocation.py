"""How many injections each structure gets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

__all__ = ["neyman", "smoothed_spread"]


def smoothed_spread(hits: NDArray[np.int64], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the standard deviation of one outcome in each stratum, from a pilot.

    Shares are drawn towards the one of all strata together, the more the less the strata differ
    beyond chance (empirical Bayes, by moments), and never to 0: a pilot that saw nothing does not
    prove that there is nothing.
    """
    overall = (hits.sum() + 1) / (drawn.sum() + 2)
    chance = overall * (1 - overall) / drawn
    seen = float(drawn @ ((hits / drawn - overall) ** 2 - chance)) / float(drawn.sum())
    towards = chance / (chance + max(seen, 0.0))
    p = towards * overall + (1 - towards) * (hits + 1) / (drawn + 2)
    return np.asarray(np.sqrt(p * (1 - p)))


def neyman(
    weights: NDArray[np.floating],
    spreads: NDArray[np.float64],
    least: NDArray[np.int64],
    most: NDArray[np.int64],
    budget: int,
) -> NDArray[np.int64]:
    """Return sizes in proportion to ``weight * spread`` [Neyman 1934], within their bounds.

    Parameters
    ----------
    weights, spreads : array of float, ``[strata]``
        What a stratum counts for, and the standard deviation of one outcome in it.
    least, most : array of int, ``[strata]``
        What it gets at least (was drawn already), and has.
    budget : int
        Sum of the sizes; no more than there are.

    Raises
    ------
    ConfigError
        If the budget does not reach for `least`.
    """
    if budget < least.sum():
        raise ConfigError(
            f"budget={budget} does not reach for the {int(least.sum())} that all strata together "
            "get at least; raise it"
        )
    budget = min(budget, int(most.sum()))
    wanted = np.asarray(weights * spreads, dtype=np.float64)
    if not wanted.any():
        wanted = np.asarray(weights, dtype=np.float64)
    low, high = 0.0, float(np.max(most[wanted > 0] / wanted[wanted > 0], initial=0.0))
    for _ in range(80):
        middle = (low + high) / 2
        if np.clip(middle * wanted, least, most).sum() > budget:
            high = middle
        else:
            low = middle
    ideal = np.clip(low * wanted, least, most)
    sizes = np.floor(ideal).astype(np.int64)
    order = np.argsort(sizes - ideal, kind="stable")  # the largest remainders first
    while (short := budget - int(sizes.sum())) > 0:
        room = order[sizes[order] < most[order]]
        sizes[room[:short]] += 1
    return sizes
