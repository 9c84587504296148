"""The front as interactive charts: every pair of objectives, and three at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from dse.results import Row

from .columns import find_column
from .palette import ACCENT, FRONT_SCALE, MUTED
from .run import Axis, Run
from .text import is_finite, label_places, log_ticks, number

__all__ = ["Chart", "front_charts", "model_columns"]

Chart = dict[str, Any]


def front_charts(run: Run) -> dict[str, Chart]:
    """Return charts by title: one per pair of objectives, and ``3D`` where there are three."""
    ends = run.axes[:1] + run.axes[-1:]  # first by last is the view of the picture, so it leads
    pairs = sorted(combinations(run.axes, 2), key=lambda pair: pair != ends)
    charts = {f"{y.name} by {x.name}": _flat(run, x, y) for y, x in pairs}
    if len(run.axes) >= 3:
        charts["3D"] = _solid(run, run.axes[:3])
    return charts


def _flat(run: Run, x: Axis, y: Axis) -> Chart:
    other = next((axis for axis in run.axes if axis not in (x, y)), None)
    traces = _model_traces(run, (x, y), "scatter")
    traces += [_dots(run, rows, (x, y), name, style) for name, rows, style in _others(run)]
    front = {**_dots(run, run.front, (x, y), "on the front", {}), "mode": "markers+text"}
    front.update(
        marker=_marker(run.front, other, size=17),
        text=[row["design"] for row in run.front],
        textposition=label_places(front["x"], front["y"], drawn=_reach(traces)),
        cliponaxis=False,
    )
    layout = {
        "xaxis": _axis(run, x),
        "yaxis": _axis(run, y),
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"l": 76, "r": 20, "t": 34, "b": 58},
        "hovermode": "closest",
    }
    return {"data": [*traces, front], "layout": layout}


def _reach(traces: Sequence[Chart]) -> tuple[list[float], list[float]]:
    """Return everything that `traces` draw, along x and along y."""
    xs, ys = ([value for trace in traces for value in trace[way]] for way in "xy")
    return xs, ys


def _solid(run: Run, axes: Sequence[Axis]) -> Chart:
    traces = _model_traces(run, axes, "scatter3d")
    traces += [_dots(run, rows, axes, name, style) for name, rows, style in _others(run)]
    front = {**_dots(run, run.front, axes, "on the front", {}), "mode": "markers+text"}
    front.update(
        marker=_marker(run.front, axes[1], size=7), text=[row["design"] for row in run.front]
    )
    names = ("xaxis", "yaxis", "zaxis")
    scene: dict[str, Any] = {
        "camera": {"eye": {"x": 1.75, "y": 1.75, "z": 0.8}, "center": {"x": 0, "y": 0, "z": -0.12}},
        "aspectmode": "manual",
        "aspectratio": {"x": 1.25, "y": 1.25, "z": 0.95},
    }
    scene.update({name: _axis(run, axis) for name, axis in zip(names, axes, strict=True)})
    legend = {"orientation": "h", "y": 1, "x": 0}
    margin = {"l": 0, "r": 0, "t": 0, "b": 0}
    return {
        "data": [*traces, front],
        "layout": {"scene": scene, "legend": legend, "margin": margin},
    }


def _others(run: Run) -> list[tuple[str, list[Row], dict[str, Any]]]:
    """Return the trials that are not on the front, with the style each kind is drawn in."""
    refused = [row for row in run.designs if row["state"] == "refused"]
    hollow = {"symbol": "circle-open", "size": 9, "color": MUTED, "line": {"width": 1.6}}
    crossed = {"symbol": "x", "size": 7, "color": MUTED}
    groups = [("measured, dominated", run.dominated, hollow), ("refused", refused, crossed)]
    return [group for group in groups if group[1]]


def _dots(
    run: Run, rows: list[Row], axes: Sequence[Axis], name: str, marker: dict[str, Any]
) -> dict[str, Any]:
    trace = {
        "type": "scatter" if len(axes) == 2 else "scatter3d",
        "mode": "markers",
        "name": name,
        "marker": dict(marker),
        "customdata": [row["design"] for row in rows],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "hovertext": [_hover(run, row) for row in rows],
    }
    return {**trace, **_coordinates(rows, [axis.column.name for axis in axes])}


def _coordinates(rows: list[Row], columns: Sequence[str]) -> dict[str, list[float | None]]:
    return {
        letter: [row[column] if is_finite(row[column]) else None for row in rows]
        for letter, column in zip("xyz", columns, strict=False)
    }


def _hover(run: Run, row: dict[str, Any]) -> str:
    lines = [f"<b>design {row['design']}</b>  {run.title(row)}"]
    lines += [
        f"{a.name} <b>{number(row[a.column.name])}</b> {a.column.unit} <i>{a.column.fidelity}</i>"
        for a in run.axes
    ]
    return "<br>".join(lines)


def _model_traces(run: Run, axes: Sequence[Axis], kind: str) -> list[dict[str, Any]]:
    """Return the modelled layers as faint dots, where the run has them in these objectives."""
    columns = model_columns(run, axes)
    if not columns:
        return []
    trace = {
        "type": kind,
        "mode": "markers",
        "name": "predicted, not measured",
        "hoverinfo": "skip",
        "marker": {"size": 4 if kind == "scatter" else 2, "color": MUTED, "opacity": 0.4},
    }
    return [{**trace, **_coordinates(run.model_front, columns)}]


def model_columns(run: Run, axes: Sequence[Axis]) -> list[str]:
    """Return the modelled columns of `axes`; empty unless the run has all of them."""
    known = list(run.model_front[0]) if run.model_front else []
    found = [find_column(known, axis.column.stem) for axis in axes]
    columns = [column for column in found if column is not None]
    return columns if len(columns) == len(axes) else []


def _marker(rows: list[Row], axis: Axis | None, size: int) -> dict[str, Any]:
    """Return filled markers, coloured by `axis` on a logarithmic scale with a scale beside it."""
    outline = {"width": 1.5, "color": "rgba(255,255,255,0.85)"}
    values = [] if axis is None else [row[axis.column.name] for row in rows]
    if axis is None or not all(is_finite(v) and v > 0 for v in values) or len(set(values)) < 2:
        return {"size": size, "color": ACCENT, "line": outline}
    ticks = [t for t in log_ticks(values) if min(values) <= t <= max(values)]
    steps = [i / (len(FRONT_SCALE) - 1) for i in range(len(FRONT_SCALE))]
    bar = {
        "title": {"text": axis.column.title, "side": "right", "font": {"size": 12.5}},
        "tickfont": {"size": 12},
        "tickvals": [math.log10(t) for t in ticks],
        "ticktext": [number(t) for t in ticks],
        "thickness": 9,
        "outlinewidth": 0,
        "len": 0.8,
    }
    return {
        "size": size,
        "color": [math.log10(v) for v in values],
        "colorscale": [list(pair) for pair in zip(steps, FRONT_SCALE, strict=True)],
        "colorbar": bar,
        "line": outline,
    }


def _axis(run: Run, axis: Axis) -> dict[str, Any]:
    shown = [row[axis.column.name] for row in run.front + run.dominated]
    shown += [row[column] for column in model_columns(run, [axis]) for row in run.model_front]
    ticks = log_ticks(shown)
    title = f"{axis.column.title}, {axis.column.fidelity}" if axis.column.fidelity else axis.name
    return {
        "title": {"text": title},
        "type": "log",
        "tickvals": ticks,
        "ticktext": [number(t) for t in ticks],
    }
