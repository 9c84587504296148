"""The report page: one file that opens anywhere, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from .front_chart import front_charts
from .markup import tile
from .parity_chart import parity_chart
from .run import Run
from .sections import (
    design_card,
    front_card,
    kiln_version,
    left_out_card,
    parity_card,
    reproduce_card,
)
from .text import is_finite, number
from .time_charts import roofline_chart, stack_chart

__all__ = ["render_page"]

_NAV = (
    ("front", "Front"),
    ("design", "One design"),
    ("accuracy", "Accuracy"),
    ("others", "Not on the front"),
    ("reproduce", "Reproduce"),
)


def render_page(run: Run) -> str:
    """Return the whole page of `run` as HTML."""
    from plotly.offline import get_plotlyjs

    data = _chart_data(run)
    cards = _cards(run, has_parity=data["parity"] is not None)
    return Template(_resource("page.html")).substitute(
        title=escape(_title(run)),
        lead=escape(_lead(run)),
        tiles="".join(_tiles(run)),
        nav="".join(f'<a href="#{a}">{t}</a>' for a, t in _NAV if f'<section id="{a}"' in cards),
        sections=cards,
        footer=escape(_footer(run)),
        version=escape(kiln_version(run.info)),
        css=_resource("page.css"),
        data=_embed(data),
        plotly=get_plotlyjs(),
        script=_resource("page.js"),
    )


def _cards(run: Run, has_parity: bool) -> str:
    if not run.front:
        return left_out_card(run) + reproduce_card(run)
    parity = parity_card() if has_parity else ""
    return front_card(run) + design_card(run) + parity + left_out_card(run) + reproduce_card(run)


def _chart_data(run: Run) -> dict[str, Any]:
    labels = [row["design"] for row in run.front]
    traces = {label: run.details[label].trace for label in labels}
    return {
        "order": labels,
        "front": front_charts(run) if labels else {},
        "parity": parity_chart(run),
        "designs": {
            label: {"stack": stack_chart(trace), "roofline": roofline_chart(trace)}
            for label, trace in traces.items()
        },
    }


def _embed(data: Mapping[str, Any]) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _resource(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")


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
    yield tile(str(measured), "designs", out_of)
    if not run.front:
        return
    yield tile(str(len(run.front)), "designs", "on the front: none beats another in everything")
    for axis in run.axes[:4]:
        choose = max if axis.maximise else min
        best = choose(run.front, key=lambda row: row[axis.column.name])
        how = "highest" if axis.maximise else "lowest"
        label = f"{how} {axis.name}, {axis.column.fidelity}, design {best['design']}"
        yield tile(number(best[axis.column.name]), axis.column.unit, label)


def _footer(run: Run) -> str:
    return (
        f"Made by Kiln {kiln_version(run.info)} from the files of this run folder. "
        "A predicted, modelled or estimated figure is never shown as a measured one."
    )
