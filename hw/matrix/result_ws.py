"""Result buffer of the weight-stationary array: adds partial sums up, half drains meanwhile."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .counters import Level
from .output import OutputStage, beat_layout, row_layout
from .ram import ram
from .skew import chain, lanes_of

__all__ = ["WORD", "AccumulatingColumn", "WsResultBuffer", "group_layout"]

WORD = data.StructLayout({"valid": 1, "first": 1, "tile_end": 1, "group_end": 1, "done": 1})
"""A word of A that was issued: the `first` partial sum of its row, the last word of its tile or
group, and whether rows are complete with it (its own, or all of the group)."""


def group_layout(cols: int, height: int) -> data.StructLayout:
    """Return what the sequencer says when it begins a group of tiles with a common result.

    ``valid``; ``rows_m1`` of the group; ``cols`` that are valid; ``last``: the job ends with it;
    ``by_row``: each row is complete at once, for lack of further k tiles.
    """
    return data.StructLayout(
        {"valid": 1, "rows_m1": range(height), "cols": range(cols + 1), "last": 1, "by_row": 1}
    )


def fetch_layout(height: int) -> data.StructLayout:
    """Return where a partial sum is added."""
    return data.StructLayout({"valid": 1, "first": 1, "done": 1, "half": 1, "addr": range(height)})


class AccumulatingColumn(wiring.Component):
    """One column's memories, one per half: adds a partial sum per cycle, and reads for the drain.

    Members
    -------
    fetch, fetched, write : In(fetch_layout(height))
        Where to add: two cycles before the partial sum, one before, and one after.
    value : In(signed(sum_bits))
        Partial sum.
    read_en, read_half, read_addr : In
        Reading for the drain, of a half that no fetch reads.
    word_half : In(1)
        Half that was last read.
    word : Out(signed(accum_bits))
        What was last read from it.
    """

    def __init__(self, height: int, accum_bits: int, sum_bits: int) -> None:
        self._height, self._bits = height, accum_bits
        fetch = In(fetch_layout(height))
        super().__init__(
            {
                "fetch": fetch,
                "fetched": fetch,
                "write": fetch,
                "value": In(signed(sum_bits)),
                "read_en": In(1),
                "read_half": In(1),
                "read_addr": In(range(height)),
                "word_half": In(1),
                "word": Out(signed(accum_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        old, total = (Signal(signed(self._bits), name=n, reset_less=True) for n in ("old", "total"))
        words = [self._half(m, half, total) for half in (0, 1)]
        m.d.sync += [
            old.eq(Mux(self.fetched.first, 0, Mux(self.fetched.half, words[1], words[0]))),
            total.eq(old + self.value),
        ]
        m.d.comb += self.word.eq(Mux(self.word_half, words[1], words[0]))
        return m

    def _half(self, m: Module, half: int, total: Signal) -> Value:
        memory = ram(signed(self._bits), self._height)
        m.submodules[f"half{half}"] = memory
        writer, reader = memory.write_port(), memory.read_port()
        fetches = self.fetch.valid & ~self.fetch.first & (self.fetch.half == half)
        m.d.comb += [
            writer.en.eq(self.write.valid & (self.write.half == half)),
            writer.addr.eq(self.write.addr),
            writer.data.eq(total),
            reader.en.eq(fetches | (self.read_en & (self.read_half == half))),
            reader.addr.eq(Mux(fetches, self.fetch.addr, self.read_addr)),
        ]
        return reader.data


class WsResultBuffer(wiring.Component):
    """Adds partial sums up, row by row and skewed across the columns, and streams rows out.

    Each half belongs to one group of tiles from its first word to its last row's departure. Rows
    of a single-tile group leave as they are complete, others when the group is. Latency: a row
    whose last word is issued in cycle t is offered, if it is not queued behind others, in cycle
    ``t + flight + cols + 5``. Throughput: a partial sum and a row per cycle. Back-pressure: `o`
    may wait for ever; there is then no `room`.

    Parameters
    ----------
    cols, height, accum_bits, sum_bits : int
        Array width, rows of each half, width of accumulators and of partial sums.
    flight : int
        Cycles from issuing a word to two cycles before its partial sum is in column 0.

    Members
    -------
    room : Out(1)
        A half is free.
    group : In(group_layout(cols, height))
        Takes a half; only while there is `room`.
    word : In(WORD)
        Words issued.
    sum : In(cols * sum_bits)
        Each column's partial sum.
    o : Out(stream.Signature(beat_layout(cols, accum_bits)))
        Rows of results.
    """

    def __init__(
        self, *, cols: int, height: int, accum_bits: int, sum_bits: int, flight: int
    ) -> None:
        self._cols, self._height, self._flight = cols, height, flight
        self._bits, self._sum_bits = accum_bits, sum_bits
        super().__init__(
            {
                "room": Out(1, init=1),
                "group": In(group_layout(cols, height)),
                "word": In(WORD),
                "sum": In(unsigned(cols * sum_bits)),
                "o": Out(stream.Signature(beat_layout(cols, accum_bits))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.stage = output = OutputStage(self._cols, self._bits)
        fetches = chain(m, self._fetch(m), self._cols + 3, "fetch")
        done = fetches[-1].valid & fetches[-1].done
        half, addr = Signal(), Signal(range(self._height))
        word_half = self._drain(m, output, done, half, addr)
        for c, value in enumerate(lanes_of(self.sum, self._sum_bits)):
            column = AccumulatingColumn(self._height, self._bits, self._sum_bits)
            column = shared(m, platform, "result_column", column, instance=f"column_{c}")
            m.d.comb += [
                column.fetch.eq(fetches[c]),
                column.fetched.eq(fetches[c + 1]),
                column.write.eq(fetches[c + 3]),
                column.value.eq(value),
                column.read_en.eq(output.read),
                column.read_half.eq(half),
                column.read_addr.eq(addr),
                column.word_half.eq(word_half),
                output.words[c].eq(column.word),
            ]
        wiring.connect(m, output.o, wiring.flipped(self.o))
        return m

    def _fetch(self, m: Module) -> Any:
        """Return where the word that arrives at column 0 two cycles later is added."""
        word = chain(m, self.word, self._flight + 1, "word")[-1]
        half, addr = Signal(name="fetch_half"), Signal(range(self._height), name="fetch_addr")
        fetch = Signal(fetch_layout(self._height))
        m.d.comb += [fetch.valid.eq(word.valid), fetch.first.eq(word.first)]
        m.d.comb += [fetch.done.eq(word.done), fetch.half.eq(half), fetch.addr.eq(addr)]
        with m.If(word.valid):
            m.d.sync += [addr.eq(Mux(word.tile_end, 0, addr + 1)), half.eq(half ^ word.group_end)]
        return fetch

    def _drain(self, m: Module, output: Any, done: Value, half: Signal, addr: Signal) -> Signal:
        """Read complete rows, free halves; return the half that was last read."""
        layout = group_layout(self._cols, self._height)
        groups = [Signal(layout, name=f"group{index}", reset_less=True) for index in (0, 1)]
        taking = Signal()
        for index, group in enumerate(groups):
            with m.If(self.group.valid & (taking == index)):
                m.d.sync += group.eq(self.group)
        group = data.View(layout, Mux(half, Value.cast(groups[1]), Value.cast(groups[0])))
        complete = Level("complete", 2 * self._height)
        ends, ended, word_half = Signal(), Signal(), Signal()
        row = Signal(row_layout(self._cols), reset_less=True)
        m.d.comb += [
            ends.eq(addr == group.rows_m1),
            output.available.eq(complete.some),
            output.row.eq(row),
        ]
        complete.elaborate_into(m, done, output.read & (group.by_row | ends))
        with m.If(output.read):
            m.d.sync += [addr.eq(Mux(ends, 0, addr + 1)), half.eq(half ^ ends)]
            m.d.sync += [word_half.eq(half), ended.eq(ends)]
            m.d.sync += [row.cols.eq(group.cols), row.last.eq(group.last & ends)]
        self._credit(m, taking, output.moved & ended)
        return word_half

    def _credit(self, m: Module, taking: Signal, freed: Value) -> None:
        halves = Signal(range(3), init=2)
        left = Signal(range(3))
        m.d.comb += left.eq(halves + freed - self.group.valid)
        m.d.sync += [halves.eq(left), self.room.eq(left != 0), taking.eq(taking ^ self.group.valid)]
