"""The planner on a small space whose truth is known: it finds the front, and knows its limits."""

from __future__ import annotations

import numpy as np
import pytest

from dse.explore.pareto import hypervolume
from dse.explore.planner import FrontPlanner
from dse.explore.sampler import Observation
from hw.contracts import ConfigError

from .toy import OBJECTIVES, SIDE, ToyModel


def measure(model: ToyModel, count: int) -> list[int]:
    planner = FrontPlanner(model, OBJECTIVES)
    known: list[Observation] = []
    for _ in range(count):
        index = planner.propose(known, [])
        known.append(Observation(index, model.truth(index)))
    return [o.index for o in known]


def test_it_measures_nothing_twice():
    indices = measure(ToyModel(), 20)
    assert len(set(indices)) == 20


def test_it_reaches_the_true_front_with_few_measurements():
    model = ToyModel()
    everything = model.costs(range(144))
    reference = everything.max(axis=0) + 0.1
    found = model.costs(measure(model, 16))
    assert hypervolume(found, reference) > 0.98 * hypervolume(everything, reference)


def test_pending_points_push_the_next_choice_elsewhere():
    planner = FrontPlanner(ToyModel(), OBJECTIVES)
    batch: list[int] = []
    for _ in range(6):
        batch.append(planner.propose([], batch))
    assert len(set(batch)) == 6


def test_the_same_knowledge_gives_the_same_choice():
    assert measure(ToyModel(), 8) == measure(ToyModel(), 8)


def test_designs_over_the_limit_are_avoided():
    model = ToyModel(limit=1000.0)
    indices = measure(model, 10)
    assert all(model.figures["area"][i] < 1300 for i in indices)


def test_a_hopeless_limit_is_said_at_once():
    with pytest.raises(ConfigError, match="relax --max-power"):
        FrontPlanner(ToyModel(limit=1.0), OBJECTIVES)


class NearMiss(ToyModel):
    """Every design without waste, the best of its size, misses a limit that nothing can move."""

    def violations(self, points, quantities):
        return {"limit": np.where(np.asarray(points) % SIDE == 0, 0.2, -1.0)}


def test_a_design_that_surely_misses_a_limit_is_not_measured_however_good():
    model = NearMiss()
    assert FrontPlanner(ToyModel(), OBJECTIVES).propose([], []) % SIDE == 0
    planner = FrontPlanner(model, OBJECTIVES)
    assert (planner.pool % SIDE == 0).any()  # near enough to be thought of
    assert all(index % SIDE for index in measure(model, 8))


def test_the_gain_is_weighed_against_the_seconds_that_it_takes():
    model = ToyModel()
    planner = FrontPlanner(model, OBJECTIVES)
    best = planner.propose([], [])
    model.seconds[best] = 1e4
    assert planner.propose([], []) != best
    model.seconds[:] = 1e4
    assert planner.propose([], []) == best
