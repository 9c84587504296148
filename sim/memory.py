"""The shared memory behind the streams of an engine, defined once for every simulator.

`sim.cosim` runs this definition in Verilog beside the exported design
(`sim/cosim/bench/kiln_tb.v`), `sim.system` approximates it in closed form, and `MemoryState` here
is the reference both are tested against. All arithmetic is on integers, so that the three can
agree to the cycle.

Three clients share `bytes_per_cycle`: reads of A, reads of B and writes of results. Cycle 0 is the
cycle of the command handshake; the bucket is then empty of debt and nothing has been fetched.

In cycle ``t`` a reader offers a word if one granted in cycle ``t - latency`` or earlier has not
been taken yet; the writer accepts a result row if fewer than `write_queue` rows wait in it. At the
end of cycle ``t``, in this order:

1. what was transferred in cycle ``t`` leaves the readers' queues and enters the writer's;
2. unless the memory refreshes (the last `refresh_cycles` of every `refresh_interval` cycles), the
   bucket becomes ``min(bucket, 0) + bytes_per_cycle``: idle bandwidth is lost, debt is paid;
3. the clients are asked once each, round robin from the one after the last that was granted, and
   each that wants a transfer gets one word or row as long as the bucket is above zero. A word
   larger than what is left overdraws the bucket, so that following cycles pay for it.

A reader wants a transfer while words of the job remain and fewer than `read_queue` of its words
are granted and not yet taken; the writer wants one while a row waits. A read costs the bytes of a
whole stream word (padding of ragged edges is stored and fetched); a write costs the valid bytes of
the row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from hw.contracts import ConfigError

__all__ = ["CLIENTS", "MemoryState", "MemoryTiming"]

CLIENTS = ("a", "b", "o")
"""The clients of the memory in the order of their arbitration."""

_RATE_DENOMINATOR = 1024  # keeps the bucket's integers short; the rate is off by less than 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTiming:
    """What the memory gives to the engine, in cycles of the engine's clock.

    Parameters
    ----------
    bytes_per_cycle : Fraction
        Bandwidth while not refreshing, shared by reads and writes.
    latency : int
        Cycles from the grant of a read to the first cycle in which its word is offered.
    refresh_interval, refresh_cycles : int
        Of every `refresh_interval` cycles the last `refresh_cycles` move nothing; 0 and 0 for a
        memory without refresh.
    read_queue : int
        Words each reader may have requested and not delivered; 0 takes ``latency + 16``, which
        sustains a word per cycle.
    write_queue : int
        Result rows that may wait to be written.
    """

    bytes_per_cycle: Fraction
    latency: int = 1
    refresh_interval: int = 0
    refresh_cycles: int = 0
    read_queue: int = 0
    write_queue: int = 16

    def __post_init__(self) -> None:
        rate = Fraction(self.bytes_per_cycle).limit_denominator(_RATE_DENOMINATOR)
        object.__setattr__(self, "bytes_per_cycle", rate)
        if rate <= 0:
            raise ConfigError(f"bytes_per_cycle={rate} moves nothing; use more than 1/1024")
        for name, low in (("latency", 1), ("read_queue", 0), ("write_queue", 1)):
            value = getattr(self, name)
            if not low <= value <= 4096:
                raise ConfigError(f"{name}={value} is outside {low} to 4096; choose one within")
        if not 0 <= self.refresh_cycles <= max(self.refresh_interval - 1, 0):
            raise ConfigError(
                f"refresh_cycles={self.refresh_cycles} leaves nothing of "
                f"refresh_interval={self.refresh_interval}; use fewer"
            )

    @classmethod
    def at_clock(
        cls,
        *,
        engine_mhz: float,
        memory_mhz: float,
        bytes_per_cycle: float,
        latency_ns: float = 0.0,
        refresh_fraction: float = 0.0,
        refresh_interval_us: float = 7.8,
    ) -> MemoryTiming:
        """Return the timing of a memory seen by an engine in another clock domain.

        `bytes_per_cycle` counts in cycles of the memory's own clock, as a target states it.
        """
        if not 0 <= refresh_fraction < 1:
            raise ConfigError(f"refresh_fraction={refresh_fraction} is outside 0 to 1; use 0.05")
        if engine_mhz <= 0 or memory_mhz <= 0:
            raise ConfigError(f"{engine_mhz=} and {memory_mhz=} must both be above 0")
        interval = max(2, round(refresh_interval_us * engine_mhz)) if refresh_fraction else 0
        return cls(
            bytes_per_cycle=Fraction(bytes_per_cycle * memory_mhz / engine_mhz),
            latency=max(1, round(latency_ns * engine_mhz / 1000)),
            refresh_interval=interval,
            refresh_cycles=round(refresh_fraction * interval),
        )

    @property
    def read_depth(self) -> int:
        """Words each reader may have in flight, with the default filled in."""
        return self.read_queue or self.latency + 16

    @property
    def sustained_bytes_per_cycle(self) -> Fraction:
        """Bandwidth less refresh: what a long transfer gets."""
        if not self.refresh_interval:
            return self.bytes_per_cycle
        busy = Fraction(self.refresh_cycles, self.refresh_interval)
        return self.bytes_per_cycle * (1 - busy)

    def refreshing(self, cycle: int) -> bool:
        """Return whether the memory moves nothing in `cycle`."""
        if not self.refresh_interval:
            return False
        return cycle % self.refresh_interval >= self.refresh_interval - self.refresh_cycles


@dataclass(slots=True)
class _Reader:
    word_bytes: int
    remaining: int
    outstanding: int = 0  # granted and not yet taken
    arrivals: deque[int] = field(default_factory=deque)  # first cycle each granted word is offered


class MemoryState:
    """Cycle-by-cycle reference of the shared memory: ask what is offered, then `advance`.

    Parameters
    ----------
    timing : MemoryTiming
        The memory.
    word_bytes : sequence of two int
        Bytes of one word of A and of B.
    words : sequence of two int
        Words of A and of B that will be read.
    """

    def __init__(
        self, timing: MemoryTiming, word_bytes: Sequence[int], words: Sequence[int]
    ) -> None:
        self.timing = timing
        self.cycle = 0
        self._readers = [
            _Reader(size, count) for size, count in zip(word_bytes, words, strict=True)
        ]
        self._rows: deque[int] = deque()
        self._bucket = 0
        self._turn = 0

    def offers(self, client: int) -> bool:
        """Return whether reader `client` (0 is A, 1 is B) offers a word in this cycle."""
        arrivals = self._readers[client].arrivals
        return bool(arrivals) and arrivals[0] <= self.cycle

    @property
    def accepts(self) -> bool:
        """Whether the writer accepts a result row in this cycle."""
        return len(self._rows) < self.timing.write_queue

    @property
    def idle(self) -> bool:
        """Whether every word was taken and every row written."""
        return not self._rows and not any(r.remaining or r.outstanding for r in self._readers)

    def advance(self, taken: Sequence[bool], row_bytes: int = 0) -> None:
        """End the cycle: `taken` says which readers' words were taken, `row_bytes` a row's size."""
        for reader, gone in zip(self._readers, taken, strict=True):
            if gone:
                reader.arrivals.popleft()
                reader.outstanding -= 1
        if row_bytes:
            self._rows.append(row_bytes)
        if not self.timing.refreshing(self.cycle):
            self._bucket = min(self._bucket, 0) + self.timing.bytes_per_cycle.numerator
        first = self._turn
        for step in range(len(CLIENTS)):
            self._grant((first + step) % len(CLIENTS))
        self.cycle += 1

    def _grant(self, client: int) -> None:
        if self._bucket <= 0:
            return
        if client < len(self._readers):
            reader = self._readers[client]
            if not reader.remaining or reader.outstanding >= self.timing.read_depth:
                return
            reader.remaining -= 1
            reader.outstanding += 1
            reader.arrivals.append(self.cycle + self.timing.latency)
            cost = reader.word_bytes
        elif self._rows:
            cost = self._rows.popleft()
        else:
            return
        self._bucket -= cost * self.timing.bytes_per_cycle.denominator
        self._turn = (client + 1) % len(CLIENTS)
