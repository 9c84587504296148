"""The planner on a small space whose truth is known: it finds the front, and knows its limits."""

from __future__ import annotations

import numpy as np
import pytest

from dse.explore.objectives import find_objectives
from dse.explore.pareto import hypervolume
from dse.explore.planner import FrontPlanner
from dse.explore.sampler import Observation, SpaceExhaustedError


class ToyModel:
    """Multipliers trade latency for area and power; the truth is off by a smooth factor."""

    def __init__(self, side: int = 12, limit: float = 1e9) -> None:
        rows, waste = np.divmod(np.arange(side * side), side)
        self.knobs = np.stack([rows, waste], axis=1) / (side - 1)
        self._size = 2.0 ** (rows / 2)
        self._waste = 1 + waste / side
        self._limit = limit
        self.figures = {
            "area": 100 * self._size * self._waste,
            "clock_mhz": 100 / (1 + 0.1 * rows),
            "power_mw": 50 * self._size**0.7,
        }
        self.seconds = np.ones(side * side)

    def quantities(self, points, figures):
        latency = 1e5 / (self._size[points] * figures["clock_mhz"])
        return {
            "latency_ms": latency,
            "area": np.asarray(figures["area"]),
            "power_mw": np.asarray(figures["power_mw"]),
        }

    def violations(self, points, quantities):
        return {"area": np.log(quantities["area"] / self._limit)}

    def truth(self, index: int) -> dict[str, float]:
        skew = 1 + 0.3 * self.knobs[index, 0]
        return {
            "area": float(self.figures["area"][index] * skew),
            "clock_mhz": float(self.figures["clock_mhz"][index] / skew),
            "power_mw": float(self.figures["power_mw"][index] * skew),
        }

    def cost(self, indices, objectives):
        figures = {
            name: np.array([self.truth(i)[name] for i in indices])
            for name in ("area", "clock_mhz", "power_mw")
        }
        quantities = self.quantities(np.array(indices), figures)
        return np.stack([o.cost(quantities[o.column]) for o in objectives], axis=1)


OBJECTIVES = find_objectives(("latency", "power", "area"))


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
    everything = model.cost(range(144), OBJECTIVES)
    reference = everything.max(axis=0) + 0.1
    found = model.cost(measure(model, 16), OBJECTIVES)
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
    with pytest.raises(SpaceExhaustedError, match="relax --max-power"):
        FrontPlanner(ToyModel(limit=1.0), OBJECTIVES)
