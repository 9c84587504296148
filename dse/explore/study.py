"""The Optuna study of a run: samplers by name, journal on disk, trials to results and back."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna import Study, Trial
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from hw.contracts import ConfigError, did_you_mean

from .objectives import Objective
from .sampler import AGAIN, FIGURES, RECORD, standing

__all__ = [
    "SAMPLERS",
    "Told",
    "add_again",
    "close_half_asked",
    "damage_reported",
    "keep",
    "make_sampler",
    "open_study",
    "reopen",
    "tell",
    "trials",
]

SAMPLERS = ("kiln", "tpe", "gp", "nsga2", "random")


def make_sampler(name: str, seed: int, *, done: int) -> BaseSampler:
    """Return one of Optuna's own samplers.

    The seed of the draws depends on the number of trials `done`, so that a sampler made anew for
    each trial draws on where it was, in a resumed study too, and no seed repeats another's draws.
    """
    seed = int(np.random.SeedSequence([seed, done]).generate_state(1)[0])
    if name == "tpe":
        # Its useful options for batches (multivariate, constant liar) are marked experimental.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed)
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if name == "gp":
        if importlib.util.find_spec("torch") is None:
            raise ConfigError("sampler='gp' needs PyTorch; run `pip install torch==2.13.0`")
        return optuna.samplers.GPSampler(seed=seed)
    raise ConfigError(f"sampler={name!r} is unknown{did_you_mean(name, SAMPLERS)}")


def open_study(
    journal: str, name: str, sampler: BaseSampler, objectives: Sequence[Objective]
) -> Study:
    """Create the study in `journal`, or continue it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _drop_half_line(Path(journal))
    _drop_locks(Path(journal))
    study = optuna.create_study(
        study_name=name,
        storage=JournalStorage(JournalFileBackend(journal)),
        sampler=sampler,
        directions=["maximize" if o.maximise else "minimize" for o in objectives],
        load_if_exists=True,
    )
    with warnings.catch_warnings():
        # Names for the dashboard; experimental in Optuna for years, and harmless if it changes.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([o.column for o in objectives])
    return study


def _drop_half_line(journal: Path) -> None:
    """Cut off what a kill or a full disk left of a last line; Optuna would write on behind it."""
    if journal.is_file():
        text = journal.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            os.truncate(journal, len(whole))


def _drop_locks(journal: Path) -> None:
    """Delete the locks of Optuna's that a kill left; the run's lease says that nobody writes."""
    for lock in journal.parent.glob(f"{journal.name}.lock*"):
        lock.unlink(missing_ok=True)


@contextmanager
def damage_reported(journal: Path) -> Iterator[None]:
    """Turn what Optuna and we stumble over in a damaged journal into one message."""
    try:
        yield
    except (ConfigError, OSError):
        raise
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the journal {journal} is damaged ({type(error).__name__}: {error}); run the same "
            "search with --no-resume: what it measured is in the cache"
        ) from error


def close_half_asked(study: Study, knobs: Collection[str]) -> None:
    """Give up trials that a killed run left without all of their point; it is asked again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if set(trial.params) != set(knobs):
            study.tell(trial.number, state=TrialState.FAIL)


def trials(study: Study) -> list[tuple[FrozenTrial, dict[str, Any] | None]]:
    """Return the trials that count, as asked, each with its record if it has been measured."""
    found = standing(study.get_trials(deepcopy=False))
    return [(trial, trial.user_attrs.get(RECORD)) for trial in found]


def reopen(study: Study, trial: FrozenTrial) -> Trial:
    """Return a trial that an interrupted run left open, as `study.ask` would."""
    return Trial(study, trial._trial_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the study is told of a trial.

    Members
    -------
    values : list of float or None
        Objectives; None where a tool failed, which says nothing about the point.
    violations : mapping of str to float
        Constraints, met at or below 0.
    figures : mapping of str to float
        What the model is corrected by.
    record : mapping
        Everything that is known.
    """

    values: list[float] | None
    violations: Mapping[str, float]
    figures: Mapping[str, float]
    record: Mapping[str, Any]


def keep(trial: Trial, told: Told) -> None:
    """Write down what was measured, before it is the trial's turn to be told."""
    if RECORD not in trial.user_attrs:
        trial.set_user_attr(FIGURES, dict(told.figures))
        trial.set_user_attr(RECORD, dict(told.record))


def tell(study: Study, trial: Trial, told: Told) -> None:
    """Report one finished trial; what a kill left of an earlier report is completed."""
    keep(trial, told)
    if told.values is None:
        study.tell(trial, state=TrialState.FAIL)
        return
    there = study.get_trials(deepcopy=False)[trial.number].constraints
    for name, value in told.violations.items():
        if name not in there:
            trial.set_constraint(name, value)
    study.tell(trial, told.values)


def add_again(study: Study, trial: FrozenTrial, told: Told) -> None:
    """Replace a trial that a tool failed by what measuring it again gave, in one step."""
    place = trial.user_attrs.get(AGAIN, trial.number)
    study.add_trial(
        create_trial(
            state=TrialState.FAIL if told.values is None else TrialState.COMPLETE,
            values=told.values,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={FIGURES: dict(told.figures), RECORD: dict(told.record), AGAIN: place},
            constraints=None if told.values is None else dict(told.violations),
        )
    )
