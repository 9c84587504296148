"""Kiln's Optuna sampler: the whole space is modelled, measurements go where they gain most.

The sampler is a pure function of the study. A batch is asked while the one before it is still
being measured, so that no core waits, and uses only what the batches before that one taught: the
order in which measurements finish, or a kill in the middle of a batch, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from dse.results import TrialState as ResultState
from hw.contracts import KilnError, SearchSpace

from .distributions import to_distributions, to_params, to_point

__all__ = [
    "AGAIN",
    "FIGURES",
    "RECORD",
    "KilnSampler",
    "Observation",
    "Planner",
    "SpaceExhaustedError",
    "standing",
]

FIGURES = "figures"
"""Trial attribute that holds the measured figures the model is corrected by."""

RECORD = "record"
"""Trial attribute that holds everything known of a trial; a trial without is being measured."""

AGAIN = "again"
"""Attribute of a trial that measures another one's point again: the number of that other one."""


class SpaceExhaustedError(KilnError):
    """Every point that could be useful was measured."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A measured point: its index in the space, and what was measured (empty if it failed)."""

    index: int
    figures: dict[str, float]


def standing(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that count, in the order in which their points were asked.

    A trial given up while it was being asked does not count, and one that was measured again is
    replaced by that.
    """
    places: dict[int, FrozenTrial] = {}
    for trial in trials:
        given_up = trial.state == TrialState.FAIL and RECORD not in trial.user_attrs
        if trial.params and not given_up:
            places[trial.user_attrs.get(AGAIN, trial.number)] = trial
    return [places[number] for number in sorted(places)]


class Planner(Protocol):
    """Chooses the next point from what is known and what is still being measured."""

    def propose(self, known: Sequence[Observation], pending: Sequence[int]) -> int: ...


class KilnSampler(BaseSampler):
    """Asks a `Planner` that ranks the whole space.

    Parameters
    ----------
    space : SearchSpace
        Space that the planner's indices refer to.
    planner : Planner
        Ranks the space.
    batch : int
        Number of trials measured together.
    """

    def __init__(self, space: SearchSpace[Any], planner: Planner, *, batch: int) -> None:
        self._space = space
        self._planner = planner
        self._batch = batch
        self._distributions = to_distributions(space)
        self._independent = RandomSampler(seed=0)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        others = [t for t in standing(study.get_trials(deepcopy=False)) if t.number != trial.number]
        refused = [t for t in others if _is_screened(t)]
        asked = [t for t in others if not _is_screened(t)]
        settled = max(0, len(asked) // self._batch - 1) * self._batch
        known = [
            Observation(self._index(t), t.user_attrs.get(FIGURES, {}))
            for t in asked[:settled] + refused
        ]
        pending = [self._index(t) for t in asked[settled:]]
        return to_params(self._space, self._space.point(self._planner.propose(known, pending)))

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        # Only reached when a caller adds a parameter of its own to the study.
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _index(self, trial: FrozenTrial) -> int:
        return self._space.index(to_point(self._space, trial.params))


def _is_screened(trial: FrozenTrial) -> bool:
    """Whether the model alone refused the point."""
    record = trial.user_attrs.get(RECORD, {})
    return bool(record.get("state") == ResultState.SCREENED.value)
