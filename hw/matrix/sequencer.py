"""Sequencers: walk a job's loop nest and issue operands when everything they need is there."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .counters import Counter
from .loops import DESCRIPTOR, MODAL_DESCRIPTOR, LoopNest
from .replay import ONCE, STEP
from .result_os import tile_layout
from .result_ws import WORD, group_layout

__all__ = ["OsSequencer", "WsSequencer"]


class OsSequencer(wiring.Component):
    """Issues one pair of operand words per cycle; the only place where the array can wait.

    It waits for operands that are not loaded, and with a tile's last pair also for the spacing of
    tiles and for room in the result buffer. One pair per cycle; the first two cycles after the
    command, the next job's first three cycles after this job's last.

    Members
    -------
    cmd : In(stream.Signature(DESCRIPTOR))
        Jobs.
    a_loaded, b_loaded : In(1)
        The operand buffers have an unread word.
    room : In(1)
        The result buffer has room for a tile.
    a_step, b_step : Out(stream.Signature(STEP, always_ready=True))
        Reading of the operand buffers, together.
    tile : Out(tile_layout(rows, cols))
        Says that the pair ends a tile, and what of it is valid.
    mode : Out
        The job's mode, where there are several `modes` to choose from.
    """

    def __init__(self, rows: int, cols: int, *, modes: int = 0) -> None:
        self._rows, self._cols, self._modes = rows, cols, modes
        step = Out(stream.Signature(STEP, always_ready=True))
        mode = {"mode": Out((modes - 1).bit_length())} if modes > 1 else {}
        self._descriptor = MODAL_DESCRIPTOR if modes else DESCRIPTOR
        super().__init__(
            {
                **mode,
                "cmd": In(stream.Signature(self._descriptor)),
                "a_loaded": In(1),
                "b_loaded": In(1),
                "room": In(1),
                "a_step": step,
                "b_step": step,
                "tile": Out(tile_layout(rows, cols)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        nest = LoopNest(self._descriptor)
        go = Signal()
        a, b, tile = self.a_step.p, self.b_step.p, self.tile
        resident = nest.job.resident
        apart = spacing(m, tile.valid, nest.gap_m1)
        m.d.comb += [
            *replay(a, nest, resident),
            b.fresh.eq(nest.mid.first),
            b.free.eq(nest.mid.last),
            b.rewind.eq(nest.inner.last & ~nest.mid.last),
            tile.rows.eq(Mux(nest.block.last & nest.mid.last, nest.job.edge_rows, self._rows)),
            tile.cols.eq(Mux(nest.col.last, nest.job.edge_cols, self._cols)),
            tile.last.eq(nest.ends_job),
            tile.valid.eq(go & nest.inner.last),
            go.eq(
                nest.active
                & (self.a_loaded | ~a.fresh)
                & (self.b_loaded | ~b.fresh)
                & (~nest.inner.last | (apart & self.room))
            ),
            self.a_step.valid.eq(go),
            self.b_step.valid.eq(go),
        ]
        if self._modes > 1:
            m.d.comb += self.mode.eq(nest.job.mode)
        nest.elaborate_into(m, self.cmd, go)
        return m


def replay(step: Any, nest: LoopNest, resident: Any) -> list[Any]:
    """Return how A is read: once per column tile, from the buffer if the block is resident."""
    return [
        step.fresh.eq(nest.col.first | ~resident),
        step.free.eq(nest.col.last | ~resident),
        step.rewind.eq(nest.inner.last & nest.mid.last & ~step.free),
    ]


def spacing(m: Module, event: Any, gap_m1: Any) -> Signal:
    """Return whether the last `event` was at least ``gap_m1 + 1`` cycles ago."""
    left, apart = Signal(12), Signal(init=1)
    with m.If(event):
        m.d.sync += [left.eq(gap_m1), apart.eq(gap_m1 == 0)]
    with m.Elif(~apart):
        m.d.sync += [left.eq(left - 1), apart.eq(left == 1)]
    return apart


class WsSequencer(wiring.Component):
    """Loads weights ahead and issues one word of A per cycle.

    A tile's first word waits for its weights, for the spacing of tiles, and, where it starts a
    group of tiles with a common result, for a free half of the result buffer. The weights of the
    next tile load from the cycle of that word on, one word per cycle.

    Members
    -------
    cmd : In(stream.Signature(DESCRIPTOR))
        Jobs.
    a_loaded, b_loaded : In(1)
        The operand buffers have an unread word.
    room : In(1)
        Half of the result buffer is free.
    a_step, b_step : Out(stream.Signature(STEP, or ONCE for b, always_ready=True))
        Reading of the operand buffers.
    swap : Out(1)
        With ``a_step.valid``: the word is the first with the next weights.
    word : Out(word_layout())
        What the word issued adds to.
    group : Out(group_layout(cols))
        A group of tiles begins.
    """

    def __init__(self, rows: int, cols: int, height: int) -> None:
        self._rows, self._cols = rows, cols
        super().__init__(
            {
                "cmd": In(stream.Signature(DESCRIPTOR)),
                "a_loaded": In(1),
                "b_loaded": In(1),
                "room": In(1),
                "a_step": Out(stream.Signature(STEP, always_ready=True)),
                "b_step": Out(stream.Signature(ONCE, always_ready=True)),
                "swap": Out(1),
                "word": Out(WORD),
                "group": Out(group_layout(cols, height)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        nest = LoopNest()
        go, full = Signal(), Signal()
        a, word, group, job = self.a_step.p, self.word, self.group, nest.job
        apart = spacing(m, word.valid & word.tile_end, nest.gap_m1)
        starts = nest.inner.first & nest.mid.first
        m.d.comb += [
            *replay(a, nest, job.resident),
            go.eq(
                nest.active
                & (self.a_loaded | ~a.fresh)
                & (~nest.inner.first | (full & apart))
                & (~starts | self.room)
            ),
            self.a_step.valid.eq(go),
            self.swap.eq(go & nest.inner.first),
            word.valid.eq(go),
            word.first.eq(nest.mid.first),
            word.tile_end.eq(nest.inner.last),
            word.group_end.eq(nest.inner.last & nest.mid.last),
            word.done.eq(nest.mid.last & (nest.inner.last | nest.mid.first)),
            group.valid.eq(go & starts),
            group.rows_m1.eq(Mux(nest.block.last, job.inner_last_m1, job.inner_m1)),
            group.cols.eq(Mux(nest.col.last, job.edge_cols, self._cols)),
            group.last.eq(nest.block.last & nest.col.last),
            group.by_row.eq(nest.mid.last),
        ]
        self._load(m, nest, full)
        nest.elaborate_into(m, self.cmd, go)
        return m

    def _load(self, m: Module, nest: LoopNest, full: Signal) -> None:
        """Load weights until a tile's are complete, then wait until the array takes them over."""
        loading, go = Signal(), Signal()
        left, tile = Signal(range(self._rows + 1), reset_less=True), Counter("tile", 20)
        final = Signal(reset_less=True)  # one word of the tile is left
        ends_job = nest.mid.last & nest.col.last & nest.block.last
        bound = nest.bounds["mid"]
        next_edge = Mux(tile.last, bound.is_zero, tile.second_last)
        m.d.comb += [
            go.eq(loading & self.b_loaded & (~full | (self.swap & ~ends_job))),
            self.b_step.valid.eq(go),
        ]
        with m.If(self.swap):
            m.d.sync += [full.eq(0), loading.eq(~ends_job)]
        with m.If(go):
            m.d.sync += [left.eq(left - 1), final.eq(left == 2)]
            with m.If(final):
                m.d.sync += [full.eq(1), *self._weights(nest, next_edge, left, final)]
                with m.If(tile.last):
                    m.d.sync += tile.reload(*bound.parts)
                with m.Else():
                    m.d.sync += tile.advance()
        with m.If(nest.start):
            m.d.sync += [loading.eq(1), *self._weights(nest, bound.is_zero, left, final)]
            m.d.sync += tile.reload(*bound.parts)

    def _weights(self, nest: LoopNest, edge: Any, left: Signal, final: Signal) -> list[Any]:
        rows = nest.job.edge_rows
        return [left.eq(Mux(edge, rows, self._rows)), final.eq(edge & (rows == 1))]
