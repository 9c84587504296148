"""Cycle-exact model of the engine's control: what moves in each cycle, without any data."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .closed_form import START

if TYPE_CHECKING:
    from .config import MatrixConfig
    from .plan import MatrixJob

__all__ = ["COMPUTE", "FILL", "MEMORY", "STALL", "OsTiming", "Tile", "WsTiming", "create_timing"]

COMPUTE, FILL, MEMORY, STALL = range(4)


class Tile(NamedTuple):
    """A tile of the walk: its steps, and how it uses buffers and results."""

    steps: int
    a_fresh: bool
    a_free: bool
    b_fresh: bool
    b_free: bool
    weights: int
    first: bool  # of its group; output stationary: always
    last: bool
    rows: int
    cols: int
    gap: int


def _tiles(config: MatrixConfig, job: MatrixJob) -> Iterator[Tile]:
    """Return the tiles of a job in the order of the sequencer's walk."""
    os, again = config.dataflow == "os", not job.resident
    edge_cols = (job.n - 1) % config.cols + 1
    edge = ((job.m if os else job.elements) - 1) % config.rows + 1
    for block in range(job.blocks):
        last_block = block == job.blocks - 1
        size = job.last_block if last_block else job.block
        gap = job.gap_last if last_block else job.gap
        middle = size if os else job.k_tiles
        for q in range(job.col_tiles):
            fresh, free = q == 0 or again, q == job.col_tiles - 1 or again
            cols = edge_cols if q == job.col_tiles - 1 else config.cols
            for at in range(middle):
                ends = at == middle - 1
                if os:
                    rows = edge if ends and last_block else config.rows
                    yield Tile(
                        job.elements, fresh, free, at == 0, ends, 0, True, True, rows, cols, gap
                    )
                else:
                    weights = edge if ends else config.rows
                    yield Tile(
                        size, fresh, free, True, True, weights, at == 0, ends, size, cols, gap
                    )  # fmt: skip


class _Buffer:
    """Operand buffer: words held, and words not read yet."""

    __slots__ = ("depth", "fresh", "left", "level")

    def __init__(self, depth: int, words: int) -> None:
        self.depth, self.left, self.level, self.fresh = depth, words, 0, 0

    @property
    def ready(self) -> bool:
        """Whether it takes a word that is left."""
        return self.left > 0 and self.level < self.depth

    def load(self) -> None:
        self.left -= 1
        self.level += 1
        self.fresh += 1


class _Timing:
    """What both dataflows share: operand buffers and output stage.

    Call `advance` once per cycle, after reading `a`, `b` and `offers`.
    """

    def __init__(self, config: MatrixConfig, job: MatrixJob) -> None:
        self.config, self.job = config, job
        self.a = _Buffer(config.a_depth, job.a_words)
        self.b = _Buffer(config.b_depth, job.b_words)
        self.cycle = 0
        self.beats_left = job.out_rows
        self.offers = False  # the output register holds a row
        self._held = False
        self._tiles = _tiles(config, job)
        self._tile: Tile | None = next(self._tiles)
        self._step = 0
        self._apart = 0

    @property
    def done(self) -> bool:
        return not self.beats_left

    def beat_columns(self) -> Iterator[int]:
        """Return the valid columns of each beat, in order."""
        tiles = (tile for tile in _tiles(self.config, self.job) if tile.last)
        return (tile.cols for tile in tiles for _ in range(tile.rows))

    def advance(self, a: bool, b: bool, o: bool) -> int:
        """End the cycle in which the peers were willing or not; return what it was spent on."""
        load_a, load_b = a and self.a.ready, b and self.b.ready
        leaves = self.offers and o
        moves = self._held and (leaves or not self.offers)
        reads = (moves or not self._held) and self._available()
        stalled = self.offers and not o
        cause = self._issue() if self._tile else (STALL if stalled else FILL)
        if moves:
            self._moved()
        if reads:
            self._read()
        self.offers = moves or (self.offers and not leaves)
        self._held = reads or (self._held and not moves)
        if load_a:
            self.a.load()
        if load_b:
            self.b.load()
        self.beats_left -= leaves
        self.cycle += 1
        return cause

    def _available(self) -> bool:
        raise NotImplementedError

    def _read(self) -> None:
        raise NotImplementedError

    def _moved(self) -> None:
        """The row last read has left the memories."""

    def _issue(self) -> int:
        raise NotImplementedError


