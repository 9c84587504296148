"""ISO 26262-5's hardware metrics, judged on the bound that is against the design."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hw.contracts import ConfigError
from sim.faults.outcome import DORMANT, MASKED, UNDETECTED

from .failures import GROUPS, Failures, residual_fit, together
from .rates import NATURES, PERMANENT

__all__ = [
    "ITEM_PMHF_FIT",
    "LEVELS",
    "LFM_LEAST",
    "PMHF_SHARE_FIT",
    "SPFM_LEAST",
    "Metric",
    "Verdict",
    "check_share",
    "judge",
    "lfm",
    "metrics",
    "pmhf",
    "spfm",
]

LEVELS: Final = ("B", "C", "D")
SPFM_LEAST: Final[Mapping[str, float]] = {"B": 0.90, "C": 0.97, "D": 0.99}
LFM_LEAST: Final[Mapping[str, float]] = {"B": 0.60, "C": 0.80, "D": 0.90}
ITEM_PMHF_FIT: Final[Mapping[str, float]] = {"B": 100.0, "C": 100.0, "D": 10.0}
"""Of the whole item, in FIT [ISO 26262-5, tables 4 to 6]."""
PMHF_SHARE_FIT: Final = 1.0
"""What of the item's 10 FIT of ASIL D this block may take, if nothing else is said."""

LATENT: Final = (MASKED, DORMANT)
"""Ends that nobody notices."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of some faults.

    Members
    -------
    name : str
        ``SPFM``, ``LFM`` (shares) or ``PMHF`` (FIT).
    nature, group : str
        Which faults: of `rates.NATURES`, of `failures.GROUPS`; ``both`` is all of them.
    value : float
        The estimate.
    bound : float
        The end of the interval that is against the design.
    """

    name: str
    nature: str
    group: str
    value: float
    bound: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A metric against what a level asks for.

    Members
    -------
    metric : Metric
        What was found.
    level : str
        ASIL.
    limit : float
        Least share, or what the failure rate must be below.
    """

    metric: Metric
    level: str
    limit: float

    @property
    def margin(self) -> float:
        """How far the bound is on the right side of the limit; below 0 it is not."""
        gap = self.metric.bound - self.limit
        return -gap if self.metric.name == "PMHF" else gap

    @property
    def passed(self) -> bool:
        return self.margin > 0 if self.metric.name == "PMHF" else self.margin >= 0


def spfm(part: Failures) -> tuple[float, float]:
    """Return ``1 - sum(l_SPF + l_RF) / sum(l)`` and its lower bound.

    Single-point and residual faults are those that end undetected in a wrong output.
    """
    found = part.share(UNDETECTED)
    return 1 - found.value, 1 - found.high


def lfm(part: Failures, mechanisms: Collection[str]) -> tuple[float, float]:
    """Return ``1 - sum(l_latent) / sum(l - l_SPF - l_RF)`` and its lower bound.

    Latent are faults of the structures of safety `mechanisms` (checkers, replicas) that nobody
    notices: alone they do no harm, but what they guard is guarded no longer. The bound takes the
    upper bounds of both sums.
    """
    within = np.array([stratum.tag in mechanisms for stratum in part.tally.strata])
    residual = part.share(UNDETECTED)
    weight = float(part.fit[within].sum()) / part.raw_fit if within.any() else 0.0
    if not weight > 0:
        raise ConfigError(
            f"none of the structures {', '.join(sorted(mechanisms)) or '(none named)'} was "
            "injected with permanent faults; the latent-fault metric needs those of the safety "
            "mechanisms"
        )
    guards = Failures(
        part.mechanism, part.nature, part.tally.only(np.flatnonzero(within)), part.fit[within]
    )
    latent = guards.share(LATENT)
    value = 1 - _ratio(weight * latent.value, 1 - residual.value)
    return value, 1 - _ratio(weight * latent.high, 1 - residual.high)


def _ratio(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole > 0 else 1.0


def pmhf(
    parts: Sequence[Failures], *, latent_fit: float = 0.0, lifetime_h: float = 0.0
) -> tuple[float, float]:
    """Return failures in 1e9 hours that violate the safety goal, and their upper bound.

    Residual failures of both natures, and, where `latent_fit` and `lifetime_h` are given, the term
    of two faults, ``latent * raw * lifetime / 2`` [ISO 26262-10].
    """
    value = bound = 0.0
    for part in parts:
        found = residual_fit(part)
        value, bound = value + found[0], bound + found[2]
    raw = sum(part.raw_fit for part in parts)
    double = latent_fit * raw * 1e-9 * lifetime_h / 2
    return value + double, bound + double


def metrics(parts: Sequence[Failures], *, mechanisms: Collection[str] = ()) -> list[Metric]:
    """Return every metric of every nature and group that something was injected for.

    SPFM and residual failure rate for transient and permanent faults apart, LFM for permanent ones
    alone, and only if safety `mechanisms` are named.
    """
    found: list[Metric] = []
    for nature in NATURES:
        whole = together(parts, nature)
        for group, kinds in GROUPS.items():
            part = whole and whole.only(kinds)
            if whole is None or part is None or (group == "both" and len(_groups(whole)) < 2):
                continue
            found.append(Metric("SPFM", nature, group, *spfm(part)))
            if nature == PERMANENT and _injected(part, mechanisms):
                found.append(Metric("LFM", nature, group, *lfm(part, mechanisms)))
            value, _, high = residual_fit(part)
            found.append(Metric("PMHF", nature, group, value, high))
    whole_parts = [part for nature in NATURES if (part := together(parts, nature))]
    if len(whole_parts) > 1:
        found.append(Metric("PMHF", "both", "both", *pmhf(whole_parts)))
    return found


def _groups(part: Failures) -> list[str]:
    return [name for name in list(GROUPS)[:2] if part.only(GROUPS[name]) is not None]


def _injected(part: Failures, mechanisms: Collection[str]) -> bool:
    rated = zip(part.tally.strata, part.fit, strict=True)
    return any(stratum.tag in mechanisms and fit > 0 for stratum, fit in rated)


def judge(found: Sequence[Metric], *, pmhf_share_fit: float = PMHF_SHARE_FIT) -> list[Verdict]:
    """Return every metric against ASIL B, C and D.

    Parameters
    ----------
    pmhf_share_fit : float
        What of the item's 10 FIT of ASIL D the block may take; of the other levels it may take
        the same share.
    """
    check_share(pmhf_share_fit)
    part = pmhf_share_fit / ITEM_PMHF_FIT["D"]
    limits: dict[str, Mapping[str, float]] = {
        "SPFM": SPFM_LEAST,
        "LFM": LFM_LEAST,
        "PMHF": {level: fit * part for level, fit in ITEM_PMHF_FIT.items()},
    }
    return [
        Verdict(metric, level, limits[metric.name][level]) for metric in found for level in LEVELS
    ]


def check_share(pmhf_share_fit: float) -> None:
    """Refuse what is no part of the item's failure rate."""
    if not 0 < pmhf_share_fit <= ITEM_PMHF_FIT["D"]:
        raise ConfigError(
            f"--pmhf-share {pmhf_share_fit:g} is no part of the item's "
            f"{ITEM_PMHF_FIT['D']:g} FIT; use more than 0 and that at most"
        )
