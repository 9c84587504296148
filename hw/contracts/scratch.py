"""Temporary folders that a kill does not leave behind for good.

Each lies beside a lease that its maker holds. Whoever starts next finds leases that nobody holds,
ends what a dead process left running in the folder, and deletes it.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .files import make_folder
from .lease import Lease

__all__ = ["remove_abandoned", "remove_folder", "scratch_folder", "time_limit"]

_ROUNDS, _ROUND_S = 10, 0.05


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder and delete it afterwards."""
    name = uuid.uuid4().hex[:12]
    lease = Lease(make_folder(_root()) / f"{name}.lock")
    lease.wait()
    folder = _root() / name
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lease.release(delete=True)


def remove_abandoned() -> None:
    """Delete the scratch folders of processes that were killed, and end their orphans."""
    for path in sorted(_root().glob("*.lock")):
        lease = Lease(path)
        if lease.take():
            remove_folder(path.with_suffix(""))
            lease.release(delete=True)


def remove_folder(folder: Path) -> None:
    """Delete a dead process's folder after ending whatever still works in it."""
    _end_work_in(folder)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def time_limit(folder: Path, seconds: float) -> Iterator[threading.Event]:
    """Yield an event; after `seconds` it is set, and whatever works in `folder` is killed.

    For tools that are started by others, which give us no process to wait for.
    """
    over = threading.Event()

    def end() -> None:
        over.set()
        _end_work_in(folder)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()


def _root() -> Path:
    return Path(tempfile.gettempdir()) / f"kiln-{os.getuid()}"


def _end_work_in(folder: Path) -> None:
    """Kill the processes in `folder`, and those that they started meanwhile."""
    for _ in range(_ROUNDS):
        found = _working_in(folder)
        if not found:
            return
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_ROUND_S)


def _working_in(folder: Path) -> list[int]:
    """Return the processes whose working folder is `folder` or below; none without ``/proc``."""
    inside = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(folder.resolve()):
                inside.append(int(entry.name))
    return inside
