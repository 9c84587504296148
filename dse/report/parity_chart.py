"""What the model said before measuring, against what measuring found."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from .calibration import relative_error
from .columns import parse_column, predicted_pairs
from .front_chart import Chart
from .palette import ACCENT, MUTED
from .run import Run
from .text import is_finite, log_ticks, number

__all__ = ["parity_chart"]

_PER_ROW = 4
_MARGIN = {"l": 56, "r": 16, "t": 44, "b": 50}
_PITCH, _PLOT = 262, 168  # pixels from row to row, and of the plot in it


def parity_chart(run: Run) -> Chart | None:
    """Return one small panel per figure that was predicted; None where nothing was."""
    panels = [panel for pair in predicted_pairs(run.columns) if (panel := _panel(run, *pair))]
    if not panels:
        return None
    rows = math.ceil(len(panels) / _PER_ROW)
    layout: dict[str, Any] = {
        "height": _MARGIN["t"] + _MARGIN["b"] + _area(rows),
        "margin": _MARGIN,
        "showlegend": False,
        "annotations": [],
    }
    traces: list[dict[str, Any]] = []
    for index, panel in enumerate(panels):
        traces += _draw(layout, index, rows, panel)
    return {"data": traces, "layout": layout}


def _area(rows: int) -> int:
    return _PITCH * (rows - 1) + _PLOT


def _panel(run: Run, predicted: str, later: str) -> dict[str, Any] | None:
    points = [
        (row[predicted], row[later], row["design"])
        for row in run.designs
        if all(is_finite(row[name]) and row[name] > 0 for name in (predicted, later))
    ]
    if not points:
        return None
    error = median(abs(relative_error(said, found)) for said, found, _ in points)
    return {"column": parse_column(later), "points": points, "error": error}


def _draw(
    layout: dict[str, Any], index: int, rows: int, panel: dict[str, Any]
) -> list[dict[str, Any]]:
    suffix = "" if index == 0 else str(index + 1)
    row, position = divmod(index, _PER_ROW)
    x_domain = [position / _PER_ROW + 0.0, (position + 1) / _PER_ROW - 0.055]
    top = 1 - row * _PITCH / _area(rows)
    y_domain = [max(0.0, top - _PLOT / _area(rows)), top]
    values = [v for point in panel["points"] for v in point[:2]]
    ends = [min(values) / 1.15, max(values) * 1.15]
    for letter, domain, other in (("x", x_domain, "y"), ("y", y_domain, "x")):
        layout[f"{letter}axis{suffix}"] = _axis(ends, domain, f"{other}{suffix}")
    layout[f"xaxis{suffix}"]["title"] = {"text": "predicted", "standoff": 6}
    layout[f"yaxis{suffix}"]["title"] = {"text": panel["column"].fidelity, "standoff": 4}
    layout["annotations"].append(_heading(panel, x_domain[0], y_domain[1]))
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    return [{**_diagonal(ends), **axes}, {**_points(panel), **axes}]


def _axis(ends: list[float], domain: list[float], anchor: str) -> dict[str, Any]:
    ticks = [t for t in log_ticks(ends) if ends[0] <= t <= ends[1]]
    ticks = ticks[:: math.ceil(len(ticks) / 4)]
    return {
        "type": "log",
        "domain": domain,
        "anchor": anchor,
        "range": [math.log10(v) for v in ends],
        "tickvals": ticks,
        "ticktext": [_short(t) for t in ticks],
        "tickangle": 0,
    }


def _short(value: float) -> str:
    return f"{value / 1e3:g}k" if value >= 1e4 else number(value, 3)


def _heading(panel: dict[str, Any], x: float, y: float) -> dict[str, Any]:
    return {
        "text": f"<b>{panel['column'].title}</b>  median error {panel['error']:.1%}",
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "yshift": 6,
    }


def _diagonal(ends: list[float]) -> dict[str, Any]:
    line = {"color": MUTED, "width": 1, "dash": "dot"}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": ends,
        "y": ends,
        "line": line,
        "hoverinfo": "skip",
    }


def _points(panel: dict[str, Any]) -> dict[str, Any]:
    points = panel["points"]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [said for said, _, _ in points],
        "y": [found for _, found, _ in points],
        "customdata": [design for _, _, design in points],
        "marker": {"color": ACCENT, "size": 8, "opacity": 0.85},
        "hovertext": [
            f"<b>design {design}</b><br>predicted {number(said)}<br>"
            f"{panel['column'].fidelity} {number(found)}<br>"
            f"error of the prediction {relative_error(said, found):+.1%}"
            for said, found, design in points
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
