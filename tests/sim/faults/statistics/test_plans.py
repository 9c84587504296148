"""Plans against a known truth: what they inject, when they stop, how often they are right."""

from __future__ import annotations

import numpy as np
import pytest

from hw.contracts import ConfigError
from sim.faults.outcome import DETECTED, MASKED, SDC, VIOLATION
from sim.faults.statistics import (
    Exhaustive,
    Frame,
    Sampled,
    Sequential,
    Stratified,
    Stratum,
    Tally,
    clopper_pearson,
    collapse,
    exact,
)
from sim.faults.statistics.looks import look_confidence, miss_probability

SITES = (300, 40, 500, 3)
SHARES = (0.9, 0.0, 0.3, 1.0)
STRATA = tuple(Stratum(tag, 0, n) for tag, n in zip("abcd", SITES, strict=True))
FRAME = Frame(STRATA, np.repeat(np.arange(4, dtype=np.int32), SITES), range(10, 34))
EMPTY = np.zeros(0, np.uint8)


def drawn_truth():
    random = np.random.default_rng(11)
    share = np.array(SHARES)[FRAME.stratum_of(np.arange(FRAME.size))]
    wrong = np.where(random.random(FRAME.size) < 0.8, SDC, VIOLATION)
    right = np.where(random.random(FRAME.size) < 0.1, DETECTED, MASKED)
    return np.where(random.random(FRAME.size) < share, wrong, right).astype(np.uint8)


TRUTH = drawn_truth()
TRUE_SHARE = float(np.isin(TRUTH, (SDC, VIOLATION)).mean())

PLANS = {
    "exhaustive": lambda seed: Exhaustive(frame=FRAME, seed=seed),
    "sampled": lambda seed: Sampled(frame=FRAME, sample=1500, seed=seed),
    "stratified": lambda seed: Stratified(frame=FRAME, sample=1500, seed=seed),
    "sequential": lambda seed: Sequential(frame=FRAME, margin=0.03, first=200, seed=seed),
}


def run(plan, classes=EMPTY):
    while (numbers := plan.next(classes)) is not None:
        classes = np.append(classes, TRUTH[numbers])
    return classes


@pytest.fixture(params=list(PLANS))
def make(request):
    return PLANS[request.param]


def test_no_pair_is_injected_twice(make):
    plan = make(3)
    numbers = plan.numbers(run(plan))
    assert len(np.unique(numbers)) == len(numbers)
    assert numbers.min() >= 0
    assert numbers.max() < FRAME.size


def test_an_interrupted_campaign_goes_on_as_it_would_have(make):
    whole = run(make(5))
    for killed in (1, 10, 77, 333, len(whole) - 1):
        plan = make(5)
        assert np.array_equal(run(plan, whole[:killed]), whole)
        assert plan.next(whole) is None


def test_equal_seeds_give_equal_campaigns(make):
    assert np.array_equal(make(2).numbers(run(make(2))), make(2).numbers(run(make(2))))


def test_progress_never_promises_too_much(make):
    plan = make(1)
    whole = run(plan)
    planned = [plan.planned(whole[:n]) for n in range(0, len(whole) + 1, 97)]
    assert planned == sorted(planned)
    assert planned[-1] <= len(whole) == plan.planned(whole)


def test_all_outcomes_tell_the_truth():
    plan = PLANS["exhaustive"](0)
    found = plan.estimate(run(plan))
    assert found.low == found.value == found.high == TRUE_SHARE
    assert found.method == "all injected"


def test_a_sample_of_everything_tells_the_truth():
    for plan in (Sampled(frame=FRAME, sample=10**6), Stratified(frame=FRAME, sample=FRAME.size)):
        found = plan.estimate(run(plan))
        assert found.low == pytest.approx(TRUE_SHARE) == found.high


@pytest.mark.parametrize("name", ["sampled", "stratified", "sequential"])
def test_intervals_cover_the_truth(name):
    found = [plan.estimate(run(plan)) for plan in map(PLANS[name], range(300))]
    covered = np.mean([e.low <= TRUE_SHARE <= e.high for e in found])
    assert covered >= 0.95 - 3 * (0.95 * 0.05 / 300) ** 0.5
    assert abs(np.mean([e.value for e in found]) - TRUE_SHARE) < 0.003


def test_structures_have_intervals_of_their_own():
    plan = PLANS["stratified"](4)
    found = plan.tally(run(plan))
    for h, share in enumerate(SHARES):
        estimate = found.estimate(h)
        assert estimate.low - 0.05 <= share <= estimate.high + 0.05
        assert estimate.population == SITES[h] * 24
    assert found.estimate(0, of=(SDC,)).hits + found.estimate(0, of=(VIOLATION,)).hits == (
        found.estimate(0).hits
    )


def test_small_structures_are_injected_whole():
    plan = Stratified(frame=FRAME, sample=3000, least=72)
    found = plan.tally(run(plan)).estimate(3)
    assert found.sample == found.population == 72
    assert found.width == 0


def test_stratified_is_narrower_than_a_simple_sample():
    def mean(name):
        return np.mean([(p := PLANS[name](seed)).estimate(run(p)).width for seed in range(20)])

    assert mean("stratified") < 0.85 * mean("sampled")


def test_weights_count_as_failure_rates_do():
    plan = Stratified(frame=FRAME, sample=2000, weights=(0.0, 5.0, 5.0, 0.0))
    found = plan.estimate(run(plan))
    assert found.low <= 0.5 * 0.3 <= found.high


