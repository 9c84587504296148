"""The page of fault campaigns: one file that opens anywhere, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.metadata import version
from importlib.resources import files
from string import Template

from dse.report.markup import tile
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
    cards = "".join(card(report) for card in _CARDS)
    return Template(_resource(__package__, "page.html")).substitute(
        title=escape(report.title),
        command=escape(report.command),
        lead=escape(_lead(report)),
        tiles="".join(_tiles(report)),
        nav="".join(f'<a href="#{a}">{t}</a>' for a, t in _NAV if f'<section id="{a}"' in cards),
        sections=cards,
        footer=escape(_footer()),
        version=escape(version("kiln-dse")),
        css=_resource("dse.report", "page.css") + _resource(__package__, "page.css"),
        script=_resource(__package__, "page.js"),
    )


def _resource(package: str, name: str) -> str:
    return (files(package) / name).read_text("utf-8")


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
