"""First start of the WebAssembly routers: half a minute of compiling, once per machine and version.

Set-up does it too, but a new version may have come since. Two first starts at once would write the
same compiled file, so `prepared` lets one of them go ahead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from boards.pool import run_tool
from boards.tools import ToolStatus, require_tool
from hw.contracts import scratch_folder

__all__ = ["prepared"]

_LIMIT_S = 600.0
_lock = threading.Lock()
_done: set[str] = set()


def prepared(name: str, progress: Callable[[str], None] | None = None) -> ToolStatus:
    """Return the tool called `name` after it has been started once by this process."""
    tool = require_tool(name)
    with _lock:
        if tool.identity not in _done:
            with scratch_folder() as folder:
                run_tool(
                    tool.name,
                    [*tool.command, "--version"],
                    folder=folder,
                    timeout_s=_LIMIT_S,
                    progress=progress,
                )
            _done.add(tool.identity)
    return tool
