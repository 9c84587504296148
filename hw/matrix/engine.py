"""The matrix engine: operand buffers, sequencer, array and result buffer, put together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amaranth.hdl import Cat, Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .array_mac import MacArray
from .array_os import OsArray
from .array_ws import WsArray
from .checksum import lane_sum, sum_bits
from .loops import DESCRIPTOR, MODAL_DESCRIPTOR
from .numbers import make_mac
from .output import beat_layout
from .pe import PeShape, column_bits
from .replay import ReplayBuffer
from .result_os import OsResultBuffer
from .result_ws import WsResultBuffer
from .sequencer import OsSequencer, WsSequencer
from .skew import chain

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
        Words of A, in the order of `MatrixConfig.pack_a`; row r's port at bits ``[r*w +: w]``.
    b : In(stream.Signature(unsigned(cols * operand_bits)))
        Words of B, in the order of `MatrixConfig.pack_b`.
    o : Out(stream.Signature(beat_layout(cols, result_bits)))
        Rows of results, in the order that `MatrixConfig.unpack` takes.
    error_detected : Out(1), or Out(1 + cols)
        With a checksum: a row of results, or of operands, does not add up; with ``"full"`` a row,
        and from bit 1 on the columns that do not. No statement about the first `rows` + 4 cycles
        after power is switched on.
    check_inject : In(1)
        With a checksum, self-test: the sums of operands that are taken in are wrong by one bit.
    """

    def __init__(self, config: MatrixConfig) -> None:
        self.config = config
        descriptor = MODAL_DESCRIPTOR if config.formats else DESCRIPTOR
        ports: dict[str, Any] = {
            "cmd": In(stream.Signature(descriptor)),
            "a": In(stream.Signature(unsigned(config.a_bits))),
            "b": In(stream.Signature(unsigned(config.b_bits))),
            "o": Out(stream.Signature(beat_layout(config.cols, config.result_bits))),
        }
        if config.checksum != "none":
            found = 1 + config.cols * (config.checksum == "full")
            ports |= {"error_detected": Out(found), "check_inject": In(1)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        checked = config.checksum != "none"
        more_a = checked * sum_bits(config.rows, config.operand_bits)
        more_b = checked * sum_bits(config.cols, config.operand_bits)
        a = ReplayBuffer(config.a_bits + more_a, config.a_depth, config.banks)
        once = config.dataflow == "ws"  # each tile of weights goes into the array a single time
        b = ReplayBuffer(config.b_bits + more_b, config.b_depth, config.banks, once=once)
        a = shared(m, platform, "buffer_a", a, instance="buffer_a")
        b = shared(m, platform, "buffer_b", b, instance="buffer_b")
        if checked:
            self._with_sums(m, self.a, a.i)
            self._with_sums(m, self.b, b.i)
        else:
            wiring.connect(m, wiring.flipped(self.a), a.i)
            wiring.connect(m, wiring.flipped(self.b), b.i)
        if config.dataflow == "os":
            sequencer, results = self._output_stationary(m, platform, a, b)
        else:
            sequencer, results = self._weight_stationary(m, platform, a, b)
        m.d.comb += [
            sequencer.a_loaded.eq(a.loaded),
            sequencer.b_loaded.eq(b.loaded),
            sequencer.room.eq(results.room),
        ]
        wiring.connect(m, wiring.flipped(self.cmd), sequencer.cmd)
        wiring.connect(m, sequencer.a_step, a.step)
        wiring.connect(m, sequencer.b_step, b.step)
        wiring.connect(m, results.o, wiring.flipped(self.o))
        return m

    def _with_sums(self, m: Module, i: Any, buffer: Any) -> None:
        """Connect operands to their buffer, where their sum lies above each word."""
        total = lane_sum(i.payload, self.config.operand_bits) ^ self.check_inject
        m.d.comb += [
            buffer.payload.eq(Cat(i.payload, total[: len(buffer.payload) - len(i.payload)])),
            buffer.valid.eq(i.valid),
            i.ready.eq(buffer.ready),
        ]

    @property
    def _shape(self) -> PeShape:
        config = self.config
        return PeShape(
            operand_bits=config.operand_bits,
            accum_bits=config.accum_bits,
            multiplier=config.multiplier,
            pipeline=config.pipeline,
        )

    def _output_stationary(self, m: Module, platform: Any, a: Any, b: Any) -> tuple[Any, Any]:
        config = self.config
        sequencer = OsSequencer(config.rows, config.cols, modes=len(config.formats))
        sequencer = shared(m, platform, "sequencer", sequencer, instance="sequencer")
        array = self._array(m, platform)
        results = OsResultBuffer(
            rows=config.rows,
            cols=config.cols,
            depth=config.result_rows,
            accum_bits=config.result_bits,
            flight=3 + config.stages,
            checksum=config.checksum,
        )
        results = shared(m, platform, "results", results, instance="results")
        m.d.comb += [
            results.tile.eq(sequencer.tile),
            results.drain.eq(array.drain),
            array.a.eq(a.o.payload),
            array.b.eq(b.o.payload),
        ]
        self._control(m, array, sequencer, a)
        if config.checksum != "none":
            self._checksum(m, array, results, a.o.payload, b.o.payload)
        return sequencer, results

    def _checksum(self, m: Module, array: Any, results: Any, a: Any, b: Any) -> None:
        """Connect the sums, and what they find."""
        m.d.comb += [
            array.a_sum.eq(a[self.config.a_bits :]),
            array.b_sum.eq(b[self.config.b_bits :]),
            results.sum_drain.eq(array.sum_drain),
        ]
        if self.config.checksum == "full":
            m.d.comb += results.column_sums.eq(array.column_sums)
            m.d.comb += self.error_detected.eq(Cat(results.row_differs, results.columns_differ))
        else:
            m.d.comb += self.error_detected.eq(results.row_differs | array.a_differs)

    def _array(self, m: Module, platform: Any) -> Any:
        """Return the output-stationary array."""
        rows, cols = self.config.rows, self.config.cols
        if self.config.formats:
            mac = make_mac(self.config)
            mixed = MacArray(rows, cols, mac)
            key = (rows, cols, mac)
            return shared(m, platform, "array", mixed, instance="array", key=key)
        array = OsArray(rows, cols, self._shape, checksum=self.config.checksum)
        return shared(m, platform, "array", array, instance="array")

    def _control(self, m: Module, array: Any, sequencer: Any, a: Any) -> None:
        """Connect what comes beside the operands of the output-stationary array."""
        ends = sequencer.tile.valid
        if not self.config.formats:
            m.d.comb += array.last.eq(chain(m, ends, 3, "last", init=1)[-1])
            return
        control = array.control
        m.d.comb += [control.valid.eq(a.o.valid), control.last.eq(chain(m, ends, 3, "last")[-1])]
        if len(self.config.formats) > 1:
            mode = chain(m, sequencer.mode, 3, "mode", reset_less=True)[-1]
            m.d.comb += control.mode.eq(mode)

    def _weight_stationary(self, m: Module, platform: Any, a: Any, b: Any) -> tuple[Any, Any]:
        config = self.config
        sum_bits = min(config.accum_bits, column_bits(config.rows, config.operand_bits))
        height = config.result_rows // 2
        sequencer = WsSequencer(config.rows, config.cols, height)
        sequencer = shared(m, platform, "sequencer", sequencer, instance="sequencer")
        shape = replace(self._shape, accum_bits=sum_bits)
        array = WsArray(config.rows, config.cols, shape)
        array = shared(m, platform, "array", array, instance="array")
        results = WsResultBuffer(
            cols=config.cols,
            height=height,
            accum_bits=config.accum_bits,
            sum_bits=sum_bits,
            flight=1 + config.rows + config.pipeline,
        )
        results = shared(m, platform, "results", results, instance="results")
        m.d.comb += [
            results.group.eq(sequencer.group),
            results.word.eq(sequencer.word),
            results.sum.eq(array.sum),
            array.a.eq(a.o.payload),
            array.swap.eq(chain(m, sequencer.swap, 3, "swap")[-1]),
            array.b.eq(b.o.payload),
            array.b_valid.eq(b.o.valid),
        ]
        return sequencer, results
