"""Pictures of the page as SVG: vulnerability with intervals, and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sim.faults.metrics import Grid, StructureRow

from .shares import short

__all__ = ["bars", "heat_map"]

_WIDTH = 1060
_LABEL = 330
_ROW = 26
_COLOURS = {"SDC": "var(--sdc)", "violation": "var(--violation)", "DUE": "var(--due)"}


def bars(rows: Sequence[StructureRow]) -> str:
    """Return a bar for each structure: ends stacked, the undetected share's interval across."""
    span = _WIDTH - _LABEL - 90
    height = _ROW * len(rows) + 34
    parts = [_axis(span, height)]
    for at, row in enumerate(rows):
        parts.append(_bar(row, _ROW * at + 4, span))
    return _svg(_WIDTH, height, "".join(parts), "Share of faults by end, structure by structure")


def _axis(span: float, height: float) -> str:
    lines = []
    for tick in range(0, 101, 20):
        x = _LABEL + span * tick / 100
        lines.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 24}" class="grid"/>'
            f'<text x="{x:.1f}" y="{height - 8}" class="soft" text-anchor="middle">{tick} %</text>'
        )
    return "".join(lines)


def _bar(row: StructureRow, y: float, span: float) -> str:
    label = f"{row.stratum.name} · {short(row.mechanism)}"
    shown = label if len(label) < 48 else f"{label[:46]}…"
    parts = [
        f"<g><title>{escape(_told(row))}</title>"
        f'<text x="{_LABEL - 12}" y="{y + 13}" text-anchor="end">{escape(shown)}</text>'
    ]
    x = float(_LABEL)
    for name, colour in _COLOURS.items():
        width = span * row.shares[name].value
        if width > 0:
            parts.append(
                f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="17" fill="{colour}"/>'
            )
        x += width
    found = row.shares["undetected"]
    low, high = (_LABEL + span * bound for bound in (found.low, found.high))
    parts.append(
        f'<path d="M{low:.2f} {y + 8.5}H{high:.2f}M{low:.2f} {y + 4}v9M{high:.2f} {y + 4}v9" '
        'class="whisker"/>'
        f'<text x="{_LABEL + span + 10:.1f}" y="{y + 13}" class="soft">{found.value:.2%}</text></g>'
    )
    return "".join(parts)


def _told(row: StructureRow) -> str:
    shares = ", ".join(
        f"{name} {e.value:.3%} [{e.low:.3%}, {e.high:.3%}]" for name, e in row.shares.items()
    )
    return f"{row.stratum.name}; {row.mechanism}: {shares}"


def heat_map(grid: Grid, most: float) -> str:
    """Return a grid whose cells are the redder the more of their faults end undetected.

    `most` is the share that has the full colour.
    """
    side = max(16, min(48, 900 // grid.columns))
    left, top = 44, 22
    parts = []
    for column in range(grid.columns):
        if grid.columns <= 32 or column % 8 == 0:
            x = left + side * (column + 0.5)
            parts.append(f'<text x="{x}" y="14" class="soft" text-anchor="middle">{column}</text>')
    for row in range(grid.rows):
        if grid.rows <= 32 or row % 8 == 0:
            y = top + side * (row + 0.5) + 4
            parts.append(
                f'<text x="{left - 8}" y="{y}" class="soft" text-anchor="end">{row}</text>'
            )
    for cell in grid.cells:
        x, y = left + side * cell.column, top + side * cell.row
        strength = cell.avf / most if most > 0 else 0.0
        told = (
            f"row {cell.row}, column {cell.column}: {cell.avf:.3%} of faults end undetected in a "
            f"wrong output ({cell.sites:,} sites, {cell.drawn:,} injections)"
        )
        parts.append(
            f'<g><title>{told}</title><rect x="{x}" y="{y}" width="{side - 2}" '
            f'height="{side - 2}" rx="3" class="heat" fill-opacity="{0.06 + 0.94 * strength:.3f}"/>'
        )
        if side >= 40:
            parts.append(
                f'<text x="{x + side / 2 - 1}" y="{y + side / 2 + 3}" text-anchor="middle" '
                f'class="{"on" if strength > 0.5 else "soft"}">{cell.avf * 100:.1f}</text>'
            )
        parts.append("</g>")
    width, height = left + side * grid.columns + 8, top + side * grid.rows + 8
    return _svg(width, height, "".join(parts), f"Vulnerability of {grid.name}, by row and column")


def _svg(width: float, height: float, body: str, title: str) -> str:
    return (
        f'<svg class="picture" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
        f"{body}</svg>"
    )
