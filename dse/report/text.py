"""Numbers as a reader wants them, and the ticks of logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

__all__ = ["is_finite", "log_ticks", "number"]


def is_finite(value: Any) -> bool:
    """Whether `value` is a number that can be drawn."""
    return isinstance(value, int | float) and math.isfinite(value)


def number(value: Any, digits: int = 4) -> str:
    """Return `value` with thousands separators and at most `digits` significant digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    if not math.isfinite(value):
        return ""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    if abs(value) < 1e-3:
        return f"{value:.{digits - 1}g}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".")


def log_ticks(values: Iterable[float]) -> list[float]:
    """Return round tick values that span `values` on a logarithmic axis, about three to eight."""
    positive = [v for v in values if is_finite(v) and v > 0]
    if not positive:
        return []
    low, high = min(positive), max(positive)
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), _tenths()):
        ticks = [round(s * 10**d, 12) for d in decades for s in steps]
        inside = [t for t in ticks if low / 1.25 <= t <= high * 1.25]
        if len(inside) >= 4:
            break
    return inside


def _tenths() -> tuple[float, ...]:
    return tuple(step / 10 for step in range(10, 100))
