"""The Optuna study of a run: samplers by name, journal on disk, trials to results and back."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna import Study, Trial
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from hw.contracts import ConfigError, did_you_mean

from .objectives import Objective
from .sampler import FIGURES

__all__ = [
    "SAMPLERS",
    "close_abandoned",
    "damage_reported",
    "finished",
    "make_sampler",
    "open_study",
    "tell",
]

SAMPLERS = ("kiln", "tpe", "gp", "nsga2", "random")
_RECORD = "record"


def make_sampler(name: str, seed: int, *, done: int) -> BaseSampler:
    """Return one of Optuna's own samplers.

    The seed moves on with the number of trials `done`, because a resumed study would otherwise
    draw the same points again.
    """
    seed += done
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


def close_abandoned(study: Study) -> None:
    """Mark trials that a killed run left open as failed; their points are asked again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def tell(
    study: Study,
    trial: Trial,
    *,
    values: Sequence[float],
    violations: Mapping[str, float],
    figures: Mapping[str, float],
    record: Mapping[str, Any],
) -> None:
    """Report one finished trial with its constraints, its figures and its full record."""
    trial.set_user_attr(FIGURES, dict(figures))
    trial.set_user_attr(_RECORD, dict(record))
    for name, value in violations.items():
        trial.set_constraint(name, value)
    study.tell(trial, list(values))


def finished(study: Study) -> list[tuple[FrozenTrial, dict[str, Any]]]:
    """Return every told trial with the record that `tell` kept, in order."""
    told = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [(trial, trial.user_attrs[_RECORD]) for trial in told]
