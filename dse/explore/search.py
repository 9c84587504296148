"""The search itself: ask a batch, measure it, tell it, in one visible loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from boards.metrics import Metrics
from dse.results import (
    Row,
    RunFolder,
    TrialResult,
    TrialState,
    result_row,
    rows_to_frame,
)
from hw.contracts import ConfigError, SearchSpace

from .distributions import to_distributions, to_point
from .objectives import Objective
from .pareto import is_front
from .planner import FrontPlanner, SpaceModel
from .sampler import KilnSampler, SpaceExhaustedError
from .study import (
    close_abandoned,
    damage_reported,
    finished,
    make_sampler,
    open_study,
    tell,
)

if TYPE_CHECKING:
    import pandas as pd
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler

__all__ = ["BATCH", "Evaluator", "Judgement", "Search", "SearchProgress"]

BATCH = 2
"""Trials asked together, whatever the number of cores: the same seed gives the same front."""

_IN_FLIGHT = 2  # batches; a core that is done with its design goes on with the next batch

_ASKS_PER_MEASUREMENT = 50
_MOST = 100_000  # measurements; days of work


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchProgress:
    """Where a search stands: measurements done of how many, and how many are under way."""

    done: int
    budget: int
    running: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the evaluator makes of a point: its state, objectives and constraint violations."""

    state: TrialState
    metrics: Metrics
    objectives: Mapping[str, float]
    violations: Mapping[str, float]
    figures: Mapping[str, float]
    reason: str = ""


class Evaluator(Protocol):
    """Knows one problem: how to model, to measure and to judge a point of its space."""

    @property
    def space(self) -> SearchSpace[Any]: ...
    @property
    def model(self) -> SpaceModel: ...
    @property
    def objectives(self) -> tuple[Objective, ...]: ...

    def screen(self, point: Mapping[str, Any]) -> Judgement | None:
        """Refuse a point that the model already shows to be hopeless, else return None."""
        ...

    def submit(self, number: int, point: Mapping[str, Any]) -> Future[Judgement]:
        """Measure a point in the background and write its design folder."""
        ...

    def model_rows(self, points: np.ndarray[Any, Any]) -> list[Row]:
        """Return table rows of modelled points."""
        ...

    def close(self) -> None:
        """Stop whatever still runs."""
        ...


@dataclass(frozen=True, slots=True)
class _Batch:
    """Trials asked together; `first` is the number of the first of them within the run."""

    first: int
    trials: list[Trial]
    points: list[dict[str, Any]]
    futures: list[Future[Judgement]]


def _number(place: tuple[_Batch, int]) -> int:
    return place[0].first + place[1]