class OsTiming(_Timing):
    """Control of the output-stationary engine."""

    def __init__(self, config: MatrixConfig, job: MatrixJob) -> None:
        super().__init__(config, job)
        self._free = config.result_rows
        self._room = True  # a cycle behind
        self._ready: deque[int] = deque()  # first cycle in which each row can be read
        self._flight = config.cols + config.stages + 3

    def _available(self) -> bool:
        return bool(self._ready) and self._ready[0] <= self.cycle

    def _read(self) -> None:
        self._ready.popleft()
        self._free += 1

    def _issue(self) -> int:
        tile, a, b, cycle = self._tile, self.a, self.b, self.cycle
        room, self._room = self._room, self._free >= self.config.rows
        assert tile is not None
        if cycle < START:
            return FILL
        if (tile.a_fresh and not a.fresh) or (tile.b_fresh and not b.fresh):
            return MEMORY
        if self._step == tile.steps - 1:
            if not room:
                return STALL
            if cycle < self._apart:
                return FILL
            self._end(tile)
        else:
            self._step += 1
        a.fresh -= tile.a_fresh
        a.level -= tile.a_free
        b.fresh -= tile.b_fresh
        b.level -= tile.b_free
        return COMPUTE

    def _end(self, tile: Tile) -> None:
        first = self.cycle + self._flight
        self._free -= tile.rows
        self._ready.extend(range(first, first + 2 * tile.rows, 2))
        self._apart = self.cycle + tile.gap
        self._tile, self._step = next(self._tiles, None), 0


class WsTiming(_Timing):
    """Control of the weight-stationary engine."""

    def __init__(self, config: MatrixConfig, job: MatrixJob) -> None:
        super().__init__(config, job)
        self._loads = _tiles(config, job)
        self._load: Tile | None = next(self._loads)
        self._weights = self._load.weights  # still to load
        self._full = False
        self._halves = 2
        self._groups: deque[list[int]] = deque()  # rows left, and whether they come one by one
        self._complete: deque[int] = deque()  # first cycles of rows or groups that are complete
        self._flight = config.rows + config.cols + config.stages + 4
        self._ended = False  # the row last read was its group's last

    def _available(self) -> bool:
        return bool(self._complete) and self._complete[0] <= self.cycle

    def _read(self) -> None:
        group = self._groups[0]
        group[0] -= 1
        self._ended = not group[0]
        if self._ended:
            self._groups.popleft()
        if self._ended or group[1]:
            self._complete.popleft()

    def _moved(self) -> None:
        self._halves += self._ended

    def _issue(self) -> int:
        cause = self._wait() if self.cycle >= START else FILL
        swap = cause == COMPUTE and not self._step
        if self.cycle >= START:
            self._load_weights(swap)
        if cause == COMPUTE:
            self._go()
        return cause

    def _wait(self) -> int:
        """Return what the next word of A waits for; `COMPUTE` if for nothing."""
        tile = self._tile
        assert tile is not None
        if tile.a_fresh and not self.a.fresh:
            return MEMORY
        if self._step:
            return COMPUTE
        if not self._full:
            return FILL if self.b.fresh else MEMORY
        if tile.first and not self._halves:
            return STALL
        return COMPUTE if self.cycle >= self._apart else FILL

    def _load_weights(self, swap: bool) -> None:
        ready = self._load is not None and self.b.fresh and (swap or not self._full)
        self._full = self._full and not swap
        if not ready:
            return
        self.b.fresh -= 1
        self.b.level -= 1
        self._weights -= 1
        if not self._weights:
            self._full = True
            self._load = next(self._loads, None)
            self._weights = self._load.weights if self._load else 0

    def _go(self) -> None:
        tile, by_row = self._tile, self.job.k_tiles == 1
        assert tile is not None
        if tile.first and not self._step:
            self._halves -= 1
            self._groups.append([tile.rows, by_row])
        self.a.fresh -= tile.a_fresh
        self.a.level -= tile.a_free
        self._step += 1
        ends = self._step == tile.steps
        if tile.last and (by_row or ends):
            self._complete.append(self.cycle + self._flight)
        if ends:
            self._apart = self.cycle + tile.gap
            self._tile, self._step = next(self._tiles, None), 0


def create_timing(config: MatrixConfig, job: MatrixJob) -> OsTiming | WsTiming:
    """Return the model of an idle engine that accepts the job's command in cycle 0."""
    return OsTiming(config, job) if config.dataflow == "os" else WsTiming(config, job)
