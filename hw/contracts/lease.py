"""Leases: one process at a time may do something, for as long as it lives.

A lease is an advisory lock on a small file. The system gives it back when its holder ends, by
whatever death, so that nothing has to be judged stale by its age.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

from .errors import KilnError
from .files import StorageError

__all__ = ["Lease"]


class Lease:
    """A claim on `path`, which is made if need be and tells who holds it.

    Parameters
    ----------
    path : Path
        The lock file; its folder must be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: TextIO | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lease."""
        return self._stream is not None

    @property
    def holder(self) -> str:
        """Who holds it or held it last, in words."""
        try:
            told = json.loads(self.path.read_text("utf-8"))
            return f"process {told['pid']} on {told['host']} since {told['since']}"
        except (OSError, ValueError, LookupError, TypeError):
            return "another process"

    def take(self) -> bool:
        """Take the lease if it is free or already ours; return whether it is held now."""
        while self._stream is None:
            try:
                stream = self.path.open("a+", encoding="utf-8")
            except OSError as error:
                raise StorageError(
                    f"cannot write {self.path}: {error.strerror}; "
                    "choose a folder that you may write to"
                ) from error
            if not _lock(stream):
                stream.close()
                return False
            if not self._is_current(stream):  # its last holder deleted it meanwhile
                stream.close()
                continue
            self._stream = stream
            _sign(stream)
        return True

    def wait(
        self, *, give_up: Callable[[], KilnError | None] = lambda: None, poll_s: float = 0.2
    ) -> None:
        """Take the lease, waiting for its holder; raise what `give_up` returns, if anything."""
        while not self.take():
            if (error := give_up()) is not None:
                raise error
            time.sleep(poll_s)

    def release(self, *, delete: bool = False) -> None:
        """Give the lease back, and delete its file if nobody is to ask for it again."""
        if self._stream is not None:
            if delete:
                self.path.unlink(missing_ok=True)
            self._stream.close()
            self._stream = None

    def _is_current(self, stream: TextIO) -> bool:
        try:
            return os.path.samestat(os.fstat(stream.fileno()), self.path.stat())
        except FileNotFoundError:
            return False

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _lock(stream: TextIO) -> bool:
    """Lock an open file; where the file system has no locks, everybody gets one."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _sign(stream: TextIO) -> None:
    """Leave our name; a disk too full for it takes nothing from the lease."""
    about = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }
    with suppress(OSError):
        stream.seek(0)
        stream.truncate()
        stream.write(json.dumps(about) + "\n")
        stream.flush()
