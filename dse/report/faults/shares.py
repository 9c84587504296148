"""Shares as a reader wants them, with their intervals."""

from __future__ import annotations

from html import escape

from dse.report.source import plain
from dse.report.text import is_finite
from sim.faults.statistics import Estimate

__all__ = ["percent", "share_of", "short"]

_SHORT = {
    "single-event upset": "SEU",
    "multi-bit upset": "MBU",
    "transient of a net": "SET",
    "stuck at 0": "stuck at 0",
    "stuck at 1": "stuck at 1",
}


def short(mechanism: str) -> str:
    """Return few words for a fault model's title."""
    return next((words for part, words in _SHORT.items() if part in mechanism), mechanism)


def percent(value: float) -> str:
    """Return a share in percent, with digits for what is near to 0 or to 100 %."""
    if not is_finite(value):
        return ""
    rest = min(value, 1 - value)
    digits = 2 if rest >= 1e-2 or rest <= 0 else 3 if rest >= 1e-3 else 4 if rest >= 1e-4 else 6
    return f"{value:.{digits}%}"


def share_of(found: Estimate) -> str:
    """Return the cell of a share with its interval."""
    told = f"{found.hits:,} of {found.sample:,} injected; {found.confidence:.0%}: {found.method}"
    span = (
        ""
        if found.width == 0
        else f"<br><small>{percent(found.low)} to {percent(found.high)}</small>"
    )
    return (
        f'<td class="n" data-v="{found.value:.9g}" title="{escape(told)}"{plain("count")}>'
        f"{percent(found.value)}{span}</td>"
    )
