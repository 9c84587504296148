"""Numbers as a reader wants them, and the ticks of logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, TypeGuard

__all__ = ["is_finite", "label_places", "log_ticks", "number"]

_MOST_TICKS = 7


def is_finite(value: Any) -> TypeGuard[float]:
    """Whether `value` is a number that can be drawn."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any, digits: int = 4) -> str:
    """Return `value` with thousands separators and at most `digits` significant digits."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return "" if value is None else str(value)
    if not is_finite(value):
        return ""
    if isinstance(value, Integral) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    if abs(value) < 1e-3:
        return f"{value:.{digits - 1}g}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".")


def log_ticks(values: Iterable[float]) -> list[float]:
    """Return round tick values that span `values` on a logarithmic axis, seven at most."""
    positive = [v for v in values if is_finite(v) and v > 0]
    if not positive:
        return []
    low, high = min(positive), max(positive)
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), _tenths()):
        ticks = [round(s * 10**d, 12) for d in decades for s in steps]
        inside = [t for t in ticks if low / 1.25 <= t <= high * 1.25]
        if len(inside) >= 3:
            break
    return inside[:: math.ceil(len(inside) / _MOST_TICKS)]


def _tenths() -> tuple[float, ...]:
    return tuple(step / 10 for step in range(10, 100))


def label_places(
    xs: Sequence[float],
    ys: Sequence[float],
    least_room: float = 0.0,
    drawn: tuple[Sequence[float], Sequence[float]] = ((), ()),
) -> list[str | None]:
    """Return where the label of each point on logarithmic axes goes, clear of its neighbours.

    Places are Plotly's words for them: ``top center`` where there is room, else another side; None
    where no side has `least_room`, as a share of the axes. `drawn` is what else the axes reach to.
    """
    spots = list(zip(_scaled(xs, drawn[0]), _scaled(ys, drawn[1]), strict=True))
    taken: list[tuple[float, float]] = list(spots)
    places: list[str | None] = []
    for x, y in spots:
        place = max(_OFFSETS, key=lambda name: _room(x, y, name, taken))
        if _room(x, y, place, taken) < least_room:
            places.append(None)
            continue
        taken.append((x + _OFFSETS[place][0], y + _OFFSETS[place][1]))
        places.append(place)
    return places


# Offset of a label from its point, as shares of the axes; the first is preferred.
_OFFSETS = {
    "top center": (0.0, 0.06),
    "bottom center": (0.0, -0.06),
    "middle right": (0.035, 0.0),
    "middle left": (-0.035, 0.0),
}


def _room(x: float, y: float, place: str, taken: Sequence[tuple[float, float]]) -> float:
    """Return the distance to the nearest mark, counted up to what is enough."""
    dx, dy = _OFFSETS[place]
    near = (math.hypot((x + dx - u) * 1.6, y + dy - v) for u, v in taken if (u, v) != (x, y))
    return min(0.055, *near, 1.0)


def _scaled(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return logarithms stretched over 0 to 1 with `others`; what cannot be drawn lies at 0."""
    logs = [math.log10(v) if is_finite(v) and v > 0 else None for v in [*values, *others]]
    known = [v for v in logs if v is not None]
    low, span = (min(known), (max(known) - min(known)) or 1.0) if known else (0.0, 1.0)
    logs = logs[: len(values)]
    return [0.0 if v is None else (v - low) / span for v in logs]
