"""The front as PNG and SVG, for documents."""

from __future__ import annotations

import io
from textwrap import fill
from typing import TYPE_CHECKING, Any

from .front_chart import model_columns
from .palette import FRONT_SCALE, MUTED
from .run import Axis, Run
from .source import tools_note
from .text import is_finite, label_places, log_ticks, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["front_picture", "picture_bytes"]

_PRINT_WIDTH = 165  # letters of small print in a line
_INK, _SOFT, _GRID = "#211d19", "#6b645c", "#ece8e2"
_LABELS: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    "top center": ((0, 8), {"ha": "center", "va": "bottom"}),
    "bottom center": ((0, -8), {"ha": "center", "va": "top"}),
    "middle right": ((8, 0), {"ha": "left", "va": "center"}),
    "middle left": ((-8, 0), {"ha": "right", "va": "center"}),
}
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Inter", "Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.size": 10.5,
    "text.color": _INK,
    "axes.edgecolor": "#d5cfc7",
    "axes.labelcolor": _SOFT,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "svg.hashsalt": "kiln",  # the same run gives the same SVG
    "svg.fonttype": "path",
}


def front_picture(run: Run) -> Figure | None:
    """Return the front over its first two or three objectives; None where there is none to draw.

    The first objective is the y axis, the last the x axis, the one between them the colour.
    """
    if not run.front or len(run.axes) < 2:
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    y, x = run.axes[0], run.axes[min(2, len(run.axes) - 1)]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 5.2), dpi=200, layout="constrained")
        axes = figure.add_subplot()
        _draw_model(run, axes, x, y)
        _draw_others(run, axes, x, y)
        _draw_front(run, figure, axes, x, y)
        _dress(run, axes, x, y)
        look: Any = {"x": 0.01, "ha": "left", "fontsize": 6.5, "color": _SOFT}
        figure.supxlabel(_sources(run), parse_math=False, **look)
    return figure


def _sources(run: Run) -> str:
    """Return who said what is drawn, and the command that draws it again, as a line of small print.

    The page has the same for every figure.
    """
    said = tools_note((axis.name, run.source(axis.column.name)) for axis in run.axes[:3])
    return fill(f"{said} · {run.command}" if run.command else said, _PRINT_WIDTH)


def picture_bytes(figure: Figure, kind: str) -> bytes:
    """Return `figure` as ``png`` or ``svg``, without a date: equal runs give equal files."""
    import matplotlib as mpl

    stream = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context(_STYLE):
        figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()


def _draw_model(run: Run, axes: Axes, x: Axis, y: Axis) -> None:
    columns = model_columns(run, (x, y))
    if not columns:
        return
    xs, ys = ([row[column] for row in run.model_front] for column in columns)
    axes.scatter(
        xs, ys, s=8, color=MUTED, alpha=0.45, linewidths=0, label="predicted, not measured"
    )


def _draw_others(run: Run, axes: Axes, x: Axis, y: Axis) -> None:
    if run.dominated:
        xs, ys = ([row[axis.column.name] for row in run.dominated] for axis in (x, y))
        label = "measured, dominated"
        axes.scatter(xs, ys, s=48, facecolors="none", edgecolors=MUTED, linewidths=1.4, label=label)


def _draw_front(run: Run, figure: Figure, axes: Axes, x: Axis, y: Axis) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    look: dict[str, Any] = {"s": 110, "edgecolors": "white", "linewidths": 1.3, "zorder": 3}
    xs, ys = ([row[axis.column.name] for row in run.front] for axis in (x, y))
    third = run.axes[1] if len(run.axes) > 2 else None
    values = [row[third.column.name] for row in run.front] if third else []
    if third and all(is_finite(v) and v > 0 for v in values) and len(set(values)) > 1:
        colours = LinearSegmentedColormap.from_list("kiln", FRONT_SCALE)
        norm = LogNorm(min(values), max(values))
        dots = axes.scatter(xs, ys, c=values, cmap=colours, norm=norm, label="on the front", **look)
        _colour_bar(figure, axes, dots, third, values)
    else:
        axes.scatter(xs, ys, color=FRONT_SCALE[-1], label="on the front", **look)
    labels = [row["design"] for row in run.front]
    places = label_places(xs, ys, drawn=_behind(run, x, y))
    for label, left, up, place in zip(labels, xs, ys, places, strict=True):
        offset, sides = _LABELS[place or "top center"]
        axes.annotate(label, (left, up), offset, textcoords="offset points", fontsize=9.5, **sides)


def _behind(run: Run, x: Axis, y: Axis) -> tuple[list[float], list[float]]:
    """Return what is drawn beside the front, along x and along y."""
    columns = model_columns(run, (x, y)) or ()
    xs, ys = (
        [row[axis.column.name] for row in run.dominated]
        + [row[column] for column in columns[at : at + 1] for row in run.model_front]
        for at, axis in enumerate((x, y))
    )
    return xs, ys


def _colour_bar(figure: Figure, axes: Axes, dots: Any, axis: Axis, values: list[float]) -> None:
    bar = figure.colorbar(dots, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    ticks = [tick for tick in log_ticks(values) if min(values) <= tick <= max(values)]
    bar.set_ticks(ticks, labels=[number(tick) for tick in ticks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)
    bar.set_label(f"{axis.column.title}, {axis.column.fidelity}")


def _dress(run: Run, axes: Axes, x: Axis, y: Axis) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis, which, label in ((x, axes.xaxis, axes.set_xlabel), (y, axes.yaxis, axes.set_ylabel)):
        limits = axes.get_xlim() if which is axes.xaxis else axes.get_ylim()
        ticks = [tick for tick in log_ticks(limits) if limits[0] <= tick <= limits[1]]
        which.set_ticks(ticks, labels=[number(tick) for tick in ticks])
        which.set_minor_locator(_no_ticks())
        label(f"{axis.column.title}, {axis.column.fidelity}")
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
    axes.set_title(_title(run), loc="left", fontsize=13, fontweight="bold", pad=30)


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _title(run: Run) -> str:
    names = []
    for field in ("workload", "target"):
        value = run.info.get(field)
        names.append(str(value.get("name", "")) if isinstance(value, dict) else str(value or ""))
    return " on ".join(name for name in names if name) or run.path.name
