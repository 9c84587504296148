"""A small problem with a known truth, for testing the search without any tool."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from boards.metrics import Figure, Metrics
from dse.explore.objectives import find_objectives
from dse.explore.search import Judgement
from dse.results import TrialState
from hw.contracts import SearchSpace, choice, power_of_two

OBJECTIVES = find_objectives(("latency", "power", "area"))
SIDE = 12


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    rows: int
    waste: int


TOY_SPACE = SearchSpace(
    ToyConfig, {"rows": power_of_two(1, 2 ** (SIDE - 1)), "waste": choice(*range(SIDE))}
)


class ToyModel:
    """Multipliers trade latency for area and power; the truth is off by a smooth factor."""

    def __init__(self, limit: float = 1e9) -> None:
        rows, waste = np.divmod(np.arange(SIDE * SIDE), SIDE)
        self.knobs = np.stack([rows, waste], axis=1) / (SIDE - 1)
        self._size = 2.0 ** (rows / 2)
        self._limit = limit
        self.figures = {
            "area": 100 * self._size * (1 + waste / SIDE),
            "clock_mhz": 100 / (1 + 0.1 * rows),
            "power_mw": 50 * self._size**0.7,
        }
        self.seconds = np.ones(SIDE * SIDE)

    def quantities(self, points, figures):
        return {
            "latency_ms": 1e5 / (self._size[points] * figures["clock_mhz"]),
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

    def costs(self, indices) -> np.ndarray:
        truths = [self.truth(i) for i in indices]
        figures = {name: np.array([t[name] for t in truths]) for name in self.figures}
        quantities = self.quantities(np.array(indices), figures)
        return np.stack([o.cost(quantities[o.column]) for o in OBJECTIVES], axis=1)


class ToyEvaluator:
    """Answers at once with the toy's truth; counts how often it was asked to measure."""

    space = TOY_SPACE
    objectives = OBJECTIVES

    def __init__(self, limit: float = 1e9) -> None:
        self.model = ToyModel(limit)
        self.measured: list[int] = []
        self.fail_at: int | None = None

    def screen(self, point):
        index = TOY_SPACE.index(point)
        violations = self.model.violations([index], {"area": self.model.figures["area"][index]})
        if violations["area"] <= 0:
            return None
        return self._judgement(index, TrialState.SCREENED, dict(violations))

    def submit(self, number, point):
        index = TOY_SPACE.index(point)
        if self.fail_at == len(self.measured):
            raise KeyboardInterrupt
        self.measured.append(index)
        future: Future[Judgement] = Future()
        future.set_result(self._judgement(index, TrialState.MEASURED, {"area": -1.0}))
        return future

    def model_rows(self, points):
        return [{"design": int(p), **TOY_SPACE.point(int(p))} for p in points]

    def close(self) -> None:
        pass

    def _judgement(self, index, state, violations):
        figures = self.model.truth(index)
        values = self.model.quantities([index], {k: np.array([v]) for k, v in figures.items()})
        lut = Figure(value=figures["area"], unit="LUT", fidelity="measured", tool="toy")
        return Judgement(
            state=state,
            metrics=Metrics(engine_lut_measured=lut),
            objectives={name: float(value[0]) for name, value in values.items()},
            violations={name: float(value) for name, value in violations.items()},
            figures=figures,
        )
