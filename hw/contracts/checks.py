"""Checks that configurations have in common: a value's choices, and its range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ConfigError

__all__ = ["check_choices", "check_ranges"]


def check_choices(config: Any, choices: Mapping[str, tuple[int | str, ...]]) -> None:
    """Raise `ConfigError` for a field of `config` that is none of its choices."""
    for name, allowed in choices.items():
        if not any(_same(getattr(config, name), choice) for choice in allowed):
            raise ConfigError(
                f"{name}={getattr(config, name)!r} is not known; choose one of {allowed}"
            )


def check_ranges(config: Any, limits: Mapping[str, tuple[int, int]]) -> None:
    """Raise `ConfigError` for a field of `config` that is no integer from lowest to highest."""
    for name, (low, high) in limits.items():
        value = getattr(config, name)
        if not _is_a(value, int) or not low <= value <= high:
            raise ConfigError(f"{name}={value!r} is out of range; use {low} to {high}")


def _same(value: Any, choice: int | str) -> bool:
    return _is_a(value, type(choice)) and bool(value == choice)


def _is_a(value: Any, kind: type) -> bool:
    """Return whether `value` is of `kind`; True and False are no integers here."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
