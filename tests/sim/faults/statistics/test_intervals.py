"""Intervals against SciPy's, and against every sample and population written out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest, hypergeom

from hw.contracts import ConfigError
from sim.faults.statistics import anytime, clopper_pearson, exact, leveugle, none_seen, wilson
from sim.faults.statistics.intervals import effective_size

COUNTS = [(0, 12), (12, 12), (1, 40), (39, 40), (17, 50), (300, 1000), (3, 100_000)]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("method", "ours"), [("wilson", wilson), ("exact", clopper_pearson)])
def test_intervals_are_scipys(method, ours, confidence):
    hits, sample = np.array(COUNTS).T
    low, high = ours(hits, sample, confidence=confidence)
    found = [binomtest(x, n).proportion_ci(confidence, method) for x, n in COUNTS]
    assert np.allclose(low, [f.low for f in found], atol=1e-12)
    assert np.allclose(high, [f.high for f in found], atol=1e-12)


def by_enumeration(hits, sample, population, confidence):
    M = np.arange(hits, population - (sample - hits) + 1)
    tail = (1 - confidence) / 2
    kept = (hypergeom.cdf(hits, population, M, sample) > tail) & (
        hypergeom.sf(hits - 1, population, M, sample) > tail
    )
    return M[kept].min() / population, M[kept].max() / population


@pytest.mark.parametrize(
    ("hits", "sample", "population"),
    [
        (0, 10, 50),
        (10, 10, 50),
        (3, 10, 50),
        (300, 1000, 3000),
        (7, 20, 20),
        (1, 2, 3),
        (2, 90, 91),
    ],
)
def test_exact_interval_keeps_the_populations_that_are_not_refused(hits, sample, population):
    for confidence in (0.8, 0.95, 0.999):
        expected = by_enumeration(hits, sample, population, confidence)
        assert exact(hits, sample, population, confidence=confidence) == pytest.approx(expected)


def test_exact_interval_of_a_huge_population_is_clopper_pearsons():
    for hits, sample in [(0, 1_658_677), (12, 1_658_677), (800_000, 1_658_677), (5, 10)]:
        found = exact(hits, sample, 3 * 10**11, confidence=0.99)
        low, high = clopper_pearson(hits, sample, confidence=0.99)
        assert found == pytest.approx((float(low), float(high)), rel=2e-5, abs=1e-11)


@pytest.mark.parametrize("population", [30, 101])
def test_exact_interval_covers_every_population(population):
    sample = population // 3
    bounds = [exact(x, sample, population) for x in range(sample + 1)]
    for M in range(population + 1):
        chance = hypergeom.pmf(range(sample + 1), population, M, sample)
        covered = [low - 1e-12 <= M / population <= high + 1e-12 for low, high in bounds]
        assert chance @ np.array(covered) >= 0.95 - 1e-9


def test_wilson_of_a_whole_population_has_no_width():
    low, high = wilson([3, 0, 9], [9, 9, 9], [9, 9, 9])
    assert np.allclose(low, [1 / 3, 0, 1])
    assert np.allclose(high, [1 / 3, 0, 1])


def test_wilson_narrows_with_the_share_that_was_drawn():
    p, n, N = 0.5, 400, 1200
    low, high = wilson(n * p, n, N)
    wide_low, wide_high = wilson(p * effective_size(n, N), effective_size(n, N))
    assert (float(low), float(high)) == pytest.approx((float(wide_low), float(wide_high)))
    assert float(effective_size(n, N)) == pytest.approx(400 * 1199 / 800)


def test_nothing_drawn_says_nothing():
    low, high = wilson(0, 0, 50)
    assert (float(low), float(high)) == (0.0, 1.0)
    assert exact(0, 0, 50) == (0.0, 1.0) == anytime(0, 0, 50)


def test_confidence_sequence_covers_at_every_look():
    random, population, hits = np.random.default_rng(5), 400, 60
    missed = 0
    for _ in range(400):
        seen = np.cumsum(random.permutation(population) < hits)
        looks = ((int(seen[n - 1]), n) for n in range(5, 400, 12))
        bounds = [anytime(x, n, population, confidence=0.9) for x, n in looks]
        missed += any(not low <= hits / population <= high for low, high in bounds)
    assert missed <= 40 + 3 * 6  # 10 % and three standard deviations


def test_exact_intervals_looked_at_all_the_time_do_not_cover():
    random, population, hits = np.random.default_rng(5), 400, 60
    missed = 0
    for _ in range(200):
        seen = np.cumsum(random.permutation(population) < hits)
        looks = ((int(seen[n - 1]), n) for n in range(5, 400, 12))
        bounds = [exact(x, n, population, confidence=0.9) for x, n in looks]
        missed += any(not low <= hits / population <= high for low, high in bounds)
    assert missed > 40


def test_bounds_narrow_with_more_injections():
    widths = [b - a for a, b in (exact(n // 4, n, 10**6) for n in (20, 80, 320, 1280))]
    assert all(0.3 * wide < narrow < 0.7 * wide for wide, narrow in pairwise(widths))


def test_leveugles_sizes():
    assert leveugle(3 * 10**11, 0.001, confidence=0.99) == 1_658_677
    assert leveugle(129_466, 0.01, confidence=0.99) == 14_703
    assert leveugle(10, 0.001) == 10


def test_none_seen():
    n = none_seen(0.01, confidence=0.95)
    assert 0.99**n <= 0.05 < 0.99 ** (n - 1)
    assert n == 299


@pytest.mark.parametrize("counts", [(3, 2, 10), (1, 11, 10), (-1, 2, 3), (0, 0, 0)])
def test_impossible_counts_are_refused(counts):
    for interval in (exact, anytime):
        with pytest.raises(ConfigError, match="counts must be in this order"):
            interval(*counts)


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match=r"confidence=95 is no share"):
        exact(1, 2, 3, confidence=95)
    with pytest.raises(ConfigError, match=r"margin=0"):
        leveugle(100, 0)
    with pytest.raises(ConfigError, match=r"share=0"):
        none_seen(0)
