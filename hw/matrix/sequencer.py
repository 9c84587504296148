"""Sequencers: walk a job's loop nest and issue operands when everything they need is there."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .loops import DESCRIPTOR, LoopNest
from .replay import STEP
from .result_os import tile_layout

__all__ = ["OsSequencer"]


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
    free : In(range(depth + 1))
        Rows of the result buffer that are not reserved.
    a_step, b_step : Out(stream.Signature(STEP, always_ready=True))
        Reading of the operand buffers, together.
    tile : Out(tile_layout(rows, cols))
        Says that the pair ends a tile, and what of it is valid.
    """

    def __init__(self, rows: int, cols: int, depth: int) -> None:
        self._rows, self._cols = rows, cols
        step = Out(stream.Signature(STEP, always_ready=True))
        super().__init__(
            {
                "cmd": In(stream.Signature(DESCRIPTOR)),
                "a_loaded": In(1),
                "b_loaded": In(1),
                "free": In(range(depth + 1)),
                "a_step": step,
                "b_step": step,
                "tile": Out(tile_layout(rows, cols)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.nest = nest = LoopNest()
        wiring.connect(m, wiring.flipped(self.cmd), nest.cmd)
        at, go = nest.at, nest.go
        a, b, tile = self.a_step.p, self.b_step.p, self.tile
        gap, apart = Signal(12), Signal(init=1)  # cycles until the next tile may end; none
        m.d.comb += [
            a.fresh.eq(at.col_first | ~at.resident),
            a.free.eq(at.col_last | ~at.resident),
            a.rewind.eq(at.inner_last & at.mid_last & ~a.free),
            b.fresh.eq(at.mid_first),
            b.free.eq(at.mid_last),
            b.rewind.eq(at.inner_last & ~at.mid_last),
            tile.rows.eq(Mux(at.block_last & at.mid_last, at.edge_rows, self._rows)),
            tile.cols.eq(Mux(at.col_last, at.edge_cols, self._cols)),
            tile.last.eq(at.block_last & at.col_last & at.mid_last),
            tile.valid.eq(go & at.inner_last),
            go.eq(
                at.active
                & (self.a_loaded | ~a.fresh)
                & (self.b_loaded | ~b.fresh)
                & (~at.inner_last | (apart & (self.free >= tile.rows)))
            ),
            self.a_step.valid.eq(go),
            self.b_step.valid.eq(go),
        ]
        with m.If(tile.valid):
            m.d.sync += [gap.eq(at.gap_m1), apart.eq(at.gap_m1 == 0)]
        with m.Elif(~apart):
            m.d.sync += [gap.eq(gap - 1), apart.eq(gap == 1)]
        return m
