"""Where a design's time goes: causes per operator, and the roofline it lies under."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .front_chart import Chart
from .palette import CAUSES, MUTED, PHASES, cause_colour, cause_label
from .text import label_places, log_ticks, number

__all__ = ["roofline_chart", "stack_chart", "verdict"]

_SHOWN = 12
_LABEL_ROOM = 0.05  # share of the axes below which a label would lie on another
Record = Mapping[str, Any]


def stack_chart(trace: Record) -> Chart | None:
    """Return the time of every operator, stacked by cause, prefill and decode apart."""
    merged = _merge(trace.get("operators", ()))
    if not merged:
        return None
    phases = [p for p in PHASES if any(op["phase"] == p for op in merged)]
    bars = {p: _largest([op for op in merged if op["phase"] == p]) for p in phases}
    rows = max(len(ops) for ops in bars.values())
    layout: dict[str, Any] = {
        "barmode": "stack",
        "height": 150 + 27 * rows,
        "margin": {"l": 96, "r": 16, "t": 62, "b": 46},
        "legend": {"orientation": "h", "y": 1, "yref": "container", "yanchor": "top", "x": 0},
        "bargap": 0.32,
        "annotations": [],
    }
    traces: list[dict[str, Any]] = []
    for index, phase in enumerate(phases):
        _place(layout, index, len(phases), phase, bars[phase])
        traces += _cause_bars(bars[phase], index, legend=index == 0)
    return {"data": _legend_for_all(traces), "layout": layout}


def _merge(operators: Iterable[Record]) -> list[dict[str, Any]]:
    """Return one record per phase and name: decode steps differ in context only."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for op in operators:
        key = (op["phase"], op["name"])
        empty = {"phase": op["phase"], "name": op["name"], "ms": 0.0, "macs": 0, "bytes": 0}
        into = merged.setdefault(key, {**empty, "causes_ms": defaultdict(float), "first": op})
        for field in ("ms", "macs", "bytes"):
            into[field] += op.get(field, 0)
        for cause, ms in op.get("causes_ms", {}).items():
            into["causes_ms"][cause] += ms
    return list(merged.values())


