"""What to choose: workloads, search, measurement ladder, reports and the command line.

`dse.search(...)` is what users call from Python; the package behind it is `dse.explore`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .explore.start import search

__all__ = ["search"]


def __getattr__(name: str) -> Any:
    # Imported when first used: the search needs Optuna and SciPy, `dse --help` does not.
    if name == "search":
        from .explore.start import search

        return search
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
