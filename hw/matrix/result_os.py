"""Result buffer of the output-stationary array: a circular buffer of rows, credited in advance."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .checksum import columns_differ, row_differs
from .counters import Level, increment
from .output import OutputStage, beat_layout, row_layout
from .ram import ram
from .skew import chain

__all__ = ["OsResultBuffer", "ResultColumn", "tile_layout"]


def tile_layout(rows: int, cols: int) -> data.StructLayout:
    """Return what the sequencer says of a tile when it issues the tile's last operands.

    ``valid``; ``rows`` and ``cols`` that are valid; ``last``: the job ends with it.
    """
    return data.StructLayout(
        {"valid": 1, "rows": range(rows + 1), "cols": range(cols + 1), "last": 1}
    )


class ResultColumn(wiring.Component):
    """One column's memory.

    Members
    -------
    value : In(signed(accum_bits))
        What is written.
    write : In({"en": 1, "addr": range(depth)})
        Where.
    read_en, read_addr : In
        Reading; `word` has it from the next cycle until the next reading.
    """

    def __init__(self, depth: int, accum_bits: int) -> None:
        self._depth = depth
        super().__init__(
            {
                "value": In(signed(accum_bits)),
                "write": In(data.StructLayout({"en": 1, "addr": range(depth)})),
                "read_en": In(1),
                "read_addr": In(range(depth)),
                "word": Out(signed(accum_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = ram(self.value.shape(), self._depth)
        writer, reader = memory.write_port(), memory.read_port()
        m.d.comb += [
            writer.en.eq(self.write.en),
            writer.addr.eq(self.write.addr),
            writer.data.eq(self.value),
            reader.en.eq(self.read_en),
            reader.addr.eq(self.read_addr),
            self.word.eq(reader.data),
        ]
        return m


class OsResultBuffer(wiring.Component):
    """Takes drained tiles row by row, skewed across the columns, and streams rows out.

    A tile reserves its rows when its last operands are issued, so that the array never waits for
    room: `room` says that the rows nobody has reserved suffice for a tile. Latency: a row whose
    first column is there in cycle t is offered in cycle ``t + cols + 2``. Throughput: a row per
    cycle. Back-pressure: `o` may wait for ever; there is then no `room`.

    Parameters
    ----------
    rows, cols, depth, accum_bits : int
        Array size, rows of the buffer, accumulator width.
    flight : int
        Cycles from reserving a tile to its first row in column 0.
    checksum : str
        As in `MatrixConfig`.

    Members
    -------
    room : Out(1)
        A tile can be reserved; two cycles behind the last reservation and the last row read.
    tile : In(tile_layout(rows, cols))
        Reserves a tile; at least ``2 * tile.rows`` cycles before the next.
    drain : In(cols * accum_bits)
        Each column's chain of results.
    o : Out(stream.Signature(beat_layout(cols, accum_bits)))
        Rows of results.
    sum_drain, row_differs : In, Out
        With a checksum: what a row's results must add up to, beside column 0; a beat does not,
        `hw.matrix.checksum.row_latency` cycles after it is first offered.
    column_sums, columns_differ : In, Out
        With ``"full"``: what each column's results must add up to; which columns do not, two
        cycles after the tile's last row of that column.
    """

    def __init__(
        self,
        *,
        rows: int,
        cols: int,
        depth: int,
        accum_bits: int,
        flight: int,
        checksum: str = "none",
    ) -> None:
        self._rows, self._cols, self._depth = rows, cols, depth
        self._bits, self._flight, self._checksum = accum_bits, flight, checksum
        self._tile = tile_layout(rows, cols)
        ports: dict[str, Any] = {
            "room": Out(1),
            "tile": In(self._tile),
            "drain": In(unsigned(cols * accum_bits)),
            "o": Out(stream.Signature(beat_layout(cols, accum_bits))),
        }
        if checksum != "none":
            ports |= {"sum_drain": In(signed(accum_bits)), "row_differs": Out(1)}
        if checksum == "full":
            ports |= {"column_sums": In(unsigned(cols * accum_bits)), "columns_differ": Out(cols)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.meta = meta = ram(row_layout(self._cols), self._depth)
        checked = self._checksum != "none"
        m.submodules.stage = output = OutputStage(self._cols, self._bits, checked=checked)
        write = Signal(data.StructLayout({"en": 1, "addr": range(self._depth)}))
        read_addr = Signal(range(self._depth))
        noted = meta.write_port()
        m.d.comb += [noted.en.eq(write.en), noted.addr.eq(write.addr)]
        final = Signal(name="last_of_tile")
        self._writer(m, write, noted.data, final)
        writes = chain(m, write, self._cols, "write")
        columns = self._columns(m, platform, writes, output.read, read_addr)
        free, rows = Signal(range(self._depth + 1), init=self._depth), Level("rows", self._depth)
        reserved = Mux(self.tile.valid, self.tile.rows, 0)
        m.d.sync += [free.eq(free + output.read - reserved), self.room.eq(free >= self._rows)]
        rows.elaborate_into(m, writes[-1].en, output.read)
        row = meta.read_port()
        with m.If(output.read):
            m.d.sync += read_addr.eq(increment(read_addr, self._depth))
        m.d.comb += [
            row.en.eq(output.read),
            row.addr.eq(read_addr),
            output.available.eq(rows.some),
            output.row.eq(row.data),
        ]
        m.d.comb += [output.words[c].eq(column.word) for c, column in enumerate(columns)]
        wiring.connect(m, output.o, wiring.flipped(self.o))
        if checked:
            self._check(m, platform, write, output, read_addr)
        if self._checksum == "full":
            finals = chain(m, final, self._cols, "last_of_tile")
            found = columns_differ(m, self.drain, self.column_sums, [w.en for w in writes], finals)
            m.d.comb += self.columns_differ.eq(found)
        return m

    def _check(
        self, m: Module, platform: Any, write: Any, output: OutputStage, read_addr: Signal
    ) -> None:
        """Keep each row's sum beside its results, and compare it with them on their way out."""
        column = ResultColumn(self._depth, self._bits)
        column = shared(m, platform, "result_column", column, instance="column_sum")
        m.d.comb += [
            column.write.eq(write),
            column.value.eq(self.sum_drain),
            column.read_en.eq(output.read),
            column.read_addr.eq(read_addr),
            output.sum_word.eq(column.word),
            self.row_differs.eq(row_differs(m, output.o, output.sum)),
        ]

    def _writer(self, m: Module, write: Any, row: Any, final: Signal) -> None:
        """Write a tile's rows every second cycle, the first when the tile has arrived."""
        tile = chain(m, self.tile, self._flight + 1, "tile")[-1]
        left = Signal(range(self._rows + 1))
        now = Signal()
        job = Signal(self._tile, reset_less=True)
        m.d.comb += [
            write.en.eq(tile.valid | (now & (left != 0))),
            row.cols.eq(Mux(tile.valid, tile.cols, job.cols)),
            row.last.eq(Mux(tile.valid, tile.last & (tile.rows == 1), job.last & (left == 1))),
        ]
        if self._checksum == "full":
            m.d.comb += final.eq(Mux(tile.valid, tile.rows == 1, write.en & (left == 1)))
        with m.If(tile.valid):
            m.d.sync += [job.eq(tile), left.eq(tile.rows - 1), now.eq(0)]
        with m.Else():
            m.d.sync += [now.eq(~now), left.eq(left - write.en)]
        with m.If(write.en):
            m.d.sync += write.addr.eq(increment(write.addr, self._depth))

    def _columns(
        self, m: Module, platform: Any, writes: list[Any], read: Value, read_addr: Signal
    ) -> list[Any]:
        columns = []
        for c, write in enumerate(writes):
            column = ResultColumn(self._depth, self._bits)
            column = shared(m, platform, "result_column", column, instance=f"column_{c}")
            m.d.comb += [
                column.write.eq(write),
                column.value.eq(self.drain.word_select(c, self._bits)),
                column.read_en.eq(read),
                column.read_addr.eq(read_addr),
            ]
            columns.append(column)
        return columns
