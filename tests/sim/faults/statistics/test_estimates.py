"""Estimates of tiny campaigns, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, hypergeom

from sim.faults.outcome import CLASSES, MASKED, SDC
from sim.faults.statistics import Frame, Stratified, Stratum, Tally, joined
from sim.faults.statistics.estimate import Pilot


def counted(hits, drawn):
    counts = np.zeros((len(hits), len(CLASSES)), np.int64)
    counts[:, SDC], counts[:, MASKED] = hits, np.subtract(drawn, hits)
    return counts


def tally(hits, drawn, sizes, **settings):
    strata = tuple(Stratum(str(h), 0, size) for h, size in enumerate(sizes))
    return Tally(strata, np.array(sizes), counted(hits, drawn), **settings)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_bounds_of_two_small_strata(confidence):
    """One hit of 2 drawn of 3, twice: variance 2 * (1/2)^2 * 1/4 * 1/2 = 1/16, by n - 1 = 1.

    One more pair weighs 1/2 * 1/2 / 2 = 1/8 and spreads by 1/128; mean 5/9, variance 1/18.
    """
    found = tally([1, 1], [2, 2], [3, 3], confidence=confidence, look=confidence).combined()
    both = 5 / 9 * 4 / 9 * 18 - 1
    high = beta.ppf(0.5 + confidence / 2, 5 / 9 * both, 4 / 9 * both)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 1 - high, high))


def test_bounds_of_one_stratum_without_a_hit():
    """None of 3: the share is taken for 2/25 in the variance, 2/25 * 23/25 / (3 - 1) = 23/625.

    One more pair weighs 1/3: mean 1/4, variance (23/625 + 1/9) / (4/3)^2 = 52/625.
    """
    found = tally([0], [3], [10**12]).combined()
    both = 1 / 4 * 3 / 4 * 625 / 52 - 1
    high = beta.ppf(0.975, both / 4, 3 * both / 4)
    assert (found.value, found.low, found.high) == pytest.approx((0.0, 0.0, high))


def test_stages_are_weighted_as_was_fixed():
    """1 of 4, then 6 of 8: a quarter and three quarters, not 7 of 12."""
    pilot = Pilot(counted([1], [4]), np.array([0.25]))
    found = tally([7], [12], [1000], pilot=pilot).combined()
    assert found.value == pytest.approx(0.25 * 1 / 4 + 0.75 * 6 / 8)


@pytest.mark.parametrize("second", [2, 10, 28])
def test_a_stage_without_weight_narrows_nothing(second):
    pilot = Pilot(counted([5], [10]), np.array([1.0]))
    found = tally([5 + second // 2], [10 + second], [40], pilot=pilot).combined()
    alone = tally([5], [10], [40]).combined()
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5])
@pytest.mark.parametrize(
    ("weight", "first", "second"), [(1.0, 10, 29), (0.9, 10, 25), (0.4, 10, 29), (0.5, 10, 10)]
)
def test_intervals_of_two_stages_cover_where_little_is_left(share, weight, first, second):
    """Every outcome of both stages of 40 pairs, with its chance.

    The beta distribution is no exact one in so small a population: up to twice 5 % may be missed.
    """
    size, wrong = 40, round(40 * share)
    missed = 0.0
    for early in range(first + 1):
        for later in range(min(second, wrong - early) + 1):
            chance = hypergeom.pmf(early, size, wrong, first) * hypergeom.pmf(
                later, size - first, wrong - early, second
            )
            pilot = Pilot(counted([early], [first]), np.array([weight]))
            found = tally([early + later], [first + second], [size], pilot=pilot).combined()
            missed += chance * (not found.low - 1e-9 <= share <= found.high + 1e-9)
    assert missed <= 0.1


def test_two_stages_of_everything_leave_nothing_open():
    pilot = Pilot(counted([3], [10]), np.array([0.9]))
    found = tally([9], [30], [30], pilot=pilot).combined()
    assert found.low == found.value == found.high == pytest.approx(0.3)


def test_joined_campaigns_have_the_highest_confidence():
    first = tally([1], [4], [9], confidence=0.9, look=0.97)
    second = tally([2], [5], [8], confidence=0.95, look=0.96)
    for parts in ([first, second], [second, first]):
        whole = joined(parts)
        assert (whole.confidence, whole.look, whole.pilot) == (0.95, 0.97, None)
        assert whole.counts[:, SDC].tolist() == [part.counts[0, SDC] for part in parts]
        assert whole.sizes.tolist() == [part.sizes[0] for part in parts]


def test_joined_campaigns_keep_their_stages():
    staged = tally([7], [12], [1000], pilot=Pilot(counted([1], [4]), np.array([0.25])))
    whole = joined([tally([1], [4], [9]), staged])
    assert whole.pilot.weight.tolist() == [1.0, 0.25]
    assert whole.pilot.counts[:, SDC].tolist() == [1, 1]
    alone = whole.combined(weights=np.array([0.0, 1.0]))
    assert alone.value == pytest.approx(staged.combined().value)


SITES = (120, 40)
FRAME = Frame(
    tuple(Stratum(tag, 0, n) for tag, n in zip("ab", SITES, strict=True)),
    np.repeat(np.arange(2, dtype=np.int32), SITES),
    range(2),
)


def run(plan, truth):
    classes = np.zeros(0, np.uint8)
    while (numbers := plan.next(classes)) is not None:
        classes = np.append(classes, truth[numbers])
    return classes


@pytest.mark.parametrize("wrong", [(), (0,), (1,), (0, 1)])
def test_the_pilots_weight_is_what_it_was_before_the_second_stage(wrong):
    """80 of 320 pairs in proportion are 60 and 20, of which 10 each are the pilot's."""
    at = FRAME.stratum_of(np.arange(FRAME.size))
    odd = np.arange(FRAME.size) % 3 == 0
    truth = np.where(np.isin(at, wrong) & odd, SDC, MASKED).astype(np.uint8)
    plan = Stratified(frame=FRAME, sample=80, seed=2)
    found = plan.tally(run(plan, truth))
    assert found.pilot.counts.sum(axis=1).tolist() == [10, 10]
    assert found.pilot.weight.tolist() == [10 / 60, 10 / 20]
