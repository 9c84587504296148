"""What has to hold: every target's bound, whether it passes, and by how much."""

from __future__ import annotations

from collections.abc import Sequence

from sim.faults.metrics import PERMANENT, Metric
from sim.faults.metrics.asil import Verdict

from .choice import Limits

__all__ = ["latent_term_fit", "missed", "verdicts"]

LIFETIME_H = 10_000.0
"""Hours in which a second fault may meet a latent one: an assumption, of a car's life in use."""


def verdicts(found: Sequence[Metric], limits: Limits) -> list[Verdict]:
    """Return every metric that something is asked of, against its limit.

    SPFM of each group and nature, LFM of permanent faults, and residual failures of all groups
    together: of transient faults, and of both natures.
    """
    widest = {m.nature: m.group for m in found if m.name == "PMHF"}
    judged = []
    for metric in found:
        if metric.name == "SPFM":
            judged.append(Verdict(metric, "", limits.spfm))
        elif metric.name == "LFM":
            judged.append(Verdict(metric, "", limits.lfm))
        elif metric.nature != PERMANENT and metric.group == widest[metric.nature]:
            judged.append(Verdict(metric, "", limits.pmhf_fit))
    return judged


def missed(judged: Sequence[Verdict]) -> str:
    """Return which targets are missed, and by how much; "" if none is."""
    return "; ".join(_shown(verdict) for verdict in judged if not verdict.passed)


def _shown(verdict: Verdict) -> str:
    metric = verdict.metric
    of = f"{metric.name} of {metric.nature} faults, {metric.group},"
    if metric.name == "PMHF":
        return f"{of} is {metric.bound:.3g} FIT, not below {verdict.limit:g}"
    return f"{of} is {metric.bound:.3%}, not {verdict.limit:.1%}"


def latent_term_fit(latent_fit: float, raw_fit: float) -> float:
    """Return the failure rate of a latent fault and a second one, ``latent * raw * lifetime / 2``.

    After ISO 26262-10; modelled, and an upper bound: every second fault is taken to do harm.
    """
    return latent_fit * raw_fit * 1e-9 * LIFETIME_H / 2
