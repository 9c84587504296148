"""Samplers compared on the sub-space that was measured whole: how much of the true front, when?

Each sampler runs the real search loop; only the measurement is looked up in the table instead of
being made. A point that a sampler asks for again is told again and costs it nothing, since a
search would find it in its cache.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.metrics import Metrics
from boards.target import load_target
from dse.explore.limits import Limits
from dse.explore.model import AcceleratorModel
from dse.explore.objectives import DEFAULT_OBJECTIVES, find_objectives
from dse.explore.pareto import hypervolume, is_front
from dse.explore.search import Judgement, Search
from dse.results import Row, RunFolder, TrialState
from dse.workloads import load_workload
from hw.contracts import KilnError

from .subspace import SUBSPACE, TARGET, WORKLOAD, read_table

__all__ = ["Comparison", "Truth", "compare", "interval"]

Floats = NDArray[np.float64]


class Truth:
    """Every design of the sub-space with its measured figures.

    Members
    -------
    model : AcceleratorModel
        What the search knows before it measures.
    figures : dict of str to array
        Measured area and clock, and the power estimated from measured activity.
    costs : array of shape (designs, 3)
        Logarithms of latency, power and area.
    front : array of bool
        Which designs are on the true front.
    reference : array of shape (3,)
        1.1 times the true front's nadir.
    """

    def __init__(self, table: Mapping[int, Mapping[str, str]] | None = None) -> None:
        rows = read_table() if table is None else table
        if len(rows) < len(SUBSPACE):
            raise KilnError(
                f"{len(rows)} of {len(SUBSPACE)} designs of the sub-space are measured; "
                "measure the others with `python -m dse.benchmark.subspace`"
            )
        self.objectives = find_objectives(DEFAULT_OBJECTIVES)
        trace = load_workload(WORKLOAD).trace()
        self.model = AcceleratorModel(SUBSPACE, trace, load_target(TARGET), Limits())
        columns = {"area": "lut", "clock_mhz": "clock_mhz", "power_mw": "power_mw"}
        self.figures = {
            name: np.array([float(rows[index][column]) for index in range(len(SUBSPACE))])
            for name, column in columns.items()
        }
        self.quantities = self.model.quantities(np.arange(len(SUBSPACE)), self.figures)
        self.costs: Floats = np.stack(
            [o.cost(self.quantities[o.column]) for o in self.objectives], axis=1
        )
        self.front = is_front(self.costs)
        self.reference: Floats = self.costs[self.front].max(axis=0) + np.log(1.1)

    @cached_property
    def hypervolume(self) -> float:
        """Volume that the true front dominates."""
        return hypervolume(self.costs[self.front], self.reference)

    @property
    def front_size(self) -> int:
        """Designs on the true front."""
        return int(self.front.sum())

    def gaps(self, order: Sequence[int]) -> Floats:
        """Return the share of the true hypervolume missing after each measurement of `order`."""
        found = [
            hypervolume(self.costs[list(order[: at + 1])], self.reference)
            for at in range(len(order))
        ]
        return 1.0 - np.array(found) / self.hypervolume


class _Lookup:
    """The search's `Evaluator` that looks measurements up; `order` is what was measured, once."""

    def __init__(self, truth: Truth) -> None:
        self.space, self.model, self.objectives = SUBSPACE, truth.model, truth.objectives
        self._truth = truth
        self.order: list[int] = []

    def screen(self, point: Mapping[str, Any]) -> Judgement | None:
        """Tell a point that was measured before again, at no cost."""
        index = SUBSPACE.index(point)
        return self._judge(index, TrialState.SCREENED) if index in self.order else None

    def submit(self, number: int, point: Mapping[str, Any]) -> Future[Judgement]:
        """Look a design up."""
        index = SUBSPACE.index(point)
        self.order.append(index)
        found: Future[Judgement] = Future()
        found.set_result(self._judge(index, TrialState.MEASURED))
        return found

    def model_rows(self, points: NDArray[np.int64]) -> list[Row]:
        """Return nothing: no tables are wanted."""
        return []

    def close(self) -> None:
        """Do nothing: nothing runs."""

    def _judge(self, index: int, state: TrialState) -> Judgement:
        truth = self._truth
        return Judgement(
            state=state,
            metrics=Metrics(),
            objectives={
                o.column: float(truth.quantities[o.column][index]) for o in self.objectives
            },
            violations={},
            figures={name: float(values[index]) for name, values in truth.figures.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One sampler's gaps: share of the true hypervolume missing, shape (seeds, measurements)."""

    sampler: str
    gaps: Floats

    @property
    def final(self) -> Floats:
        """Gap of every seed when the budget is spent."""
        return self.gaps[:, -1]


def compare(truth: Truth, samplers: Sequence[str], seeds: int, budget: int) -> Iterator[Comparison]:
    """Run each sampler with `seeds` seeds; Kiln's own draws nothing, so it runs once."""
    for sampler in samplers:
        runs = 1 if sampler == "kiln" else seeds
        gaps = [truth.gaps(_run(truth, sampler, seed, budget)) for seed in range(runs)]
        yield Comparison(sampler=sampler, gaps=np.stack(gaps))


def _run(truth: Truth, sampler: str, seed: int, budget: int) -> list[int]:
    evaluator = _Lookup(truth)
    with tempfile.TemporaryDirectory(prefix="kiln-") as folder:
        run = RunFolder(Path(folder) / "run")
        run.start({})
        for _ in Search(evaluator, run, sampler=sampler, budget=budget, seed=seed):
            pass
    return evaluator.order


def interval(values: Floats) -> tuple[float, float]:
    """Return mean and half of the 95 % confidence interval of the mean (Student's t)."""
    from scipy.stats import t

    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()), 0.0
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(half)
