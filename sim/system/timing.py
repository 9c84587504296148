"""Cycles of jobs when clock and memory are known: loading, computing and writing overlapped.

The three streams share the memory (`sim.memory`). A job takes as long as the slowest of:

- the array, plus what it waits while A loads for the first time (no replay can begin before),
  while one block of A replaces another, and while one column tile of B replaces another;
- the stream that needs a new word in every cycle, which can never catch up: each refresh and
  each word of another stream that the bandwidth cannot take along delays it;
- the memory, moving every byte.

Then the last tile drains. Refresh comes on top of transfer times, as often as its interval
passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.matrix.closed_form import START
from sim.memory import MemoryTiming

from .terms import JobTerms, PhaseTerms

__all__ = ["JobCycles", "MemoryView", "job_cycles", "view_memory", "view_timing"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MemoryView:
    """A memory as each design's streams see it, in cycles of the design's clock.

    Members
    -------
    a_byte, b_byte : array
        Bytes of an A word and of a B word.
    per_byte : array
        Cycles per byte while not refreshing.
    wait : array
        Cycles from the command to the first step.
    late : array
        By how much that is later than with a memory that answers at once.
    interval, refresh, slower : array
        Cycles between refreshes, cycles of a refresh, and their effect on long transfers.
    a, b, ab, ar, br : array
        Cycles per step of a stream alone and of streams together: an A word, a B word, a result
        row.
    """

    a_bytes: Floats
    b_bytes: Floats
    per_byte: Floats
    wait: Floats
    late: Floats
    interval: Floats
    refresh: Floats
    slower: Floats
    a: Floats
    b: Floats
    ab: Floats
    ar: Floats
    br: Floats

    def grow(self, cycles: Floats) -> Floats:
        """Return transfer time with the refreshes that fall into it, on average."""
        return cycles + self.refresh * np.maximum(0.0, cycles / self.interval - 0.5)


def view_memory(
    *,
    a_bytes: ArrayLike,
    b_bytes: ArrayLike,
    row_bytes: ArrayLike,
    bytes_per_cycle: ArrayLike,
    latency: ArrayLike,
    refresh_interval: ArrayLike,
    refresh_cycles: ArrayLike,
) -> MemoryView:
    """Return the view of a memory; arguments broadcast and are in cycles of the engine's clock."""
    a, b, row, rate, latency, interval, refresh = (
        np.asarray(value, dtype=np.float64)
        for value in (
            a_bytes, b_bytes, row_bytes, bytes_per_cycle, latency, refresh_interval, refresh_cycles
        )
    )  # fmt: skip
    per_byte = 1.0 / rate
    wait = np.maximum(START, latency + 1)
    busy = np.where(interval > 0, interval - refresh, np.inf)

    def step(size: Any) -> Floats:
        return np.maximum(1.0, size * per_byte)

    return MemoryView(
        a_bytes=a,
        b_bytes=b,
        per_byte=per_byte,
        wait=wait,
        late=wait - START,
        interval=busy,
        refresh=refresh,
        slower=1 + refresh / busy,
        a=step(a),
        b=step(b),
        ab=step(a + b),
        ar=step(a + row),
        br=step(b + row),
    )


def view_timing(timing: MemoryTiming, sizes: tuple[int, int], row_bytes: int) -> MemoryView:
    """Return the view of one memory by one design."""
    return view_memory(
        a_bytes=sizes[0],
        b_bytes=sizes[1],
        row_bytes=row_bytes,
        bytes_per_cycle=float(timing.bytes_per_cycle),
        latency=timing.latency,
        refresh_interval=timing.refresh_interval,
        refresh_cycles=timing.refresh_cycles,
    )


@dataclass(frozen=True, slots=True)
class JobCycles:
    """Cycles of one job on every design: in all, and were the memory or the array alone."""

    total: Floats
    memory: Floats
    array: Floats


def job_cycles(terms: JobTerms, view: MemoryView) -> JobCycles:
    """Return the cycles of one isolated job on every design."""
    t, v = terms, view
    moved = (t.a_words * v.a_bytes + t.b_words * v.b_bytes + t.out_bytes) * v.per_byte
    port = t.port_ab * v.ab
    port += t.port_b * v.b
    port += t.port_br * v.br
    if t.streamed:
        port += t.port_a * v.a
        port += t.port_ar * v.ar
    memory = np.maximum(moved - t.early_bytes * v.per_byte, port)
    memory = v.grow(memory)
    memory += v.wait
    memory += t.drain
    written = v.grow(np.maximum(0.0, moved - t.queued_bytes * v.per_byte))
    written += v.wait
    np.maximum(memory, written, out=memory)
    array = t.stall_free + v.late
    if t.phases is not None:
        array += _waits(t.phases, v)
    return JobCycles(np.maximum(memory, array), memory, array)


def _waits(p: PhaseTerms, v: MemoryView) -> Floats:
    """Return the cycles in which the array waits for operands that are replayed later."""
    beside_b, beside_r = v.ab - v.a, v.ar - v.a

    def over(a: Any, b: Any, r: Any, cycles: Any) -> Floats:
        load = a * v.a + b * beside_b + r * beside_r
        return np.maximum(0.0, load * v.slower - cycles)

    first = over(p.start_a, p.start_b, p.start_r, p.pass_)
    first += p.turns * over(p.turn_a, p.turn_b, p.turn_r, p.turn_cycles)
    moved = p.block_a * v.a_bytes + p.block_b * v.b_bytes + p.block_out
    bound = np.maximum(0.0, moved * v.per_byte * v.slower - p.block_cycles) * p.turns
    bound += over(p.start_a, p.end_b, p.start_r, p.pass_)
    swap = (p.swap_b * v.b + p.swap_r * (v.br - v.b)) * v.slower - p.swap_cycles
    return np.maximum(first, bound) + p.swaps * np.maximum(0.0, swap)