class Search:
    """A running or finished search. Iterating measures; finished trials come as they finish.

    Parameters
    ----------
    evaluator : Evaluator
        The problem.
    run : RunFolder
        Where everything is kept; a run that exists is continued.
    sampler : str
        One of `dse.explore.study.SAMPLERS`.
    budget : int
        Measurements in all, those of an interrupted run included.
    seed : int
        Seed of the samplers that draw; Kiln's own draws nothing.
    progress : callable, optional
        Told where the search stands.
    claim : callable, optional
        Called when everything is known to be usable, before anything is written to `run`.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        run: RunFolder,
        *,
        sampler: str = "kiln",
        budget: int = 10,
        seed: int = 0,
        progress: Callable[[SearchProgress], None] | None = None,
        claim: Callable[[], None] | None = None,
    ) -> None:
        if not 1 <= budget <= _MOST:
            remedy = "1 or more" if budget < 1 else f"{_MOST} or fewer, a dozen gives a front"
            raise ConfigError(f"budget={budget} measurements make no search; use {remedy}")
        self._evaluator = evaluator
        self._run = run
        self._budget = budget
        self._progress = progress or (lambda _: None)
        self._results: dict[int, TrialResult] = {}
        self._planner = FrontPlanner(evaluator.model, evaluator.objectives)
        chosen = self._sampler(sampler, seed)
        if claim is not None:
            claim()
        with damage_reported(run.journal):
            self._study = self._open(chosen, sampler, seed)
            self._restore()

    @property
    def run_dir(self) -> Path:
        """Folder of the run."""
        return self._run.path

    @property
    def results(self) -> list[TrialResult]:
        """Every trial so far, by number."""
        return [self._results[number] for number in sorted(self._results)]

    @property
    def front_results(self) -> list[TrialResult]:
        """The measured designs that no other measured design dominates, by first objective."""
        measured = [r for r in self.results if r.state is TrialState.MEASURED]
        if not measured:
            return []
        on_front = is_front(np.stack([self._costs(r) for r in measured]))
        front = [r for r, keep in zip(measured, on_front, strict=True) if keep]
        first = self._evaluator.objectives[0].column
        return sorted(front, key=lambda r: (r.objectives[first], r.number))

    @property
    def designs(self) -> pd.DataFrame:
        """Every trial as a data frame; units and fidelity are in the column names."""
        return rows_to_frame([result_row(r) for r in self.results])

    @property
    def front(self) -> pd.DataFrame:
        """The measured front as a data frame."""
        return rows_to_frame([result_row(r) for r in self.front_results])

    def __iter__(self) -> Iterator[TrialResult]:
        """Measure until the budget is spent; yield each trial when it is finished."""
        self._run.write_model_front(self._evaluator.model_rows(self._planner.pool))
        flight: deque[_Batch] = deque()
        asked = len(self._results)
        try:
            while True:
                while len(flight) < _IN_FLIGHT and (batch := self._ask(asked)):
                    flight.append(batch)
                    asked += len(batch.trials)
                if not flight:
                    break
                yield from self._follow(flight)
                done = flight.popleft()
                for trial, future in zip(done.trials, done.futures, strict=True):
                    self._tell(trial, future.result())
        finally:
            self._evaluator.close()
            self.write()

    def write(self) -> None:
        """Write the tables of everything known so far."""
        self._run.write_designs(self.results)
        self._run.write_front(self.front_results)

    def _sampler(self, name: str, seed: int) -> BaseSampler:
        if name == "kiln":
            return KilnSampler(self._evaluator.space, self._planner, batch=BATCH)
        return make_sampler(name, seed, done=0)

    def _open(self, chosen: BaseSampler, sampler: str, seed: int) -> Study:
        study = open_study(
            str(self._run.journal), self._run.path.name, chosen, self._evaluator.objectives
        )
        close_abandoned(study)
        if sampler != "kiln":
            study.sampler = make_sampler(sampler, seed, done=len(study.trials))
        return study

    def _restore(self) -> None:
        for trial, record in finished(self._study):
            judgement = _from_record(record)
            if judgement.state is not TrialState.SCREENED:
                point = to_point(self._evaluator.space, trial.params)
                self._keep(len(self._results), point, judgement)

    def _ask(self, asked: int) -> _Batch | None:
        """Ask a batch and start measuring it; what the model refuses is told at once."""
        wanted = min(BATCH - asked % BATCH, self._budget - asked)
        trials: list[Trial] = []
        distributions = to_distributions(self._evaluator.space)
        for _ in range(_ASKS_PER_MEASUREMENT * wanted):
            if len(trials) == wanted:
                break
            try:
                trial = self._study.ask(distributions)
            except SpaceExhaustedError:
                break
            refusal = self._evaluator.screen(to_point(self._evaluator.space, trial.params))
            if refusal is None:
                trials.append(trial)
            else:
                self._tell(trial, refusal)
        points = [to_point(self._evaluator.space, trial.params) for trial in trials]
        futures = [
            self._evaluator.submit(number, point) for number, point in enumerate(points, asked)
        ]
        return _Batch(asked, trials, points, futures) if trials else None

    def _follow(self, flight: Sequence[_Batch]) -> Iterator[TrialResult]:
        """Yield results of all batches in flight as they come, until the first batch is done."""
        open_futures = {
            future: (batch, offset)
            for batch in flight
            for offset, future in enumerate(batch.futures)
            if batch.first + offset not in self._results
        }
        self._report(len(open_futures))
        while any(future in open_futures for future in flight[0].futures):
            finished_now, _ = wait(open_futures, return_when=FIRST_COMPLETED)
            for future in sorted(finished_now, key=lambda f: _number(open_futures[f])):
                batch, offset = open_futures.pop(future)
                result = self._keep(batch.first + offset, batch.points[offset], future.result())
                self._report(len(open_futures))
                self.write()
                yield result

    def _report(self, running: int) -> None:
        self._progress(
            SearchProgress(done=len(self._results), budget=self._budget, running=running)
        )

    def _keep(self, number: int, point: Mapping[str, Any], judgement: Judgement) -> TrialResult:
        folder = self._run.design(number)
        result = TrialResult(
            number=number,
            knobs=dict(point),
            config=self._evaluator.space.decode(point),
            metrics=judgement.metrics,
            state=judgement.state,
            objectives=dict(judgement.objectives),
            violations=dict(judgement.violations),
            reason=judgement.reason,
            design_dir=folder if folder.is_dir() else None,
        )
        self._results[number] = result
        return result

    def _tell(self, trial: Trial, judgement: Judgement) -> None:
        tell(
            self._study,
            trial,
            values=[judgement.objectives[o.column] for o in self._evaluator.objectives],
            violations=judgement.violations,
            figures=judgement.figures,
            record=_to_record(judgement),
        )

    def _costs(self, result: TrialResult) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array(
            [float(o.cost(result.objectives[o.column])) for o in self._evaluator.objectives]
        )


def _to_record(judgement: Judgement) -> dict[str, Any]:
    return {
        "state": judgement.state.value,
        "metrics": judgement.metrics.to_dict(),
        "objectives": dict(judgement.objectives),
        "violations": dict(judgement.violations),
        "reason": judgement.reason,
    }


def _from_record(record: Mapping[str, Any]) -> Judgement:
    return Judgement(
        state=TrialState(record["state"]),
        metrics=Metrics.from_dict(record["metrics"]),
        objectives=record["objectives"],
        violations=record["violations"],
        figures={},
        reason=record["reason"],
    )
