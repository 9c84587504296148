"""Killing a command at chosen moments and starting it again, and what must be there throughout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Killed", "Moment", "Stored", "Victim", "kill_and_resume", "mark"]

Stored = dict[str, tuple[int, int]]
"""Kept results by name, each with what a rewrite would change."""
Moment = tuple[int, float]
"""How many more results may be stored before a kill, and how many seconds may pass then."""

_START = "import sys; sys.argv[0] = 'dse'; from dse.cli import main; main()"
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Killed:
    """What killing and resuming showed; all but the first two are 0 where nothing is lost.

    Members
    -------
    kills : int
        How often the command was killed while it ran.
    kept : list of int
        How many results were stored at each kill.
    lost : int
        Stored results or records that were gone, or differed, later on.
    repeated : int
        Stored results that were made again.
    broken : list of str
        Files that do not parse.
    """

    kills: int
    kept: list[int] = field(default_factory=list)
    lost: int
    repeated: int
    broken: list[str] = field(default_factory=list)


def mark(path: Path) -> tuple[int, int]:
    """Return inode and time of a file: a rewrite changes them."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def kill_and_resume(
    start: Callable[[], Callable[[], int | None]],
    kill: Callable[[], None],
    moments: Sequence[Moment],
    stored: Callable[[], Stored],
    *,
    records: Callable[[], Mapping[str, str]] = dict,
) -> Killed:
    """Run a command with a kill after each of `moments`, then to its end.

    Parameters
    ----------
    start : callable
        Starts the command and returns what tells its exit code, None while it runs.
    kill : callable
        Kills what was started last, and waits until it is dead.
    moments : sequence of (int, float)
        Before each kill, how many results it may store, and how many seconds it may go on then.
    stored : callable
        Returns what is stored at the moment.
    records : callable
        Returns what was noted for good by then, and must read the same ever after.
    """
    kills = lost = repeated = 0
    kept: list[int] = []
    known: Stored = {}
    told: Mapping[str, str] = {}
    for moment in [*moments, None]:
        poll = start()
        _wait(poll, moment, stored, len(known))
        if (code := poll()) is None:
            kill()
            kills += 1
            kept.append(len(stored()))
        elif code != 0:
            raise SystemExit(f"the command ended with code {code}")
        now, notes = stored(), records()
        lost += len(known.keys() - now.keys())
        lost += sum(notes.get(name) != record for name, record in told.items())
        repeated += sum(now[name] != known[name] for name in known if name in now)
        known, told = now, notes
    return Killed(kills=kills, kept=kept, lost=lost, repeated=repeated)


def _wait(
    poll: Callable[[], int | None], moment: Moment | None, stored: Callable[[], Stored], had: int
) -> None:
    """Return when the command has ended, or its moment to die has come."""
    since = time.monotonic()
    while poll() is None:
        time.sleep(0.005)
        if moment is None:
            continue
        if len(stored()) < had + moment[0]:
            since = time.monotonic()
        elif time.monotonic() - since >= moment[1]:
            return


class Victim:
    """A `dse` command in a process group of its own.

    Parameters
    ----------
    folder : Path
        Made if needed; what the command prints goes to ``output.txt`` there.
    arguments : sequence of str
        Of ``dse``.
    environment : dict of str to str
        Added to that of this process.
    """

    def __init__(
        self, folder: Path, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self._command = [sys.executable, "-c", _START, *arguments]
        self._environment = {**os.environ, **environment, "PYTHONPATH": str(_ROOT)}
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> Callable[[], int | None]:
        with (self.folder / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._process.poll

    def kill(self) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def left_alone(self) -> float:
        """Run the command to its end and return how many seconds that took."""
        began = time.monotonic()
        poll = self.start()
        while (code := poll()) is None:
            time.sleep(0.05)
        if code:
            raise SystemExit((self.folder / "output.txt").read_text())
        return time.monotonic() - began
