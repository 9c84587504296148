"""What a search may not exceed: the target's budget and the user's own limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from boards.target import Target
from hw.contracts import ConfigError

__all__ = ["AREA", "Limits", "area_violation"]

AREA = {"sky130": "area_um2"}
"""What a family's area objective counts; LUTs where it is not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the user will not exceed, beside the target's own budget."""

    max_power_mw: float | None = None
    max_latency_ms: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_power_mw", "max_latency_ms"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name}={value} allows nothing; use a positive number")
            if value == math.inf:
                raise ConfigError(f"{name}={value} is no limit; leave it out")

    def violations(self, latency_ms: Any, power_mw: Any) -> dict[str, Any]:
        """Return the log-ratio by which each limit is missed."""
        found: dict[str, Any] = {}
        if self.max_latency_ms is not None:
            found["latency"] = np.log(np.asarray(latency_ms) / self.max_latency_ms)
        if self.max_power_mw is not None:
            found["power"] = np.log(np.asarray(power_mw) / self.max_power_mw)
        return found


def area_violation(target: Target, area: Any) -> dict[str, Any]:
    """Return the log-ratio by which an area misses what `target` has of it, if it is limited."""
    there = target.available.get(AREA.get(target.family, "lut"))
    return {} if there is None else {"area": np.log(np.asarray(area) / there)}
