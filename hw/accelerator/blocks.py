"""Blocks by name: the built-in ones, and those that other packages plug in."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hw.contracts import ConfigError, did_you_mean

__all__ = ["GROUP", "block_name", "find_block", "list_blocks"]

GROUP = "kiln.blocks"
"""Entry point group. An entry point gives a block's configuration class, or an object whose
attribute ``config`` is that class."""

_BUILT_IN = {"matrix": "hw.matrix:MatrixConfig", "mac": "hw.mac:MacConfig"}


def list_blocks() -> tuple[str, ...]:
    """Return the names of all blocks that can be generated; imports none of them."""
    return tuple(dict.fromkeys([*_BUILT_IN, *sorted(_plugged())]))


def find_block(name: str) -> type[Any]:
    """Return the configuration class of a block: one of `list_blocks`.

    Raises
    ------
    ConfigError
        For an unknown name, or an entry point that gives something else.
    """
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        loaded: Any = getattr(import_module(module), attribute)
    elif name in (plugged := _plugged()):
        loaded = plugged[name].load()
    else:
        raise ConfigError(f"unknown block {name!r}{did_you_mean(name, list_blocks())}")
    found = getattr(loaded, "config", loaded)
    if not isinstance(found, type) or not hasattr(found, "__dataclass_fields__"):
        raise ConfigError(
            f"block {name!r} gives {found!r}; its entry point must name a configuration dataclass"
        )
    return found


def block_name(config: Any) -> str:
    """Return the name under which the class of `config` is known."""
    for name in list_blocks():
        if find_block(name) is type(config):
            return name
    raise ConfigError(
        f"{type(config).__name__} is no known block; register it as an entry point of {GROUP}"
    )


def _plugged() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
