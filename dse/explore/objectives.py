"""What a search may optimise, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.contracts import ConfigError, did_you_mean

__all__ = [
    "DEFAULT_OBJECTIVES",
    "OBJECTIVES",
    "QUALITY",
    "QUALITY_OBJECTIVES",
    "Objective",
    "find_objectives",
    "of_the_model_itself",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One axis of the front.

    Parameters
    ----------
    name : str
        What users type.
    column : str
        Quantity it reads, with its unit and, for results, its fidelity.
    label : str
        Axis label.
    maximise : bool
        Whether more is better.
    """

    name: str
    column: str
    label: str
    maximise: bool = False

    def cost(self, value: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of `value`, negated where more is better: less cost is better.

        Ratios are what designers compare, so hypervolume is taken on logarithmic axes.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            logs: NDArray[np.float64] = np.log(np.asarray(value, dtype=float))
        return -logs if self.maximise else logs


_ALL = (
    Objective(name="latency", column="latency_ms", label="latency of the request (ms)"),
    Objective(name="ttft", column="ttft_ms", label="time to first token (ms)"),
    Objective(name="tpot", column="tpot_ms", label="time per output token (ms)"),
    Objective(name="power", column="power_mw", label="engine power (mW)"),
    Objective(name="energy", column="energy_j", label="engine energy of the request (J)"),
    Objective(name="area", column="area", label="area (LUT or um2)"),
    Objective(name="throughput", column="tokens_per_s", label="generated tokens/s", maximise=True),
    Objective(
        name="perplexity",
        column="stand_in_perplexity_ratio",
        label="perplexity over float64's, of the stand-in model",
    ),
    Objective(
        name="tokens-per-joule",
        column="tokens_per_joule",
        label="tokens per J of the engine",
        maximise=True,
    ),
    Objective(
        name="tokens-per-area",
        column="tokens_per_s_per_area",
        label="tokens/s per LUT or um2",
        maximise=True,
    ),
)
OBJECTIVES = {objective.name: objective for objective in _ALL}
DEFAULT_OBJECTIVES = ("latency", "power", "area")
QUALITY = {
    "stand_in_perplexity_ratio": "of the stand-in model",
    "perplexity_ratio": "of the model itself",
}
"""Columns of quality, by the model that it was measured on."""
QUALITY_OBJECTIVES = (*DEFAULT_OBJECTIVES, "perplexity")
"""Where number formats are searched, so that what quality costs is on the front."""


def of_the_model_itself(objectives: Sequence[Objective]) -> tuple[Objective, ...]:
    """Return objectives with quality measured on the model that was given, not on a stand-in."""
    stand_in, own = QUALITY
    label = f"perplexity over float64's, {QUALITY[own]}"
    return tuple(
        replace(o, column=own, label=label) if o.column == stand_in else o for o in objectives
    )


def find_objectives(names: Sequence[str]) -> tuple[Objective, ...]:
    """Return the named objectives; raise `ConfigError` for unknown or repeated names."""
    for name in names:
        if name not in OBJECTIVES:
            raise ConfigError(f"objective={name!r} is unknown{did_you_mean(name, OBJECTIVES)}")
    if not names or len(set(names)) != len(names):
        raise ConfigError(f"objectives={list(names)} must be distinct; name each at most once")
    return tuple(OBJECTIVES[name] for name in names)
