"""Small pieces of HTML; every text that comes from a run is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from .text import is_finite, number

__all__ = ["badge", "cell", "key", "section", "share_cell", "table", "tile"]

_FIDELITIES = {
    "measured": "by synthesis, routing or simulation of this design's own Verilog",
    "modelled": "counted in closed form, with measured parts where there are any",
    "estimated": "from coefficients or delays that a source gives",
    "predicted": "said by the model before anything was measured",
    "reserved": "includes what has no generator yet",
}


def badge(fidelity: str) -> str:
    """Return the mark of a fidelity."""
    word = escape(fidelity)
    return f'<span class="f {word}">{word}</span>' if word else ""


def key(fidelities: Iterable[str]) -> str:
    """Return the key that explains the given fidelities."""
    present = set(fidelities)
    items = (
        f"<li>{badge(name)} <span class='f-why'>{escape(why)}</span></li>"
        for name, why in _FIDELITIES.items()
        if name in present
    )
    return f'<ul class="key hint">{"".join(items)}</ul>'


def tile(value: str, unit: str, label: str, mark: str) -> str:
    """Return one headline figure; `mark` is its `sourced` or `plain` attribute."""
    small = f" <small>{escape(unit)}</small>" if unit else ""
    return (
        f'<div class="tile"{mark}><b>{escape(value)}{small}</b><span>{escape(label)}</span></div>'
    )


def share_cell(value: float, mark: str, signed: bool = True) -> str:
    """Return one table cell with a share of one in percent."""
    text = f"{value:+.2%}" if signed else f"{value:.2%}"
    return f'<td class="n" data-v="{value:.6g}"{mark}>{text}</td>'


def section(anchor: str, title: str, body: str, hint: str = "", beside: str = "") -> str:
    """Return one card of the page."""
    head = f'<div class="bar"><h2>{escape(title)}</h2>{beside}</div>'
    said = f'<p class="hint">{escape(hint)}</p>' if hint else ""
    return f'<section id="{anchor}">{head}{said}{body}</section>'


def cell(value: Any, mark: str = "", classes: str = "") -> str:
    """Return one table cell; numbers are set flush right and carry their exact value to sort by.

    `mark` is the attribute that says whose figure it is (`sourced`), or that it is none (`plain`).
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        words = "" if value is None else str(value)
        return f'<td class="{classes}"{mark}>{escape(words)}</td>'
    exact = value if is_finite(value) else ""
    return f'<td class="n {classes}" data-v="{exact}"{mark}>{number(value)}</td>'


def table(heads: Sequence[tuple[str, str]], rows: Iterable[str], sortable: bool = True) -> str:
    """Return a table from (HTML text, class) heads and finished ``<tr>`` rows."""
    cells = "".join(f'<th class="{css}">{html}</th>' for html, css in heads)
    kind = ' class="sortable"' if sortable else ""
    return (
        f'<div class="scroll"><table{kind}><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
