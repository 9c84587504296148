"""The knapsack, against trying everything."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dse.precision import knapsack
from dse.precision.knapsack import relaxed_picks, solve
from hw.contracts import ConfigError

Floats = NDArray[np.float64]


def case(seed: int) -> tuple[Floats, Floats]:
    """Return costs and losses of a few groups; every other case has many ties."""
    random = np.random.default_rng(seed)
    shape = int(random.integers(1, 6)), int(random.integers(1, 5))
    losses = random.integers(0, 5, shape) / 4 if seed % 3 == 0 else random.random(shape)
    costs = random.integers(0, 6, shape) * 1.0 if seed % 2 else random.random(shape)
    if seed % 5 == 0 and shape[1] > 1:
        costs[:, 0] = np.inf
    return costs, losses


def everything(costs: Floats, losses: Floats) -> tuple[Floats, Floats, NDArray[Any]]:
    groups, options = costs.shape
    picks = np.array(list(itertools.product(range(options), repeat=groups)))
    at = np.arange(groups), picks
    return costs[at].sum(axis=1), losses[at].sum(axis=1), picks


@pytest.mark.parametrize("seed", range(40))
def test_the_front_is_that_of_all_choices(seed: int) -> None:
    costs, losses = case(seed)
    all_costs, all_losses, _ = everything(costs, losses)
    front = solve(costs, losses)
    at = np.arange(len(costs)), front.picks
    np.testing.assert_allclose(costs[at].sum(axis=1), front.costs)
    np.testing.assert_allclose(losses[at].sum(axis=1), front.losses)
    assert (np.diff(front.costs) > 0).all()
    assert (np.diff(front.losses) < 0).all()
    for budget in np.random.default_rng(seed).random(8) * all_losses.max():
        fits = np.isfinite(all_costs) & (all_losses <= budget + 1e-12)
        found = front.costs[front.losses <= budget + 1e-12]
        assert fits.any() == (len(found) > 0)
        if fits.any():
            assert found[0] == pytest.approx(all_costs[fits].min())


@pytest.mark.parametrize("seed", range(20))
def test_a_limit_cuts_the_front_and_nothing_else(seed: int) -> None:
    costs, losses = case(seed)
    whole = solve(costs, losses)
    budget = float(np.median(whole.losses))
    cut = solve(costs, losses, budget)
    np.testing.assert_allclose(cut.costs, whole.costs[whole.losses <= budget + 1e-12])
    assert len(solve(costs, losses, float(losses.min(axis=1).sum()) - 0.01)) == 0


def test_nineteen_groups_of_nineteen_formats_take_no_time() -> None:
    random = np.random.default_rng(1)
    front = solve(random.random((19, 19)), np.exp(-8 * random.random((19, 19))))
    assert 100 < len(front) < 100_000


def test_too_many_choices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knapsack, "MOST_STATES", 50)
    random = np.random.default_rng(1)
    with pytest.raises(ConfigError, match=r"undominated; name fewer formats"):
        solve(random.random((9, 9)), random.random((9, 9)))


def test_many_designs_at_once_are_a_step_from_the_best() -> None:
    random = np.random.default_rng(2)
    losses = np.exp(-6 * random.random((8, 6)))
    costs = random.random((30, 8, 6))
    costs[:, 3, 2] = np.inf
    budget = 0.3
    picks = relaxed_picks(costs, losses, budget)
    groups = np.arange(8)
    gaps = []
    for design, choice in zip(costs, picks, strict=True):
        front = solve(design, losses, budget)
        assert losses[groups, choice].sum() <= budget
        cost = design[groups, choice].sum()
        step = np.ptp(np.where(np.isfinite(design), design, 0), axis=1).max()
        assert front.costs[0] - 1e-9 <= cost <= front.costs[0] + step
        gaps.append(cost / front.costs[0] - 1)
    assert 0 < np.mean(gaps) < 0.1


def test_designs_that_cannot_keep_the_budget_lose_least() -> None:
    losses = np.array([[0.5, 0.2], [0.1, 0.3]])
    picks = relaxed_picks(np.ones((1, 2, 2)), losses, 0.01)
    assert picks.tolist() == [[1, 0]]
