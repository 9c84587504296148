"""The cards of structures: vulnerability, failure rates, delays, heat maps."""

from __future__ import annotations

from html import escape

from dse.report.markup import cell, section, table
from dse.report.source import plain
from sim.faults.metrics import StructureRow, grids
from sim.faults.metrics.failures import KEPT_APART

from .charts import bars, heat_map
from .record import Delay, FaultReport, delays
from .shares import percent, share_of, short

__all__ = ["heat_card", "structures_card"]

_MOST_BARS = 40
_MOST_SLOW = 12
_MOST_ROWS = 400
_SMALL = 0.25  # of the largest grid's sites: smaller ones are not drawn


def structures_card(report: FaultReport) -> str:
    """Return structures: vulnerability, failure rates, and how long faults take to show."""
    rows = report.rows
    heads = [("structure", ""), ("kind", ""), ("faults", ""), ("sites", "n"), ("injected", "n")]
    heads += [("raw FIT", "n"), ("undetected FIT<br><small>upper bound</small>", "n")]
    heads += [(name, "n") for name in KEPT_APART]
    body = _key() + f'<div class="scroll">{bars(rows[:_MOST_BARS])}</div>' if rows else ""
    if len(rows) > _MOST_BARS:
        body += f"<p class='hint'>The {_MOST_BARS} worst of {len(rows)} are drawn.</p>"
    body += table(heads, map(_structure_row, rows[:_MOST_ROWS]))
    if len(rows) > _MOST_ROWS:
        told = f"The {_MOST_ROWS} worst of {len(rows):,} are listed; metrics.json has all of them."
        body += f"<p class='hint'>{told}</p>"
    body += _slowest(report)
    hint = (
        "The architectural vulnerability factor of a structure is the share of its faults that "
        "reach an output. Worst first: by undetected failures in 1e9 hours, on the upper bound."
    )
    return section("structures", "Structures", body, hint)


def _key() -> str:
    names = {"sdc": "SDC", "violation": "hang or violation", "due": "detected (DUE)"}
    items = "".join(
        f'<li><i style="background:var(--{css})"></i>{escape(name)}</li>'
        for css, name in names.items()
    )
    whisker = "<li><i class='w'></i>interval of the undetected share</li>"
    return f'<ul class="ends hint">{items}{whisker}</ul>'


def _structure_row(row: StructureRow) -> str:
    _, _, kind = row.stratum.name.rpartition(", ")
    cells = [cell(row.stratum.tag, plain("name"), "id"), cell(kind), cell(short(row.mechanism))]
    cells += [cell(row.stratum.sites, plain("count"))]
    cells += [cell(row.shares["SDC"].sample, plain("count"))]
    cells += [cell(row.fit, plain("count")), cell(row.residual_fit, plain("count"))]
    cells += [share_of(found) for found in row.shares.values()]
    return f"<tr>{''.join(cells)}</tr>"


def _slowest(report: FaultReport) -> str:
    found = [delay for result in report.results for delay in delays(result)]
    found.sort(key=lambda d: -max(d.wrong[2], d.detected[2]))
    if not found:
        return ""
    heads = [("structure", ""), ("faults", ""), ("wrong outputs", "n"), ("median", "n")]
    heads += [("longest", "n"), ("detected", "n"), ("median", "n"), ("longest", "n")]
    note = "Cycles from a fault to the first wrong output, and to the first detector that fires."
    return (
        f"<h3>Slowest to show</h3><p class='hint'>{note}</p>"
        f"{table(heads, map(_delay_row, found[:_MOST_SLOW]))}"
    )


def _delay_row(delay: Delay) -> str:
    cells = [cell(delay.structure, plain("name")), cell(short(delay.mechanism))]
    for count, median, longest in (delay.wrong, delay.detected):
        cells += [cell(count, plain("count"))]
        cells += [cell(v if count else None, plain("count")) for v in (median, longest)]
    return f"<tr>{''.join(cells)}</tr>"


def heat_card(report: FaultReport) -> str:
    """Return the grids that names of sites tell of; nothing where they tell of none."""
    body = ""
    for result in report.results:
        sites, _ = result.campaign.plan.frame.pairs(result.numbers)
        found = grids(result.campaign.sites, sites, result.classes)
        for grid in [grid for grid in found if grid.sites >= _SMALL * found[0].sites]:
            most = max(place.avf for place in grid.cells)
            body += (
                f"<div><h3>{escape(grid.name)}: {escape(result.campaign.model.title)}</h3>"
                f'<div class="scroll">{heat_map(grid, most)}</div>'
                f"<p class='hint'>Per cent of faults that end undetected in a wrong output; full "
                f"colour is {percent(most)}.</p></div>"
            )
    if not body:
        return ""
    hint = "Rows and columns as the names of sites tell them."
    return section("map", "Over the architecture", f'<div class="maps">{body}</div>', hint)
