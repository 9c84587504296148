"""Cycles of a job: exact for any peers, and in closed form where nothing stalls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hw.contracts import ConfigError, CycleCount

from .closed_form import flight_cycles, issue_cycles, stall_free_cycles, stream_words
from .plan import plan_arrays
from .timing import OsTiming, WsTiming, create_timing

if TYPE_CHECKING:
    from .config import MatrixConfig
    from .plan import MatrixJob

__all__ = ["MemoryPeer", "Stalls", "count_cycles", "stall_free_cycles", "stream_words"]

ALWAYS = (True,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalls:
    """When the peers of the streams are willing: periodic patterns, from the command's cycle on.

    Parameters
    ----------
    a, b, o : tuple of bool
        Whether words of A or B are offered, and results taken; repeated for ever.
    """

    a: tuple[bool, ...] = ALWAYS
    b: tuple[bool, ...] = ALWAYS
    o: tuple[bool, ...] = ALWAYS

    def __post_init__(self) -> None:
        for name in ("a", "b", "o"):
            if not any(getattr(self, name)):
                raise ConfigError(f"{name}={getattr(self, name)} is never willing; add a True")

    @property
    def never(self) -> bool:
        """Whether all peers are always willing."""
        return all(all(pattern) for pattern in (self.a, self.b, self.o))


class MemoryPeer(Protocol):
    """A memory behind the three streams, stepped cycle by cycle from the command's cycle on."""

    def offers(self, client: int) -> bool:
        """Return whether a word of A (0) or B (1) is offered in this cycle."""
        ...

    @property
    def accepts(self) -> bool:
        """Whether a row of results is taken in this cycle."""
        ...

    def advance(self, taken: Sequence[bool], row_bytes: int = 0) -> None:
        """End the cycle: which words were transferred, and how many bytes of results."""
        ...


def count_cycles(
    config: MatrixConfig,
    job: MatrixJob,
    memory: MemoryPeer | None = None,
    stalls: Stalls | None = None,
) -> CycleCount:
    """Return the cycles of an isolated job; see `MatrixConfig.cycles`.

    With `memory`, a peer in its initial state, which is stepped until the job is done, or with
    `stalls`, or both (a stream then moves when both are willing), every cycle is modelled, at
    some 400,000 cycles per second; otherwise the closed form answers. Causes: `compute` counts
    steps of the array, `memory` waits for operands, `stall` waits for the consumer of results,
    `fill` all else.
    """
    if memory is None and (stalls is None or stalls.never):
        return _closed(config, job)
    stalls = stalls or Stalls()
    causes = [0, 0, 0, 0]
    timing = create_timing(config, job)
    a, b, o = stalls.a, stalls.b, stalls.o
    columns = timing.beat_columns()
    while not timing.done:
        t = timing.cycle
        willing = a[t % len(a)], b[t % len(b)], o[t % len(o)]
        if memory is not None:
            willing = _with_memory(timing, memory, willing, columns)
        causes[timing.advance(*willing)] += 1
    compute, fill, waiting, stall = causes
    return CycleCount(compute=compute, fill=fill, memory=waiting, stall=stall)


def _with_memory(
    timing: OsTiming | WsTiming,
    memory: MemoryPeer,
    willing: tuple[bool, bool, bool],
    columns: Iterator[int],
) -> tuple[bool, bool, bool]:
    """Return what is willing once the memory is asked, and step the memory."""
    a, b = (willing[at] and memory.offers(at) for at in (0, 1))
    o = willing[2] and memory.accepts
    taken = a and timing.a.ready, b and timing.b.ready
    lane_bytes = -(-timing.config.result_bits // 8)
    memory.advance(taken, next(columns) * lane_bytes if o and timing.offers else 0)
    return a, b, o


def _closed(config: MatrixConfig, job: MatrixJob) -> CycleCount:
    m, k, n, rows = (np.asarray(value) for value in (job.m, job.elements, job.n, config.rows))
    plan = plan_arrays(m, k, n, **config.plan_knobs)
    ws = np.asarray(config.dataflow == "ws")
    words, last, tail = issue_cycles(m, k, plan, rows=rows, ws=ws)
    total = last + tail + flight_cycles(rows, config.cols, config.stages, ws) + 1
    return CycleCount(compute=int(words), fill=int(total - words))
