"""The calibration card: every figure that was said beforehand against what was found."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from boards.metrics import Fidelity

from .calibration import Parity, Unmeasured, host_shares, parities, unmeasured
from .columns import Column
from .markup import badge, cell, section, share_cell, table
from .run import Run
from .sections import trace_source
from .source import Source, plain, sourced

__all__ = ["calibration_card", "parity_title"]


def calibration_card(run: Run, chart_note: str) -> str:
    """Return the card; `chart_note` says whose figures the parity chart shows, empty without one.

    What nothing was measured for is listed below, with the uncertainty that its source states.
    """
    found = parities(run)
    body = _parity_table(found) if found else ""
    if chart_note:
        body += (
            '<h3>Design by design</h3><div id="parity-chart" class="chart"></div>'
            f'<p class="hint"{plain("source")}>{escape(chart_note)}</p>'
        )
    body += _unmeasured_table(run)
    hint = (
        "Error: what was said over what was found, less one; above zero, too much was said. "
        "The predictions are those made before anything was measured: the search itself chooses "
        "by what they become when every measurement has corrected them. The errors over all of "
        "Kiln's own test designs are in docs/calibration.md, made by `dse bench calibration`."
    )
    return section("accuracy", "Calibration: said against found", body, hint) if body else ""


def _parity_table(found: list[Parity]) -> str:
    heads = [("figure", ""), ("said", ""), ("found", ""), ("designs", "n")]
    heads += [("mean error", "n"), ("mean size", "n"), ("worst", "n"), ("on design", "")]
    measured_first = sorted(found, key=lambda parity: parity.found.fidelity != Fidelity.MEASURED)
    return table(heads, map(_parity_row, measured_first))


def _parity_row(parity: Parity) -> str:
    mark = sourced(parity.said_by, against=parity.found_by)
    design, worst = parity.worst
    cells = [
        cell(parity_title(parity)),
        _source_cell(parity.said, parity.said_by),
        _source_cell(parity.found, parity.found_by),
        cell(len(parity.points), plain("count")),
        share_cell(parity.mean, mark),
        share_cell(parity.mean_absolute, mark, signed=False),
        share_cell(worst, mark),
        cell(design if worst else "exact", plain("name")),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def parity_title(parity: Parity) -> str:
    """Return the figure in words, such as ``LUT`` or ``FF, sum over modules against routed``."""
    words = parity.found.title.removeprefix("engine ")
    if words.startswith("routed "):
        return f"{words.removeprefix('routed ')}, sum over modules against routed"
    return words


def _source_cell(column: Column, source: Source) -> str:
    tool = escape(source.named or "not recorded")
    return f"<td{plain('source')}>{badge(column.fidelity)} {tool}</td>"


def _unmeasured_table(run: Run) -> str:
    rows = [*(_unmeasured_rows(group) for group in unmeasured(run)), *_host_row(run)]
    if not rows:
        return ""
    heads = [("figure", ""), ("lowest", "n"), ("highest", "n"), ("how", "")]
    heads += [("stated uncertainty", ""), ("rests on", "")]
    reason = (
        "No board and no chip was measured in this run: there is nothing to compare these with. "
        "What they rest on is all that vouches for them."
    )
    return (
        f'<h3>Not measured here</h3><p class="hint">{reason}</p>'
        f"{table(heads, rows, sortable=False)}"
    )


def _unmeasured_rows(group: Unmeasured) -> str:
    mark = sourced(group.source)
    shared = (
        f"<td{plain('source')}>{badge(group.source.fidelity)} {escape(group.source.named)}</td>"
        f"<td{mark}>{escape(group.uncertainty)}</td>"
        f'<td class="long"{plain("source")}>{escape(group.conditions)}</td>'
    ).replace("<td", f'<td rowspan="{len(group.ranges)}"')
    rows = []
    for index, (column, low, high) in enumerate(group.ranges):
        own = f"<td>{escape(column.title)}</td>{cell(low, mark)}{cell(high, mark)}"
        rows.append(f"<tr>{own}{'' if index else shared}</tr>")
    return "".join(rows)


def _host_row(run: Run) -> Iterator[str]:
    """Yield the share of the time that is the host's, whose rates are stated, not measured."""
    shares = host_shares(run)
    if shares is None:
        return
    source = trace_source(run, run.front[0]["design"])
    low, high = (share_cell(share, sourced(source), signed=False) for share in shares)
    yield (
        f"<tr><td>share of the time on the host</td>{low}{high}"
        f"<td{plain('source')}>{badge(source.fidelity)} {escape(source.named)}</td>"
        "<td>none stated; no host was measured</td>"
        '<td class="long">rates per element that the target\'s file states</td></tr>'
    )
