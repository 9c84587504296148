"""The search itself: ask a batch, measure it, tell it, in one visible loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
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
    Told,
    add_again,
    close_half_asked,
    damage_reported,
    keep,
    make_sampler,
    open_study,
    reopen,
    tell,
    trials,
)

if TYPE_CHECKING:
    import pandas as pd
    from optuna import Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

__all__ = ["BATCH", "Evaluator", "Judgement", "Search", "SearchProgress", "check_search"]

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
    """What the evaluator makes of a point: its state, objectives and constraint violations.

    `again` marks one that a tool failed for reasons of its own: a resumed run measures it again.
    """

    state: TrialState
    metrics: Metrics
    objectives: Mapping[str, float]
    violations: Mapping[str, float]
    figures: Mapping[str, float]
    reason: str = ""
    again: bool = False


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

    def add(self, trial: Trial, point: dict[str, Any], future: Future[Judgement]) -> None:
        self.trials.append(trial)
        self.points.append(point)
        self.futures.append(future)


@dataclass(frozen=True, slots=True)
class _Left:
    """What an interrupted run left to do: a trial that is open, or that a tool failed."""

    number: int
    trial: FrozenTrial
    point: dict[str, Any]
    judgement: Judgement | None


def _number(place: tuple[_Batch, int]) -> int:
    return place[0].first + place[1]


def check_search(sampler: str, budget: int) -> None:
    """Refuse a sampler or a budget that no search can have."""
    if not 1 <= budget <= _MOST:
        remedy = "1 or more" if budget < 1 else f"{_MOST} or fewer, a dozen gives a front"
        raise ConfigError(f"budget={budget} measurements make no search; use {remedy}")
    if sampler != "kiln":
        make_sampler(sampler, 0, done=0)


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
        check_search(sampler, budget)
        self._evaluator = evaluator
        self._run = run
        self._budget = budget
        self._progress = progress or (lambda _: None)
        self._results: dict[int, TrialResult] = {}
        self._open: list[_Left] = []
        self._failed: list[_Left] = []
        self._planner = FrontPlanner(evaluator.model, evaluator.objectives)
        self._sampler = partial(self._make_sampler, sampler, seed)
        chosen = self._sampler(done=0)
        self._lease = run.lease()
        with ExitStack() as on_error:
            on_error.callback(self._lease.release, delete=True)
            if claim is not None:
                claim()
            with damage_reported(run.journal):
                self._study = open_study(
                    str(run.journal), run.path.name, chosen, evaluator.objectives
                )
                self._restore()
            on_error.pop_all()

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
        with ExitStack() as last:
            last.callback(self._lease.release, delete=True)
            last.callback(self.write)
            last.callback(self._evaluator.close)
            self._run.write_model_front(self._evaluator.model_rows(self._planner.pool))
            yield from self._measure_failed()
            yield from self._search(self._take_up())

    def _search(self, flight: deque[_Batch]) -> Iterator[TrialResult]:
        """Ask, measure and tell."""
        while True:
            self._fill(flight)
            if not flight:
                break
            yield from self._follow(flight)
            done = flight.popleft()
            for trial, future in zip(done.trials, done.futures, strict=True):
                tell(self._study, trial, self._told(future.result()))

    def write(self) -> None:
        """Write the tables of everything known so far."""
        self._run.write_designs(self.results)
        self._run.write_front(self.front_results)

    def _make_sampler(self, name: str, seed: int, *, done: int) -> BaseSampler:
        if name == "kiln":
            return KilnSampler(self._evaluator.space, self._planner, batch=BATCH)
        return make_sampler(name, seed, done=done)

    def _restore(self) -> None:
        """Read what is known, and what an interrupted run left to do."""
        close_half_asked(self._study, self._evaluator.space.knobs)
        number = 0
        for trial, record in trials(self._study):
            point = to_point(self._evaluator.space, trial.params)
            judgement = self._evaluator.screen(point) if record is None else _from_record(record)
            if judgement is not None and judgement.state is TrialState.SCREENED:
                if not trial.state.is_finished():
                    tell(self._study, reopen(self._study, trial), self._told(judgement))
                continue
            if judgement is not None:
                self._keep(number, point, judgement)
            left = _Left(number, trial, point, judgement)
            if not trial.state.is_finished():
                self._open.append(left)
            elif judgement is not None and judgement.again:
                self._failed.append(left)
            number += 1

    def _measure_failed(self) -> Iterator[TrialResult]:
        """Measure again what a tool failed in an earlier process."""
        futures = {
            self._evaluator.submit(left.number, left.point): left
            for left in self._failed
            if left.number < self._budget
        }
        self._failed = []
        for future, left in futures.items():
            result = self._keep(left.number, left.point, future.result())
            add_again(self._study, left.trial, self._told(future.result()))
            self.write()
            yield result

    def _take_up(self) -> deque[_Batch]:
        """Go on with the trials that an interrupted run left open, in the batches of that run."""
        flight: deque[_Batch] = deque()
        for left in self._open:
            if left.number >= self._budget:
                break
            if not flight or left.number % BATCH == 0:
                flight.append(_Batch(left.number, [], [], []))
            future = (
                self._evaluator.submit(left.number, left.point)
                if left.judgement is None
                else _resolved(left.judgement)
            )
            flight[-1].add(reopen(self._study, left.trial), left.point, future)
        self._open = []
        return flight

    def _fill(self, flight: deque[_Batch]) -> None:
        """Ask until enough batches are under way; one that a kill cut short is completed first."""
        while True:
            asked = flight[-1].first + len(flight[-1].trials) if flight else len(self._results)
            half = bool(flight) and asked % BATCH > 0
            if asked >= self._budget or (len(flight) >= _IN_FLIGHT and not half):
                return
            batch = flight[-1] if half else _Batch(asked, [], [], [])
            if not self._ask(asked, batch):
                return
            if not half:
                flight.append(batch)

    def _ask(self, asked: int, batch: _Batch) -> bool:
        """Ask the rest of a batch, and start measuring it; return whether there was any.

        What the model refuses is told at once.
        """
        wanted = min(BATCH - asked % BATCH, self._budget - asked)
        fresh: list[tuple[Trial, dict[str, Any]]] = []
        distributions = to_distributions(self._evaluator.space)
        for _ in range(_ASKS_PER_MEASUREMENT * wanted):
            if len(fresh) == wanted:
                break
            self._study.sampler = self._sampler(done=len(trials(self._study)))
            try:
                trial = self._study.ask(distributions)
            except SpaceExhaustedError:
                break
            point = to_point(self._evaluator.space, trial.params)
            refusal = self._evaluator.screen(point)
            if refusal is None:
                fresh.append((trial, point))
            else:
                tell(self._study, trial, self._told(refusal))
        for number, (trial, point) in enumerate(fresh, asked):
            batch.add(trial, point, self._evaluator.submit(number, point))
        return bool(fresh)

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
                keep(batch.trials[offset], self._told(future.result()))
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

    def _told(self, judgement: Judgement) -> Told:
        objectives = self._evaluator.objectives
        return Told(
            values=None
            if judgement.again
            else [judgement.objectives[o.column] for o in objectives],
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
        "again": judgement.again,
    }


def _resolved(judgement: Judgement) -> Future[Judgement]:
    future: Future[Judgement] = Future()
    future.set_result(judgement)
    return future


def _from_record(record: Mapping[str, Any]) -> Judgement:
    return Judgement(
        state=TrialState(record["state"]),
        metrics=Metrics.from_dict(record["metrics"]),
        objectives=record["objectives"],
        violations=record["violations"],
        figures={},
        reason=record["reason"],
        again=record.get("again", False),
    )
