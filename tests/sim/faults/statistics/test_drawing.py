"""Frames, random orders, allocation: what is drawn from."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import chisquare

from hw.contracts import ConfigError
from sim.faults.sites import FLOP, MEMORY, Sites, Word
from sim.faults.statistics import Frame, Shuffle, neyman
from sim.faults.statistics.allocation import smoothed_spread

SITES = Sites(
    (
        Word("a.x", FLOP, 0, 3, 1, "$dff", "a"),
        Word("b.m", MEMORY, 0, 4, 5, "$mem_v2", "b"),
        Word("b.y", FLOP, 1, 2, 1, "$dff", "b"),
        Word("a.z", FLOP, 2, 1, 1, "$dff", "a"),
    )
)
FRAME = Frame.of(SITES, range(7, 11))


def test_strata_are_structures_by_kind():
    assert [(s.name, s.sites) for s in FRAME.strata] == [
        ("a, flop", 4), ("b, memory", 20), ("b, flop", 2)
    ]  # fmt: skip
    assert FRAME.sizes.tolist() == [16, 80, 8]
    assert FRAME.size == 104


def test_every_pair_has_one_number_and_one_rank():
    everything = np.arange(FRAME.size)
    sites, cycles = FRAME.pairs(everything)
    assert len(set(zip(sites, cycles, strict=True))) == 26 * 4
    assert set(cycles) == {7, 8, 9, 10}
    for h, size in enumerate(FRAME.sizes):
        own = FRAME.members(h, np.arange(size))
        assert sorted(own) == everything[FRAME.stratum_of(everything) == h].tolist()


def test_an_empty_frame_is_refused():
    with pytest.raises(ConfigError, match="26 sites in 0 cycles leave nothing to inject"):
        Frame.of(SITES, range(3, 3))


@pytest.mark.parametrize("size", [1, 2, 97, 65_536, 65_537, 70_001, 131_072])
def test_orders_hold_every_number_once(size):
    order = Shuffle(size, (3, 4))[:]
    assert np.array_equal(np.sort(order), np.arange(size))


@pytest.mark.parametrize("size", [5_000, 100_003, 3 * 10**11])
def test_an_order_is_continued_where_it_was_left(size):
    whole = Shuffle(size, (1,))[:3000]
    pieces = [Shuffle(size, (1,))[a:b] for a, b in ((0, 1), (1, 1700), (1700, 3000))]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert not np.array_equal(Shuffle(size, (2,))[:3000], whole)


def test_large_orders_are_uniform():
    """First and second numbers drawn, over seeds, and how neighbours in an order relate."""
    size, seeds = 70_000, 4000
    firsts = np.array([Shuffle(size, (seed,))[:2] for seed in range(seeds)])
    grid = np.histogram2d(*firsts.T, bins=10, range=[[0, size]] * 2)[0]
    assert chisquare(grid.ravel()).pvalue > 1e-4
    order = Shuffle(10**9 + 7, (8,))[:200_000]
    grid = np.histogram2d(order[:-1], order[1:], bins=20, range=[[0, 10**9 + 7]] * 2)[0]
    assert chisquare(grid.ravel()).pvalue > 1e-4


def test_allocation_is_neymans():
    weights, spreads = np.array([100.0, 100, 200]), np.array([0.5, 0.1, 0.2])
    sizes = neyman(weights, spreads, np.array([2, 2, 2]), np.array([1000, 1000, 1000]), 100)
    assert sizes.tolist() == [50, 10, 40]


def test_allocation_has_the_least_variance_of_all():
    population = np.array([6, 30, 12])
    spreads = np.array([0.5, 0.3, 0.1])
    least = np.array([2, 3, 2])

    def variance(n):
        n = np.array(n)
        return float((population**2 * spreads**2 / n * (population - n) / population).sum())

    for budget in (9, 15, 24, 40, 48):
        found = neyman(population.astype(float), spreads, least, population, budget)
        choices = product(*(range(a, b + 1) for a, b in zip(least, population, strict=True)))
        best = min((n for n in choices if sum(n) == budget), key=variance)
        assert found.sum() == budget
        assert (found >= least).all()
        assert (found <= population).all()
        assert variance(found) <= variance(best) * 1.02


def test_a_budget_below_the_least_is_refused():
    with pytest.raises(ConfigError, match="budget=5 does not reach for the 6"):
        neyman(np.ones(3), np.ones(3), np.full(3, 2), np.full(3, 9), 5)


def test_a_pilot_without_hits_leaves_a_spread():
    spreads = smoothed_spread(np.array([0, 10, 0]), np.array([10, 20, 4000]))
    assert (spreads > 0).all()
    assert spreads[1] == pytest.approx(0.5, abs=0.01)


def test_strata_that_chance_tells_apart_get_the_same_spread():
    drawn = np.full(400, 10)
    spreads = smoothed_spread(np.random.default_rng(4).binomial(drawn, 0.2), drawn)
    assert spreads.max() < 1.3 * spreads.min()
    different = smoothed_spread(np.array([0, 50]), np.array([100, 100]))
    assert different[1] > 3 * different[0]
