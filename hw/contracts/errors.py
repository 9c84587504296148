"""Errors that every folder raises, and the exit code each one means at the command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ConfigError", "KilnError", "did_you_mean"]


class KilnError(Exception):
    """A run that failed. The message ends in the user's next step."""

    exit_code = 1


class ConfigError(KilnError, ValueError):
    """Input that cannot be used: says field, value and remedy. Nothing was started or lost."""

    exit_code = 2


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known name, or list all known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""