def _largest(operators: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the operators that take longest, the rest as one."""
    ranked = sorted(operators, key=lambda op: -op["ms"])
    if len(ranked) <= _SHOWN:
        return ranked
    rest = {**_merge({**op, "name": "all others"} for op in ranked[_SHOWN - 1 :])[0], "first": None}
    return [*ranked[: _SHOWN - 1], rest]


def _place(
    layout: dict[str, Any], index: int, count: int, phase: str, operators: Sequence[Record]
) -> None:
    """Give the panel of one phase its axes and its heading."""
    suffix = "" if index == 0 else str(index + 1)
    width = 1 / count - (0.09 if count > 1 else 0)
    start = index * (1 / count + (0.045 if count > 1 else 0))
    domain = [start, min(1.0, start + width)]
    total = sum(op["ms"] for op in operators)
    layout[f"xaxis{suffix}"] = {
        "domain": domain,
        "anchor": f"y{suffix}",
        "title": {"text": "ms"},
        "nticks": 6,
        "separatethousands": True,
    }
    layout[f"yaxis{suffix}"] = {
        "anchor": f"x{suffix}",
        "autorange": "reversed",
        "showgrid": False,
        "ticksuffix": "  ",
    }
    layout["annotations"].append(
        {
            "text": f"<b>{phase}</b>  {number(total)} ms",
            "x": domain[0],
            "y": 1,
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
        }
    )


def _cause_bars(operators: Sequence[Record], index: int, legend: bool) -> list[dict[str, Any]]:
    suffix = "" if index == 0 else str(index + 1)
    present = {cause for op in operators for cause, ms in op["causes_ms"].items() if ms > 0}
    order = [c for c in CAUSES if c in present] + sorted(present - set(CAUSES))
    return [
        {
            "type": "bar",
            "orientation": "h",
            "name": cause_label(cause),
            "legendgroup": cause,
            "showlegend": legend,
            "marker": {"color": cause_colour(cause)},
            "y": [op["name"] for op in operators],
            "x": [op["causes_ms"].get(cause, 0.0) for op in operators],
            "xaxis": f"x{suffix}",
            "yaxis": f"y{suffix}",
            "hovertext": [_hover(op, cause) for op in operators],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        for cause in order
    ]


def _legend_for_all(traces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Show every cause once in the legend, also one that only a later panel has."""
    seen: set[str] = set()
    for trace in traces:
        trace["showlegend"] = trace["legendgroup"] not in seen
        seen.add(trace["legendgroup"])
    return traces


def _hover(op: Record, cause: str) -> str:
    ms = op["causes_ms"].get(cause, 0.0)
    share = ms / op["ms"] if op["ms"] else 0.0
    first = op["first"]
    shape = f"<br>{first['m']}×{first['k']}×{first['n']}" if first and op["macs"] else ""
    block = f" on {first['block']}" if first and first.get("block") else ""
    return f"<b>{op['name']}</b>{block}{shape}<br>{cause_label(cause)} {number(ms)} ms, {share:.0%}"


def verdict(trace: Record) -> str:
    """Return one sentence: what each phase spends most of its time on."""
    parts = []
    for phase in PHASES:
        causes: dict[str, float] = defaultdict(float)
        for op in trace.get("operators", ()):
            if op["phase"] == phase:
                for cause, ms in op.get("causes_ms", {}).items():
                    causes[cause] += ms
        if sum(causes.values()) > 0:
            cause = max(causes, key=lambda name: causes[name])
            share = causes[cause] / sum(causes.values())
            parts.append(f"{phase} spends {share:.0%} of its time on {_noun(cause)}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _noun(cause: str) -> str:
    return {"memory": "waiting for memory", "host": "the host"}.get(cause, cause_label(cause))


def roofline_chart(trace: Record) -> Chart | None:
    """Return achieved MAC/s of every matrix product under the design's two roofs."""
    peak = trace.get("peak_macs_per_cycle", 0) * trace.get("clock_mhz", 0) * 1e6
    bandwidth = trace.get("memory_bytes_per_s", 0)
    points = [
        {**op, "x": op["macs"] / op["bytes"], "y": op["macs"] / (op["ms"] / 1e3)}
        for op in _merge(trace.get("operators", ()))
        if op["macs"] and op["bytes"] and op["ms"]
    ]
    if not (peak and bandwidth and points):
        return None
    ridge = peak / bandwidth
    xs = [
        min(ridge / 4, *(p["x"] / 2 for p in points)),
        max(ridge * 4, *(p["x"] * 2 for p in points)),
    ]
    low = min(min(p["y"] for p in points) / 2, xs[0] * bandwidth)
    layout = {
        "height": 380,
        "margin": {"l": 76, "r": 16, "t": 34, "b": 56},
        "xaxis": _log_axis("multiply-accumulates per byte moved", xs),
        "yaxis": _log_axis("multiply-accumulates per second", [low, peak * 1.6]),
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "annotations": [_roof_label(xs[0], peak)],
    }
    return {"data": [*_roof(xs, ridge, peak), *_operator_dots(points)], "layout": layout}


def _roof(xs: Sequence[float], ridge: float, peak: float) -> list[dict[str, Any]]:
    """Return the two roofs, and a dotted line that carries the label of the flat one."""
    style = {"type": "scatter", "mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    roof = {"x": [xs[0], ridge, xs[1]], "y": [peak * xs[0] / ridge, peak, peak]}
    ahead = {"x": [xs[0], ridge], "y": [peak, peak]}
    return [
        {**style, **roof, "name": "roof", "line": {"color": MUTED, "width": 2}},
        {**style, **ahead, "name": "peak", "line": {"color": MUTED, "width": 1, "dash": "dot"}},
    ]


def _roof_label(left: float, peak: float) -> dict[str, Any]:
    """Label the flat roof from its left, where no point can lie."""
    return {
        "text": f" peak {number(peak / 1e9, 3)} GMAC/s",
        "x": math.log10(left),
        "y": math.log10(peak),
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


def _operator_dots(points: Sequence[Record]) -> list[dict[str, Any]]:
    longest = max(p["ms"] for p in points)
    points = sorted(points, key=lambda p: -p["ms"])  # the longest get their label first
    places = label_places([p["x"] for p in points], [p["y"] for p in points], _LABEL_ROOM)
    points = [{**p, "place": place} for p, place in zip(points, places, strict=True)]
    groups = ((phase, [p for p in points if p["phase"] == phase]) for phase in PHASES)
    return [
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": phase,
            "x": [p["x"] for p in group],
            "y": [p["y"] for p in group],
            "text": [p["name"] if p["place"] else "" for p in group],
            "textposition": [p["place"] or "top center" for p in group],
            "cliponaxis": False,
            "marker": {
                "color": PHASES[phase],
                "size": [8 + 18 * math.sqrt(p["ms"] / longest) for p in group],
                "opacity": 0.85,
            },
            "hovertext": [
                f"<b>{p['name']}</b>, {phase}<br>{number(p['y'] / 1e9, 3)} GMAC/s at "
                f"{number(p['x'], 3)} MAC/byte<br>{number(p['ms'])} ms in all"
                for p in group
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        for phase, group in groups
        if group
    ]


def _log_axis(title: str, values: Sequence[float]) -> dict[str, Any]:
    ticks = log_ticks(values)
    return {
        "title": {"text": title},
        "type": "log",
        "range": [math.log10(v) for v in values],
        "tickvals": ticks,
        "ticktext": [_si(t) for t in ticks],
    }


def _si(value: float) -> str:
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g} {prefix}"
    return f"{value:g}"
