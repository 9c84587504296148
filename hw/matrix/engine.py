"""The matrix engine: operand buffers, sequencer, array and result buffer, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .array import OsArray
from .loops import DESCRIPTOR
from .output import beat_layout
from .pe import PeShape
from .replay import ReplayBuffer
from .result_os import OsResultBuffer
from .sequencer import OsSequencer

if TYPE_CHECKING:
    from .config import MatrixConfig

__all__ = ["MatrixEngine"]


class MatrixEngine(wiring.Component):
    """Computes GEMMs: one command, two operand streams and one result stream.

    Operands are taken as soon as there is room, also those of jobs whose command has not come
    yet; commands are taken one job ahead of the results. Latency and throughput are what
    `MatrixConfig.cycles` says. Every stream may stall at any time; a stalled result stream stops
    the array at the end of a tile, never inside.

    Parameters
    ----------
    config : MatrixConfig
        The design point.

    Members
    -------
    cmd : In(stream.Signature(DESCRIPTOR))
        Jobs, as `MatrixConfig.descriptor` packs them.
    a : In(stream.Signature(unsigned(rows * operand_bits)))
        Words of A, in the order of `MatrixConfig.pack_a`; lane r at bits ``[r*w +: w]``.
    b : In(stream.Signature(unsigned(cols * operand_bits)))
        Words of B, in the order of `MatrixConfig.pack_b`.
    o : Out(stream.Signature(beat_layout(cols, accum_bits)))
        Rows of results, in the order that `MatrixConfig.unpack` takes.
    """

    def __init__(self, config: MatrixConfig) -> None:
        self.config = config
        super().__init__(
            {
                "cmd": In(stream.Signature(DESCRIPTOR)),
                "a": In(stream.Signature(unsigned(config.a_bits))),
                "b": In(stream.Signature(unsigned(config.b_bits))),
                "o": Out(stream.Signature(beat_layout(config.cols, config.accum_bits))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        a = ReplayBuffer(config.a_bits, config.a_depth, config.banks)
        b = ReplayBuffer(config.b_bits, config.b_depth, config.banks)
        a = shared(m, platform, "buffer_a", a, instance="buffer_a")
        b = shared(m, platform, "buffer_b", b, instance="buffer_b")
        wiring.connect(m, wiring.flipped(self.a), a.i)
        wiring.connect(m, wiring.flipped(self.b), b.i)
        self._output_stationary(m, platform, a, b)
        return m

    def _output_stationary(self, m: Module, platform: Any, a: Any, b: Any) -> None:
        config = self.config
        shape = PeShape(
            operand_bits=config.operand_bits,
            accum_bits=config.accum_bits,
            multiplier=config.multiplier,
            pipeline=config.pipeline,
        )
        sequencer = OsSequencer(config.rows, config.cols, config.result_rows)
        sequencer = shared(m, platform, "sequencer", sequencer, instance="sequencer")
        array = OsArray(config.rows, config.cols, shape)
        array = shared(m, platform, "array", array, instance="array")
        results = OsResultBuffer(
            rows=config.rows,
            cols=config.cols,
            depth=config.result_rows,
            accum_bits=config.accum_bits,
            flight=3 + config.pipeline,
        )
        results = shared(m, platform, "results", results, instance="results")
        last = [Signal(name=f"last{stage}", init=1) for stage in (1, 2)]
        m.d.sync += [last[0].eq(sequencer.tile.valid), last[1].eq(last[0])]
        m.d.comb += [
            sequencer.a_loaded.eq(a.loaded),
            sequencer.b_loaded.eq(b.loaded),
            sequencer.free.eq(results.free),
            results.tile.eq(sequencer.tile),
            array.a.eq(a.o.payload),
            array.b.eq(b.o.payload),
            array.last.eq(last[1]),
            results.drain.eq(array.drain),
        ]
        wiring.connect(m, wiring.flipped(self.cmd), sequencer.cmd)
        wiring.connect(m, sequencer.a_step, a.step)
        wiring.connect(m, sequencer.b_step, b.step)
        wiring.connect(m, results.o, wiring.flipped(self.o))
