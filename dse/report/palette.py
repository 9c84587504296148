"""Colours of charts and pictures; mid-tones that read on light and on dark paper alike."""

from __future__ import annotations

__all__ = ["ACCENT", "CAUSES", "FRONT_SCALE", "MUTED", "PHASES", "cause_colour", "cause_label"]

ACCENT = "#d9541e"
MUTED = "#98928b"

# Low to high: cool to hot.
FRONT_SCALE = ["#3f78bd", "#5aa9a5", "#e0a83c", "#d9541e"]

PHASES = {"prefill": "#3f78bd", "decode": "#d9541e"}

# Cause of time: colour and the words that a reader sees.
CAUSES: dict[str, tuple[str, str]] = {
    "compute": ("#3a9e8d", "compute"),
    "memory": ("#3f78bd", "memory"),
    "fill": ("#e0a83c", "fill and drain"),
    "edge": ("#a878c4", "edge waste"),
    "stall": ("#d0667a", "stalled output"),
    "reconfiguration": ("#6f8f3c", "job switching"),
    "host": ("#98928b", "host"),
}
_SPARE = "#7d6b5d"


def cause_colour(cause: str) -> str:
    """Return the colour of a cause; unknown ones share a spare."""
    return CAUSES.get(cause, (_SPARE, ""))[0]


def cause_label(cause: str) -> str:
    """Return the words for a cause."""
    return CAUSES.get(cause, ("", cause.replace("_", " ")))[1]
