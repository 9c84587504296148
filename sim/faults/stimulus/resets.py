"""Resets, by name: which inputs they are, and when a stimulus has ended them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from boards.frozen import Frozen
from hw.contracts import ConfigError

from .settings import Settings

__all__ = ["find_resets", "reset_end"]

_RESET = re.compile(r"(^|_)n?a?s?(rst|reset)(_?n|_?ni|_?b|_?i|_l)?(_|$)|(^|_)(por|nrst)(_|$)", re.I)
_LOW = re.compile(r"(rst|reset)(_?n|_?ni|_?b|_l)(_|$)|(^|_)n(rst|reset)", re.I)


def find_resets(netlist: Frozen, settings: Settings) -> dict[str, int]:
    """Return the reset inputs, each with the value that resets: declared, else found by name."""
    names = [settings.reset] if settings.reset else []
    if not names:
        names = [
            port.name for port in netlist.inputs if len(port.bits) == 1 and _RESET.search(port.name)
        ]
    forced = {"high": 1, "low": 0}.get(settings.reset_active)
    found = {}
    for name in names:
        by_name = 0 if _LOW.search(name) else 1
        found[name] = by_name if forced is None else forced
    return found


def reset_end(steps: Sequence[Mapping[str, int]], resets: Mapping[str, int], top: str) -> int:
    """Return the first cycle in which no reset is active, if one is active at the start.

    Raises
    ------
    ConfigError
        The stimulus never ends its reset.
    """
    for cycle, step in enumerate(steps):
        if not any(step.get(name, 0) == value for name, value in resets.items()):
            return cycle
    names = " and ".join(
        f"{name} (active {'high' if value else 'low'})" for name, value in resets.items()
    )
    raise ConfigError(
        f"the stimulus resets {top} in each of its {len(steps)} cycles by {names}; inputs that a "
        'cycle does not name are 0. Release it, or write reset and reset_active = "high" or '
        '"low" in the --observe file'
    )
