"""The page of fault campaigns: one file that opens anywhere, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from dse.report.markup import tile
from dse.report.shell import render_shell, resource
from dse.report.source import plain
from dse.report.text import number
from sim.faults.metrics import TRANSIENT

from .campaigns import campaigns_card
from .cards import application_card, rates_card, reproduce_card, safety_card
from .record import FaultReport
from .shares import percent, short
from .structures import heat_card, structures_card
from .verdict import verdict_card

__all__ = ["render_fault_page"]

_NAV = (
    ("verdict", "ISO 26262"),
    ("campaigns", "Campaigns"),
    ("structures", "Structures"),
    ("map", "Map"),
    ("application", "Text"),
    ("rates", "Rates"),
    ("safety", "Safety manual"),
    ("reproduce", "Reproduce"),
)
_CARDS = (
    verdict_card,
    campaigns_card,
    structures_card,
    heat_card,
    application_card,
    rates_card,
    safety_card,
    reproduce_card,
)


def render_fault_page(report: FaultReport) -> str:
    """Return the whole page as HTML."""
    return render_shell(
        title=report.title,
        command=report.command,
        lead=_lead(report),
        tiles=_tiles(report),
        sections=_NAV,
        cards="".join(card(report) for card in _CARDS),
        footer=_footer(),
        version=version("kiln-dse"),
        css=resource("dse.report.faults", "page.css"),
    )


def _lead(report: FaultReport) -> str:
    models = dict.fromkeys(result.campaign.model.title for result in report.results)
    return f"Fault injection: {'; '.join(models)} · engine {report.engine or 'not recorded'}"


def _tiles(report: FaultReport) -> Iterator[str]:
    count = plain("count")
    yield tile(number(report.injected), "faults", f"injected, of {report.population:,}", count)
    first = report.results[0]
    found = first.campaign.plan.estimate(first.classes)
    told = f"of {short(first.campaign.model.title)} faults end undetected in a wrong output"
    if found.width:
        told += f": {percent(found.low)} to {percent(found.high)}"
    yield tile(percent(found.value), "", told, count)
    fastest = max(result.rate for result in report.results)
    if fastest:
        yield tile(number(round(fastest)), "/s", "injections, all workers together", count)
    for level in ("D", "B"):
        judged = [v for v in report.verdicts if v.level == level and v.metric.nature == TRANSIENT]
        if judged:
            passed = sum(v.passed for v in judged)
            yield tile(
                f"{passed} of {len(judged)}", "", f"transient metrics pass ASIL {level}", count
            )


def _footer() -> str:
    return (
        f"Made by Kiln {version('kiln-dse')} from the campaigns' own outcomes. Metrics are judged "
        "on the confidence bound that is against the design, never on the estimate."
    )
