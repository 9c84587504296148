"""What a search says while it runs: one line per finished design, and how much is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from .console import stderr

if TYPE_CHECKING:
    from types import TracebackType

    from dse.explore.search import SearchProgress
    from dse.results import TrialResult

__all__ = ["SearchDisplay", "design_line", "time_left"]


class SearchDisplay(AbstractContextManager["SearchDisplay"]):
    """Progress on stderr: a bar on a terminal, plain lines elsewhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._clock = clock
        self._start = clock()
        self._first: int | None = None  # measurements that an interrupted run had made
        self._standing: SearchProgress | None = None
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[left]}"),
            console=stderr(),
            transient=True,
        )
        self._task = self._bar.add_task("looking at the whole space", total=None, left="")

    def __enter__(self) -> SearchDisplay:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, standing: SearchProgress) -> None:
        """Show where the search stands; the search's ``progress`` callback."""
        if self._first is None:
            self._first = standing.done
        self._standing = standing
        self._bar.update(
            self._task,
            description=f"measured {standing.done} of {standing.budget}",
            total=standing.budget,
            completed=standing.done,
            left=f"{standing.running} under way{self._left()}",
        )

    def show(self, result: TrialResult) -> None:
        """Print one finished design."""
        line = design_line(result)
        standing = self._standing
        if standing is not None and not self._bar.console.is_terminal:
            line += f"  ({standing.done} of {standing.budget}{self._left()})"
        self._bar.console.print(line, markup=False, soft_wrap=True)

    def _left(self) -> str:
        standing = self._standing
        if standing is None or self._first is None:
            return ""
        new = standing.done - self._first
        words = time_left(self._clock() - self._start, new, standing.budget - standing.done)
        return f", {words}" if words else ""


def time_left(elapsed_s: float, done: int, left: int) -> str:
    """Return an estimate of what is left, from the mean so far; empty while nothing is known."""
    if not done or not left:
        return ""
    seconds = elapsed_s / done * left
    return f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"


def design_line(result: TrialResult) -> str:
    """Return a finished design as one line; every figure says how it came about."""
    from dse.report.columns import find_column, parse_column
    from dse.report.text import number

    wanted = dict.fromkeys([*result.objectives, "clock_mhz"])
    names = [name for column in wanted if (name := find_column(result.metrics, column))]
    parts = []
    for name in names:
        column, figure = parse_column(name), result.metrics[name]
        unit = column.unit or figure.unit
        parts.append(f"{column.label} {number(figure.value)} {unit} {column.fidelity}")
    state = "" if result.state.value == "measured" else f"  {result.state.value}: {result.reason}"
    return f"{result.label}  {_title(result.knobs)}  {' | '.join(parts)}{state}"


def _title(knobs: Any) -> str:
    size = f"{knobs['rows']}×{knobs['cols']}" if {"rows", "cols"} <= set(knobs) else ""
    words = [str(value) for value in knobs.values() if isinstance(value, str)]
    return " ".join([size, *words]).strip()
