"""What a campaign's faults do to the text of the small language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hw.contracts import ConfigError
from sim.faults.campaign import CampaignResult
from sim.faults.experiment import Engine

from .subject import Subject

if TYPE_CHECKING:
    from sim.faults.metrics.replay import Replayed

__all__ = ["check_text", "text_of"]

_MOST_FAULTS = 100_000


def check_text(subject: Subject, engine: Engine) -> None:
    """Refuse designs whose results are not those of the model's integer products."""
    from hw.matrix import MatrixConfig
    from sim.faults.lanes import LanesEngine

    config = subject.config
    if not isinstance(config, MatrixConfig) or config.formats:
        raise ConfigError(
            "--text replays results of an integer matrix engine; give one with --design, or leave "
            "--text out"
        )
    if not isinstance(engine, LanesEngine):
        raise ConfigError(f"--text needs wrong values, which {engine.name} does not record; "
                          "use --engine lanes")  # fmt: skip


def text_of(
    subject: Subject,
    engine: Engine,
    results: Sequence[CampaignResult],
    *,
    shape: tuple[int, int, int] | None,
    trials: int,
    seed: int,
) -> dict[str, Replayed]:
    """Return what wrong results of the campaigns do to text, and what single bits do.

    Parameters
    ----------
    shape : (m, k, n), optional
        The matrix product that was run; None is the default one.
    trials : int
        Replayed faults of each kind.

    Raises
    ------
    ConfigError
        As `check_text`; or no fault that made a result wrong.
    """
    from sim.faults.lanes import LanesEngine
    from sim.faults.metrics import Patterns, single_bits
    from sim.faults.metrics.matrix import matrix_patterns
    from sim.faults.metrics.replay import replay
    from sim.faults.stimulus.kiln import default_shape
    from sim.quality.arithmetic import Arithmetic
    from sim.quality.perplexity import QualityBench

    check_text(subject, engine)
    assert isinstance(engine, LanesEngine)
    config = subject.config
    job = config.plan(*(shape or default_shape(config)))
    kinds: dict[str, Patterns] = {}
    for result in results:
        faults = _visible(result, seed)
        if len(faults):
            name = result.campaign.model.title
            kinds[name] = matrix_patterns(engine, faults, config, job)
    kinds = {name: found for name, found in kinds.items() if found.patterns}
    if not kinds:
        raise ConfigError("--text: no fault made a result wrong, so that there is none to replay")
    some = next(iter(kinds.values()))
    kinds["a random bit of a random result"] = single_bits(some.bits, some.rows, some.columns)
    bench = QualityBench.small(limit=2048)
    arithmetic = Arithmetic(format=f"int{config.operand_bits}")
    return {
        name: replay(bench, arithmetic, found, trials=trials, seed=seed)
        for name, found in kinds.items()
    }


def _visible(result: CampaignResult, seed: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Return faults that made data wrong, a random choice if they are many."""
    seen = np.flatnonzero(result.outcomes["beats"] > 0)
    if len(seen) > _MOST_FAULTS:
        chosen = np.random.default_rng(seed).choice(len(seen), _MOST_FAULTS, replace=False)
        seen = seen[np.sort(chosen)]
    return result.campaign.faults(result.numbers[seen])
