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

from .phases import PhaseTerms
from .terms import JobTerms

__all__ = ["JobCycles", "MemoryView", "job_cycles", "view_memory", "view_timing"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class MemoryView:
    """A memory as each design's streams see it, in cycles of the design's clock.

    Members
    -------
    per_byte : array
        Cycles per byte while not refreshing.
    a_word, b_word : array
        Cycles per word of A and of B, as far as their bytes go.
    wait : array
        Cycles before the first step.
    late : array
        By how much that is later than with a memory that answers at once.
    slower, head : array
        Refresh: factor on long transfers, and cycles that it spares a transfer on average, since
        refreshes come at the end of their interval.
    a, b : array
        Cycles per step of a stream that needs a word in each.
    a_beside_b, b_beside_a, row_beside_a, row_beside_b : array
        Cycles that a word or row adds to such a step.
    """

    per_byte: Floats
    a_word: Floats
    b_word: Floats
    wait: Floats
    late: Floats
    slower: Floats
    head: Floats
    a: Floats
    b: Floats
    a_beside_b: Floats
    b_beside_a: Floats
    row_beside_a: Floats
    row_beside_b: Floats

    def grow(self, cycles: Floats) -> Floats:
        """Return transfer time with the refreshes that fall into it, on average."""
        grown = cycles * self.slower
        grown -= self.head
        return np.maximum(grown, cycles, out=grown)


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
    wait = np.maximum(START, latency + 1) - 1
    slower = 1 + refresh / np.maximum(1, interval - refresh)

    def step(size: Any) -> Any:
        return np.maximum(1.0, size * per_byte)

    alone_a, alone_b, both = step(a), step(b), step(a + b)
    return MemoryView(
        per_byte=per_byte,
        a_word=a * per_byte,
        b_word=b * per_byte,
        wait=wait,
        late=wait + 1 - START,
        slower=slower,
        head=0.5 * refresh,
        a=alone_a,
        b=alone_b,
        a_beside_b=both - alone_b,
        b_beside_a=both - alone_a,
        row_beside_a=step(a + row) - alone_a,
        row_beside_b=step(b + row) - alone_b,
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
    moved = t.a_words * v.a_word
    moved += t.b_words * v.b_word
    moved += t.out_bytes * v.per_byte
    port = t.port_b * v.b
    port += t.port_b_a * v.a_beside_b
    port += t.port_b_r * v.row_beside_b
    if t.loads_a:
        load_a = t.port_a * v.a
        load_a += t.port_a_b * v.b_beside_a
        load_a += t.port_a_r * v.row_beside_a
        np.maximum(port, load_a, out=port)
    np.maximum(port, moved - t.early_bytes * v.per_byte, out=port)
    memory = v.grow(port)
    memory += t.drain
    if t.queued:
        np.maximum(memory, v.grow(moved - t.queued_bytes * v.per_byte), out=memory)
    memory += v.wait
    array = t.stall_free + v.late
    if t.phases is not None:
        array += _waits(t.phases, load_a, v)
    return JobCycles(np.maximum(memory, array), memory, array)


def _waits(p: PhaseTerms, load_a: Floats, v: MemoryView) -> Floats:
    """Return the cycles in which the array waits for operands that are replayed later."""

    def over(a: Floats, b: Floats, r: Floats, cycles: Floats) -> Floats:
        load = a * v.a
        load += b * v.b_beside_a
        load += r * v.row_beside_a
        load *= v.slower
        load -= cycles
        return np.maximum(load, 0.0, out=load)

    waits = load_a * v.slower
    waits -= p.start_pass
    np.maximum(waits, 0.0, out=waits)
    if p.turns.any():
        bound = p.block_a * v.a_word
        bound += p.block_b * v.b_word
        bound += p.block_out * v.per_byte
        bound *= v.slower
        bound -= p.block_cycles
        np.maximum(bound, 0.0, out=bound)
        bound *= p.turns
        bound += over(p.end_a, p.end_b, p.end_r, p.end_pass)
        waits += p.turns * over(p.turn_a, p.turn_b, p.turn_r, p.turn_cycles)
        np.maximum(waits, bound, out=waits)
    if p.swaps.any():
        swap = p.swap_b * v.b
        swap += p.swap_r * v.row_beside_b
        swap *= v.slower
        swap -= p.swap_cycles
        np.maximum(swap, 0.0, out=swap)
        swap *= p.swaps
        waits += swap
    return waits
