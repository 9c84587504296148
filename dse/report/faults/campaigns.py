"""The card of campaigns: what was drawn from, how, and what came of it."""

from __future__ import annotations

from html import escape

import numpy as np

from dse.report.markup import cell, section, table
from dse.report.source import plain
from dse.report.text import number
from sim.faults.campaign import CampaignResult
from sim.faults.metrics.failures import KEPT_APART
from sim.faults.outcome import CLASSES
from sim.faults.statistics import Tally

from .record import FaultReport
from .shares import percent, share_of

__all__ = ["campaigns_card"]


def campaigns_card(report: FaultReport) -> str:
    """Return what was drawn from, how, and what came of it, campaign by campaign."""
    body = "".join(map(_campaign, report.results, report.tallies))
    hint = (
        "A fault is a place and a cycle. Wrong data that nothing noticed is silent (SDC); what a "
        "detector saw is detected (DUE); wrong control that no detector saw is a hang or protocol "
        "violation. Dormant faults are still in the state at the end, and are not ISO's latent "
        "ones. Intervals are no normal approximations and hold near 0 and 1; a share that is "
        "pointed at says how its interval was made."
    )
    return section("campaigns", "Campaigns", body, hint)


def _campaign(result: CampaignResult, tally: Tally) -> str:
    plan, model = result.campaign.plan, result.campaign.model
    cycles = plan.frame.cycles
    told = (
        f"{plan.name}: {plan.describe()}. Sampling frame: {plan.frame.sites:,} sites × "
        f"{len(cycles):,} cycles ({cycles.start} to {cycles[-1]}). "
    )
    if result.injected:
        told += f"{result.injected:,} injected in {number(result.seconds)} s: "
        told += f"{number(round(result.rate))} injections/s, all workers together."
    else:
        told += "All outcomes were at hand from an earlier run."
    if not result.is_complete:
        told += " Other shards have yet to run: what follows is of a part."
    heads = [("end", ""), ("injected", "n"), ("share of all faults", "n")]
    counts = tally.counts.sum(axis=0).tolist()
    rows = [
        f"<tr>{cell(name)}{cell(count, plain('count'))}"
        f"{share_of(plan.estimate(result.classes, of=(at,)))}</tr>"
        for at, (name, count) in enumerate(zip(CLASSES, counts, strict=True))
    ]
    whole = share_of(plan.estimate(result.classes, of=KEPT_APART["undetected"]))
    rows.append(
        f'<tr class="sum"><td>undetected: SDC, hang or violation</td>'
        f"{cell(sum(counts[at] for at in KEPT_APART['undetected']), plain('count'))}{whole}</tr>"
    )
    return (
        f"<h3>{escape(model.title)}</h3><p class='hint'{plain('setting')}>{escape(told)}</p>"
        f'<div class="two"><div>{table(heads, rows, sortable=False)}</div>'
        f"<div>{_sizes(result)}</div></div>"
    )


def _sizes(result: CampaignResult) -> str:
    """Return how large errors are where data was wrong."""
    wrong = result.outcomes[result.outcomes["beats"] > 0]
    if not len(wrong):
        return "<p class='hint'>No fault made data wrong.</p>"
    heads = [("where data was wrong", ""), ("median", "n"), ("95 %", "n"), ("largest", "n")]
    names = {"beats": "words wrong", "bits": "bits wrong", "largest": "largest error of a number"}
    rows = []
    for column, name in names.items():
        values = wrong[column].astype(np.float64)
        found = [float(np.quantile(values, q, method="lower")) for q in (0.5, 0.95, 1.0)]
        cells = "".join(
            f'<td class="n" data-v="{value}"{plain("count")}>{_size(value)}</td>' for value in found
        )
        rows.append(f"<tr>{cell(name)}{cells}</tr>")
    single = float((wrong["bits"] == 1).mean())
    note = f"{percent(single)} of the wrong outputs are wrong in a single bit."
    return f"{table(heads, rows, sortable=False)}<p class='hint'>{note}</p>"


def _size(value: float) -> str:
    return number(value) if value < 1e7 else f"{value:.2e}"
