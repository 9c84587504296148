"""Tools as child processes: time limits, kept logs, progress, and no orphan after Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

from hw.contracts import remove_abandoned

from .tools import ToolError

__all__ = ["Pool", "ToolRun", "kill_tools", "run_tool", "stopping"]

ParamsT = ParamSpec("ParamsT")
ResultT = TypeVar("ResultT")

_ROOT = Path(__file__).resolve().parent.parent
_running: set[subprocess.Popen[str]] = set()
_lock = threading.Lock()
_stopping = threading.Event()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """A finished tool: everything it printed, and its wall-clock seconds."""

    log: str
    seconds: float


def run_tool(
    name: str,
    command: Sequence[str],
    *,
    folder: Path,
    timeout_s: float,
    progress: Callable[[str], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> ToolRun:
    """Run one tool to its end in a process group of its own.

    Parameters
    ----------
    name : str
        For messages.
    command : sequence of str
        Program and arguments.
    folder : Path
        Working folder.
    timeout_s : float
        Wall-clock limit, after which the tool and its children are killed.
    progress : callable or None
        Called with each line that the tool prints.
    environment : mapping or None
        Added to the parent's environment.

    Raises
    ------
    ToolError
        It failed (the message ends with the log's last lines), ran out of time, or was cancelled.
    """
    started = time.monotonic()
    process = _start(name, command, folder, environment or {})
    timer = threading.Timer(timeout_s, _kill, (process,))
    timer.start()
    lines: list[str] = []
    try:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.append(line)
                if progress is not None:
                    progress(line.rstrip())
        process.wait()  # the timer still runs: a tool may close its output and go on
    finally:
        timer.cancel()
        _kill(process)
        process.wait()
        with _lock:
            _running.discard(process)
    seconds = time.monotonic() - started
    _check(name, process.returncode, lines, seconds, timeout_s)
    return ToolRun(log="".join(lines), seconds=seconds)


def _start(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    # The child may be a module of this project, which need not be installed.
    paths = (str(_ROOT), os.environ.get("PYTHONPATH", ""))
    search = os.pathsep.join(path for path in paths if path)
    with _lock:
        if _stopping.is_set():
            raise ToolError(f"{name} was not started: the run is being stopped; start it again")
        try:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                # What a killed tool leaves behind goes with its folder.
                env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": search, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # its children die with it, and Ctrl-C reaches us first
            )
        except OSError as error:
            raise ToolError(
                f"{name} does not start ({error.strerror}); `dse doctor` says how to mend it"
            ) from error
        _running.add(process)
    return process


def _check(name: str, code: int, lines: list[str], seconds: float, timeout_s: float) -> None:
    if code == 0:
        return
    if _stopping.is_set():
        raise ToolError(f"{name} was stopped; what was measured before is kept, start it again")
    if seconds >= timeout_s:
        raise ToolError(
            f"{name} was stopped after its limit of {timeout_s:g} s; "
            "raise the time limit or choose a smaller design"
        )
    tail = "".join(lines[-12:]).strip() or "it printed nothing"
    raise ToolError(f"{name} failed with code {code}; the end of its log:\n{tail}")


def _kill(process: subprocess.Popen[str]) -> None:
    """End a tool and whatever it started, unless it has ended (its number may be another's now)."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def stopping() -> ToolError | None:
    """Return why to give up waiting, if this process is being stopped."""
    if _stopping.is_set():
        return ToolError("the run is being stopped; start it again")
    return None


def kill_tools() -> None:
    """End every tool that this process started through `run_tool`."""
    with _lock:
        for process in _running:
            _kill(process)


class Pool:
    """Runs measurements side by side; each spends its time in child processes.

    Tools that an earlier, killed process left running are ended, and their folders deleted.

    Use it as a context manager. If the block ends by an exception (Ctrl-C included), measurements
    not begun are cancelled, running tools are killed, and the exception goes on.

    Parameters
    ----------
    workers : int
        How many at a time.
    """

    def __init__(self, workers: int = 2) -> None:
        remove_abandoned()
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="kiln-tool")

    def submit(
        self, measure: Callable[ParamsT, ResultT], *args: ParamsT.args, **kwargs: ParamsT.kwargs
    ) -> Future[ResultT]:
        """Start `measure` as soon as a worker is free and return its future."""
        return self._threads.submit(measure, *args, **kwargs)

    def stop(self) -> None:
        """Cancel what has not begun and kill what runs; returns when all is quiet."""
        _stopping.set()
        try:
            kill_tools()
            self._threads.shutdown(cancel_futures=True)
        finally:
            _stopping.clear()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._threads.shutdown()
        else:
            self.stop()
