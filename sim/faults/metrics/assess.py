"""From campaigns to failure rates: which campaign is about which part of which raw rate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sim.faults.campaign import CampaignResult
from sim.faults.fault import FLIP

from .failures import Failures, failures
from .rates import PERMANENT, TRANSIENT, Rates

__all__ = ["assess", "nature_of"]

_MULTIPLE = "mbu"


def nature_of(result: CampaignResult) -> str:
    """Return the nature of a campaign's faults; empty for intermittent ones, which have no rate."""
    model = result.campaign.model
    if model.mode == FLIP:
        return TRANSIENT
    return PERMANENT if model.is_permanent else ""


def assess(
    results: Sequence[CampaignResult],
    rates: Rates,
    *,
    hardened: Collection[str] = (),
    cells: Mapping[str, float] | None = None,
) -> list[Failures]:
    """Return the failure rates of campaigns that have one.

    Upsets of several bits take their share of the upsets' rate, and those of single bits what is
    left, where both were injected into a structure; stuck-at-0 and stuck-at-1 of the same kinds of
    sites take a half each.

    Parameters
    ----------
    hardened, cells
        As of `failures.failures`.
    """
    permanent = [result for result in results if nature_of(result) == PERMANENT]
    multiple = [r for r in results if r.campaign.model.name == _MULTIPLE]
    single = [r for r in results if nature_of(r) == TRANSIENT and r not in multiple]
    found = []
    for result in results:
        nature = nature_of(result)
        if not nature:
            continue
        tally = result.campaign.plan.tally(result.classes)
        part = failures(
            tally,
            rates,
            nature,
            mechanism=result.campaign.model.title,
            share=1 / _alike(result, permanent) if nature == PERMANENT else 1.0,
            hardened=hardened,
            cells=cells,
        )
        if nature == TRANSIENT:
            others = single if result in multiple else multiple
            also = {s for other in others for s in other.campaign.plan.frame.strata}
            share = rates.share_of(_MULTIPLE)
            share = share if result in multiple else 1 - share
            fit = [
                fit * (share if stratum in also else 1.0)
                for stratum, fit in zip(tally.strata, part.fit.tolist(), strict=True)
            ]
            part = part.rated(fit)
        found.append(part)
    return found


def _alike(result: CampaignResult, others: Sequence[CampaignResult]) -> int:
    """Return how many campaigns are about the kinds of sites that `result` is about."""
    kinds = set(result.campaign.model.kinds)
    return sum(not kinds.isdisjoint(other.campaign.model.kinds) for other in others)
