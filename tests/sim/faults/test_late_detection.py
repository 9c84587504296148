"""Campaigns whose detectors must fire in time: late ones count as none, for the plan as well."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.faults.campaign import Campaign, CampaignResult, run_campaign
from sim.faults.model import find_model
from sim.faults.outcome import DETECTED, MASKED, SDC, classify, no_outcomes
from sim.faults.sites import FLOP, Sites, Word
from sim.faults.statistics import Frame, Sequential, Stratified

LATE = 5
"""Cycles from the first wrong output to the detector."""
SITES = Sites(
    (
        Word("a.x", FLOP, 0, 40, 1, "$dff", "a"),
        Word("b.x", FLOP, 1, 40, 1, "$dff", "b"),
    )
)
FRAME = Frame.of(SITES, range(100))


class Detecting:
    """An engine in which every other bit of `a` gives wrong data, and is detected, but late."""

    name = "detecting"

    def trace(self) -> list[dict[str, int]]:
        return []

    def inject(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        found = no_outcomes(len(faults))
        wrong = (faults["place"]["word"] == 0) & (faults["place"]["bit"] % 2 == 0)
        found["data"][wrong] = faults["cycle"][wrong] + 1
        found["detected"][wrong] = faults["cycle"][wrong] + 1 + LATE
        return found


def run(plan: Sequential | Stratified, within: int | None) -> CampaignResult:
    """Return a campaign's result; its progress ends where it was said to, and never beyond."""
    seen: list[tuple[int, int]] = []
    asked = Campaign(SITES, plan, find_model("seu"), within=within)
    found = run_campaign(
        asked, Detecting(), jobs=1, progress=lambda done, planned: seen.append((done, planned))
    )
    assert all(done <= planned for done, planned in seen)
    assert seen[-1] == (len(found.numbers), len(found.numbers))
    return found


@pytest.mark.parametrize(("within", "of_wrong"), [(None, DETECTED), (LATE, DETECTED), (4, SDC)])
def test_a_late_detector_is_none(within: int | None, of_wrong: int) -> None:
    found = run(Stratified(frame=FRAME, sample=400), within)
    assert set(found.classes) == {MASKED, of_wrong}
    np.testing.assert_array_equal(found.classes, classify(found.outcomes, within=within))


def test_a_sequential_campaign_stops_by_what_was_detected_in_time() -> None:
    """A quarter is detected late: ±4 % of it needs some 450, and of nothing the first look."""
    plan = Sequential(frame=FRAME, margin=0.04, first=100)
    assert len(run(plan, LATE).numbers) == 100
    late = run(plan, LATE - 1)
    assert len(late.numbers) > 300
    assert plan.next(late.classes) is None
    assert plan.estimate(late.classes).width <= 0.08


def test_a_stratified_campaign_looks_where_detectors_are_late() -> None:
    plan = Stratified(frame=FRAME, sample=400)
    for within, more in ((LATE, 1.0), (LATE - 1, 2.0)):
        found = run(plan, within)
        np.testing.assert_array_equal(found.numbers, plan.numbers(found.classes))
        a, b = plan.tally(found.classes).counts.sum(axis=1).tolist()
        assert a == b if more == 1 else a > more * b
