"""Whether the machine is idle enough for wall times to mean anything."""

from __future__ import annotations

import os

__all__ = ["busy"]


def busy(own: float = 1.0) -> str:
    """Return a remark where other processes take processors from a bench that keeps `own` busy."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load + own <= cores + 0.5:
        return ""
    return f"other processes run (load {load:.1f} on {cores} cores): wall times are too long"
