"""Which part of a raw rate a campaign is about, on results that nobody had to simulate."""

from __future__ import annotations

import numpy as np
import pytest

from sim.faults.campaign import Campaign, CampaignResult
from sim.faults.metrics import assess, load_rates
from sim.faults.model import find_model
from sim.faults.outcome import no_outcomes
from sim.faults.sites import FLOP, MEMORY, NET, Sites, Word
from sim.faults.statistics import Exhaustive, Frame

WORDS = (
    Word("a.x", FLOP, 0, 8, 1, "$dff", "a"),
    Word("a.m", MEMORY, 0, 4, 16, "$mem_v2", "a"),
    Word("a.n", NET, 0, 20, 1, "$and", "a"),
)
RATES = load_rates()


def result(name):
    """Return a campaign of a fault model of which nothing came."""
    model = find_model(name)
    sites = Sites(tuple(word for word in WORDS if word.kind in model.kinds))
    plan = Exhaustive(frame=Frame.of(sites, model.cycles(range(3))))
    numbers = np.arange(plan.frame.size)
    campaign = Campaign(sites, plan, model)
    return CampaignResult(campaign, numbers, no_outcomes(len(numbers)), 0.0, 0)


def rates(*names):
    """Return the raw rate of each campaign, by kind of site, in cells' rates."""
    return [
        {
            stratum.kind: fit / RATES.of(part.nature, stratum.kind).fit_per_cell
            for stratum, fit in zip(part.tally.strata, part.fit.tolist(), strict=True)
        }
        for part in assess([result(name) for name in names], RATES)
    ]


def test_stuck_at_0_and_1_take_half_of_the_rate_each():
    half = {FLOP: pytest.approx(4), NET: pytest.approx(10)}
    assert rates("stuck0", "stuck1") == [half, half]
    memory = {MEMORY: pytest.approx(32)}
    assert rates("stuck0_memory", "stuck1_memory") == [memory, memory]


def test_one_of_them_alone_takes_all():
    whole, memory = {FLOP: pytest.approx(8), NET: pytest.approx(20)}, {MEMORY: pytest.approx(64)}
    assert rates("stuck1") == [whole]
    assert rates("stuck0", "stuck0_memory") == [whole, memory]
    assert rates("stuck0", "seu", "intermittent0") == [whole, {FLOP: pytest.approx(8)}]


def test_upsets_of_one_and_several_bits_share_the_rate():
    several = RATES.share_of("mbu")
    assert 0 < several < 0.5
    assert rates("seu", "mbu") == [
        {FLOP: pytest.approx(8 * (1 - several))},
        {FLOP: pytest.approx(8 * several), MEMORY: pytest.approx(64)},
    ]