def test_sequential_stops_when_it_is_narrow_enough():
    plan = PLANS["sequential"](9)
    classes = run(plan)
    at = plan.looks.index(len(classes))
    before = plan.tally(classes[: plan.looks[at - 1]]).pooled()
    assert plan.estimate(classes).width <= 0.06 < before.width
    assert plan.look > 0.95


def test_a_confidence_sequence_is_wider():
    plan = PLANS["sequential"](9)
    classes = run(plan)
    peek, last = plan.peek(classes), plan.estimate(classes)
    assert peek.low < last.low < last.high < peek.high < last.high + 0.04


@pytest.mark.parametrize("share", [0.02, 0.11, 0.4])
def test_misses_of_sequential_campaigns_are_counted_exactly(share):
    looks, margin, confidence, campaigns = (100, 150, 225, 340, 500), 0.05, 0.9, 20_000
    random, missed = np.random.default_rng(6), 0
    counts = random.binomial(np.diff((0, *looks)), share, (campaigns, 5)).cumsum(axis=1)
    for row in counts:
        for x, n in zip(row.tolist(), looks, strict=True):
            low, high = exact(x, n, 10**12, confidence=confidence)
            if high - low <= 2 * margin or n == looks[-1]:
                missed += not low <= share <= high
                break
    expected = miss_probability(share, looks, margin, confidence)
    assert missed / campaigns == pytest.approx(expected, abs=4 * (expected / campaigns) ** 0.5)


def test_looks_cost_confidence():
    looks = (200, 250, 312, 390, 488, 610, 762, 953)
    raised = look_confidence(looks, 0.03, 0.95)
    assert 0.95 <= raised < 0.97
    shares = np.linspace(0.01, 0.5, 60)
    assert max(miss_probability(p, looks, 0.03, raised) for p in shares) < 0.053


def test_representatives_count_as_often_as_they_were_drawn():
    drawn = np.array([7, 3, 7, 7, 9])
    found = collapse(drawn)
    assert found.simulated.tolist() == [3, 7, 9]
    assert found.weights.tolist() == [1, 3, 1]
    assert found.expand(np.array([0, 2, 5], np.uint8)).tolist() == [2, 0, 2, 2, 5]


def test_refusals_say_what_to_do():
    with pytest.raises(ConfigError, match=r"sample=12 .* use 60 or more"):
        Stratified(frame=FRAME, sample=12)
    with pytest.raises(ConfigError, match="sample=0 injects nothing"):
        Sampled(frame=FRAME, sample=0)
    with pytest.raises(ConfigError, match=r"margin=0\.7"):
        Sequential(frame=FRAME, margin=0.7)
    with pytest.raises(ConfigError, match="2 weights for 4 strata"):
        Stratified(frame=FRAME, sample=500, weights=(1.0, 2.0))


@pytest.mark.parametrize(
    ("shares", "weights", "sample"),
    [
        ((0.0, 0.3, 0.1), (1, 0.01, 0.1), (1000, 30, 20)),  # a heavy stratum, looked at little
        ((1.0, 0.7, 0.9), (1, 0.01, 0.1), (1000, 30, 20)),
        ((0.001, 0.5), (120, 1), (5000, 500)),
        ((*[0.0] * 39, 0.05), (*[1] * 39, 20), (40,) * 40),
        ((*[0.5] * 39, 0.0), (*[1] * 39, 20), (40,) * 40),
        ((0.002,) * 40, (1,) * 40, (40,) * 40),
    ],
)
def test_weighted_bounds_cover_on_either_side(shares, weights, sample):
    random, size = np.random.default_rng(3), 100_000
    p, w, n = np.array(shares), np.array(weights, float), np.array(sample)
    truth = float(w @ p / w.sum())
    strata = tuple(Stratum(str(h), 0, size) for h in range(len(p)))
    under = over = 0
    for _ in range(400):
        counts = np.zeros((len(p), 7), np.int64)
        counts[:, SDC] = random.hypergeometric(np.rint(p * size).astype(int),
                                               size - np.rint(p * size).astype(int), n)  # fmt: skip
        counts[:, MASKED] = n - counts[:, SDC]
        found = Tally(strata, np.full(len(p), size), counts).combined(weights=w)
        under, over = under + (found.high < truth), over + (found.low > truth)
    assert max(under, over) <= 400 * 0.025 + 3 * (400 * 0.025) ** 0.5


def test_one_stratum_has_clopper_pearsons_bounds():
    for hits, drawn in [(0, 50), (1, 50), (20, 50), (50, 50), (7, 3000)]:
        counts = np.zeros((1, 7), np.int64)
        counts[0, SDC], counts[0, MASKED] = hits, drawn - hits
        found = Tally((Stratum("a", 0, 1),), np.array([10**9]), counts).combined()
        low, high = (float(bound) for bound in clopper_pearson(hits, drawn))
        assert (found.low, found.high) == pytest.approx((low, high), rel=0.05, abs=0.003)


def test_what_was_not_looked_at_may_be_anything():
    counts = np.zeros((2, 7), np.int64)
    counts[0, MASKED] = 10_000
    found = Tally((Stratum("a", 0, 1), Stratum("b", 0, 1)), np.array([10**6, 10**6]), counts)
    assert found.combined().high >= 0.5
    assert found.combined(weights=np.array([1.0, 0.0])).high < 0.001
