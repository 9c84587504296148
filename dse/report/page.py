"""The report page: one file that opens anywhere, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from boards.metrics import Fidelity

from .calibration import parities
from .calibration_card import calibration_card, parity_title
from .front_chart import Chart, front_charts
from .left_out_card import left_out_card
from .markup import tile
from .parity_chart import parity_chart
from .run import Run
from .sections import (
    axis_sources,
    design_card,
    front_card,
    kiln_version,
    reproduce_card,
    trace_source,
)
from .shell import render_shell, resource
from .source import Source, plain, sourced, tools_note
from .text import is_finite, number
from .time_charts import roofline_chart, stack_chart

__all__ = ["render_page"]

_NAV = (
    ("front", "Front"),
    ("design", "One design"),
    ("accuracy", "Calibration"),
    ("others", "Not on the front"),
    ("reproduce", "Reproduce"),
)
_CHARTS = (
    '<script type="application/json" id="kiln-data">{data}</script>\n'
    "<script>{plotly}</script>\n<script>{charts}</script>"
)


def render_page(run: Run) -> str:
    """Return the whole page of `run` as HTML."""
    from plotly.offline import get_plotlyjs

    data = _chart_data(run)
    cards = _cards(run, has_parity=data["parity"] is not None)
    return render_shell(
        title=_title(run),
        command=run.command,
        lead=_lead(run),
        tiles=_tiles(run),
        sections=_NAV,
        cards=cards,
        footer=_footer(run),
        version=kiln_version(run.info),
        more=_CHARTS.format(
            data=_embed(data), plotly=get_plotlyjs(), charts=resource("dse.report", "charts.js")
        ),
    )


def _cards(run: Run, has_parity: bool) -> str:
    ending = left_out_card(run) + reproduce_card(run)
    if not run.front:
        return ending
    note = f"{tools_note(_parity_sources(run))}." if has_parity else ""
    return front_card(run) + design_card(run) + calibration_card(run, note) + ending


def _parity_sources(run: Run) -> list[tuple[str, Source]]:
    """Return who predicted what the parity chart shows, and who found it."""
    predicted = [p for p in parities(run) if p.said.fidelity == Fidelity.PREDICTED]
    found = [(parity_title(p), p.found_by) for p in predicted]
    return [*((parity_title(p), p.said_by) for p in predicted), *found]


def _chart_data(run: Run) -> dict[str, Any]:
    labels = [row["design"] for row in run.front]
    axes = [(axis.name, source) for axis, source in axis_sources(run)]
    return {
        "order": labels,
        "front": {n: _told(c, axes) for n, c in front_charts(run).items()} if labels else {},
        "parity": _told(parity_chart(run), _parity_sources(run)),
        "designs": {label: _time_charts(run, label) for label in labels},
    }


def _time_charts(run: Run, label: str) -> dict[str, Chart | None]:
    trace, source = run.details[label].trace, [("time", trace_source(run, label))]
    return {
        "stack": _told(stack_chart(trace), source),
        "roofline": _told(roofline_chart(trace), source),
    }


def _told(chart: Chart | None, sources: list[tuple[str, Source]]) -> Chart | None:
    """Return a chart whose ``layout.meta`` says who said its figures."""
    if chart is None:
        return None
    meta = [{"figure": n, "fidelity": s.fidelity, "tool": s.named} for n, s in sources]
    return {**chart, "layout": {**chart["layout"], "meta": meta}}


def _embed(data: Mapping[str, Any]) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _name(value: Any) -> str:
    return str(value.get("name", "")) if isinstance(value, Mapping) else str(value or "")


def _title(run: Run) -> str:
    workload, target = (_name(run.info.get(k)) for k in ("workload", "target"))
    return f"{workload} on {target}" if workload and target else run.path.name


def _lead(run: Run) -> str:
    target, workload = run.info.get("target"), run.info.get("workload")
    board = target.get("title", "") if isinstance(target, Mapping) else ""
    scenario = workload.get("scenario", "") if isinstance(workload, Mapping) else ""
    scenario = scenario or run.info.get("scenario", "")
    parts = [board, scenario if isinstance(scenario, str) else ""]
    return " · ".join(part for part in parts if part)


def _tiles(run: Run) -> Iterator[str]:
    measured = len(run.front) + len(run.dominated)
    space = run.info.get("space")
    size = space.get("designs") if isinstance(space, Mapping) else space
    out_of = f"measured, of {number(size)} possible" if is_finite(size) else "measured"
    yield tile(str(measured), "designs", out_of, plain("count"))
    if not run.front:
        return
    best_of = "on the front: none beats another in everything"
    yield tile(str(len(run.front)), "designs", best_of, plain("count"))
    for axis in run.axes[:4]:
        choose = max if axis.maximise else min
        best = choose(run.front, key=lambda row: row[axis.column.name])
        how = "highest" if axis.maximise else "lowest"
        label = f"{how} {axis.name}, {axis.column.fidelity}, design {best['design']}"
        mark = sourced(run.source(axis.column.name, best["design"]))
        yield tile(number(best[axis.column.name]), axis.column.unit, label, mark)


def _footer(run: Run) -> str:
    return (
        f"Made by Kiln {kiln_version(run.info)} from the files of this run folder. "
        "A predicted, modelled or estimated figure is never shown as a measured one."
    )
