"""The way out of a result buffer: block-RAM rows become beats of a stream."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Module, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["OutputStage", "beat_layout", "row_layout"]


def beat_layout(cols: int, accum_bits: int) -> data.StructLayout:
    """Return one beat of results: a row of a tile.

    ``keep`` has a bit per column, cleared beyond the ragged edge; ``last`` ends the job.
    """
    lanes = data.ArrayLayout(signed(accum_bits), cols)
    return data.StructLayout({"data": lanes, "keep": unsigned(cols), "last": 1})


def row_layout(cols: int) -> data.StructLayout:
    """Return what is known of a row beside its values: valid columns, and whether a job ends."""
    return data.StructLayout({"cols": range(cols + 1), "last": 1})


class OutputStage(wiring.Component):
    """Reads rows as they become available and offers them, registered.

    Latency: a row available in cycle t is offered in cycle t + 2. Throughput: a row per cycle.
    Back-pressure: `o` may wait for ever; two rows are then on their way. ``ready`` reaches the
    memories' enables through two gates and goes no further.

    Members
    -------
    available : In(1)
        There is a row to read.
    read : Out(1)
        It is read in this cycle.
    moved : Out(1)
        What was last read is registered in this cycle and need not be held any longer.
    words, row : In
        What was last read, from the cycle after.
    o : Out(stream.Signature(beat_layout(cols, accum_bits)))
        Beats.
    sum_word, sum : In, Out
        With `checked`: what the words must add up to, and the same beside the beat.
    """

    def __init__(self, cols: int, accum_bits: int, *, checked: bool = False) -> None:
        self._cols, self._checked = cols, checked
        ports: dict[str, Any] = {
            "available": In(1),
            "read": Out(1),
            "moved": Out(1),
            "words": In(data.ArrayLayout(signed(accum_bits), cols)),
            "row": In(row_layout(cols)),
            "o": Out(stream.Signature(beat_layout(cols, accum_bits))),
        }
        if checked:
            ports |= {"sum_word": In(signed(accum_bits)), "sum": Out(signed(accum_bits))}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        held = self._held()
        leave, move = Signal(), Signal()
        beat = self._beat(m)
        m.d.comb += [
            leave.eq(~self.o.valid | self.o.ready),
            move.eq(~held | leave),
            self.read.eq(self.available & move),
            self.moved.eq(held & leave),
        ]
        with m.If(move):
            m.d.sync += held.eq(self.read)
        with m.If(leave):
            m.d.sync += [
                self.o.valid.eq(held),
                beat.data.eq(self.words),
                beat.keep.eq(Cat(self.row.cols > c for c in range(self._cols))),
                beat.last.eq(self.row.last),
            ]
            if self._checked:
                m.d.sync += self.sum.eq(self.sum_word)
        return m

    def _beat(self, m: Module) -> Any:
        """Return the registers behind `o`; what is checked otherwise than by sums is apart."""
        if not self._checked:
            beat = Signal(self.o.payload.shape(), reset_less=True)
            m.d.comb += self.o.payload.eq(beat)
            return beat
        payload = self.o.payload
        shapes = {"data": payload.data.shape(), "keep": self._cols, "last": 1}
        beat = SimpleNamespace(
            **{name: Signal(s, name=f"beat_{name}", reset_less=True) for name, s in shapes.items()}
        )
        m.d.comb += [getattr(payload, name).eq(getattr(beat, name)) for name in shapes]
        return beat

    def _held(self) -> Signal:
        """Return whether the memories hold a row; a proof overrides this to see it."""
        return Signal(name="held")
