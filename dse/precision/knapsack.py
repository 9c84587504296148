"""The multiple-choice knapsack: one option for each group, least cost at each loss, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

__all__ = ["Front", "relaxed_picks", "solve"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HALVINGS = 40  # of the logarithm of what a loss is priced at
DECADES = 25.0  # that logarithm's reach to either side
TINY = 1e-300
MOST_STATES = 20_000_000  # about a gigabyte; hundreds are usual


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """All choices that no other beats in both cost and loss, by rising cost.

    Members
    -------
    costs, losses : array of float
        Sums over the groups, ``[states]``; costs rise, losses fall.
    picks : array of int
        Option of each group, ``[states, groups]``.
    """

    costs: Floats
    losses: Floats
    picks: Ints

    def __len__(self) -> int:
        return len(self.costs)


def solve(costs: Floats, losses: Floats, most_loss: float = np.inf) -> Front:
    """Return the whole front of choices, one option for each group, whose losses add up.

    Groups are added one by one to all choices so far, of which the dominated ones are dropped, as
    are those that the groups to come must bring beyond `most_loss` (Nemhauser and Ullmann 1969).

    Parameters
    ----------
    costs, losses : array of float
        Of each option of each group, ``[groups, options]``; infinite where a group has not got it.
    most_loss : float
        Largest sum of losses that is wanted.

    Raises
    ------
    ConfigError
        More choices are undominated than memory holds.
    """
    least = losses.min(axis=1)
    rest = most_loss - np.append(np.cumsum(least[::-1])[::-1], 0.0)[1:]  # left to those before
    cost, loss = np.zeros(1), np.zeros(1)
    trail: list[tuple[Ints, Ints]] = []
    for group in range(len(costs)):
        options = _undominated(costs[group], losses[group])
        if len(options) * len(cost) > MOST_STATES:
            raise ConfigError(
                f"{len(cost):,} choices of formats are undominated; name fewer formats, or give "
                "a smaller limit"
            )
        total = (cost[:, None] + costs[group, options]).ravel()
        lost = (loss[:, None] + losses[group, options]).ravel()
        slack = 1e-12 * max(abs(most_loss), 1.0) if np.isfinite(most_loss) else 0.0
        within = np.flatnonzero(lost <= rest[group] + slack)
        kept = within[_undominated(total[within], lost[within])]
        cost, loss = total[kept], lost[kept]
        trail.append((kept // len(options), options[kept % len(options)]))
    return Front(cost, loss, _followed(trail, len(cost)))


def _undominated(cost: Floats, loss: Floats) -> Ints:
    """Return the indices of the front, by rising cost."""
    order = np.lexsort((loss, cost))
    order = order[np.isfinite(cost[order])]
    fallen = loss[order]
    before = np.concatenate([[np.inf], np.minimum.accumulate(fallen)[:-1]])
    return np.asarray(order[fallen < before], dtype=np.int64)


def _followed(trail: list[tuple[Ints, Ints]], states: int) -> Ints:
    """Return the options that each state came by."""
    picks = np.zeros((states, len(trail)), dtype=np.int64)
    at = np.arange(states)
    for group in reversed(range(len(trail))):
        parents, options = trail[group]
        picks[:, group] = options[at]
        at = parents[at]
    return picks


def relaxed_picks(costs: Any, losses: Floats, budget: float) -> Ints:
    """Return choices within `budget` for many costs at once, by one price of loss for each.

    Of the undominated choices these are the ones on the convex hull; what they cost beyond the best
    is at most one group's step (Lagrangian relaxation, by bisection on the price).

    Parameters
    ----------
    costs : array of float
        ``[designs, groups, options]``, finite or infinite.
    losses : array of float
        ``[groups, options]``.
    budget : float
        Largest sum of losses; where even the least losses exceed it, those are taken.

    Returns
    -------
    array of int
        Options, ``[designs, groups]``.
    """
    costs = np.asarray(costs, dtype=float)
    possible = np.isfinite(costs)
    steps = np.where(possible, losses, 0.0)
    finite = np.where(possible, costs, 0.0)
    picks = np.argmin(np.where(possible, losses, np.inf), axis=2)
    usual = np.log(finite.max(axis=(1, 2)) + TINY) - np.log(np.max(losses) + TINY)
    low, high = usual - DECADES, usual + DECADES  # of the price's logarithm
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        priced = finite + np.exp(middle)[:, None, None] * steps
        trial = np.argmin(np.where(possible, priced, np.inf), axis=2)
        lost = np.take_along_axis(steps, trial[:, :, None], axis=2)[..., 0].sum(axis=1)
        fits = lost <= budget
        picks = np.where(fits[:, None], trial, picks)
        high, low = np.where(fits, middle, high), np.where(fits, low, middle)
    return np.asarray(picks, dtype=np.int64)
