"""Whether the machine is idle enough for wall times to mean anything."""

from __future__ import annotations

import os
import sys

__all__ = ["busy", "restart_on_one_core"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def busy(own: float = 1.0) -> str:
    """Return a remark where other processes take processors from a bench that keeps `own` busy."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load + own <= cores + 0.5:
        return ""
    return f"other processes run (load {load:.1f} on {cores} cores): wall times are too long"


def restart_on_one_core(module: str) -> None:
    """Start `module` again with one thread for linear algebra, unless the caller has said."""
    if any(name in os.environ for name in _THREADS):
        return
    environment = os.environ | dict.fromkeys(_THREADS, "1")  # read when NumPy is loaded
    os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], environment)
