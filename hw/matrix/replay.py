"""Operand buffer: loads words in order, hands each block of them out as often as asked."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .counters import Level, increment
from .ram import ram

__all__ = ["ONCE", "STEP", "ReplayBuffer"]

STEP = data.StructLayout({"fresh": 1, "free": 1, "rewind": 1})
"""One reading step: `fresh` the word has not been read before, `free` it will not be read again,
`rewind` continue with the oldest word that is not freed."""

ONCE = data.StructLayout({})
"""A reading step where every word is read once: it says nothing."""


class ReplayBuffer(wiring.Component):
    """Circular block-RAM buffer whose reader may go back to the oldest word it has not freed.

    A block of words is read with ``fresh`` in its first pass and with ``free`` in its last (which
    may be the same), each pass but the last closed by ``rewind``. Words freed make room at once,
    so that the next block loads while the last pass of this one is read.

    Latency: a word accepted in cycle t can be read from cycle t + 1; a word read in cycle t is at
    the output, registered behind the block RAM, in cycle t + 2. Throughput: one word per cycle
    each way. Back-pressure: `i` while all `depth` words are taken; the output has none.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int
        Words.
    banks : int
        Memories that successive words are dealt to.
    once : bool
        Every word is read once, in order: `step` has no payload, and every word is fresh and free.

    Members
    -------
    i : In(stream.Signature(unsigned(width)))
        Words to load.
    loaded : Out(1)
        A word that has not been read yet can be.
    step : In(stream.Signature(STEP or ONCE, always_ready=True))
        Reads the next word. ``fresh`` is only allowed while `loaded`.
    o : Out(stream.Signature(unsigned(width), always_ready=True))
        The words read; zero in cycles without.
    """

    def __init__(self, width: int, depth: int, banks: int = 1, *, once: bool = False) -> None:
        self._width, self._depth, self._banks, self._once = width, depth, banks, once
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(width))),
                "loaded": Out(1),
                "step": In(stream.Signature(ONCE if once else STEP, always_ready=True)),
                "o": Out(stream.Signature(unsigned(width), always_ready=True)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        write, read, oldest, level, fresh = self._state()
        put = Signal(name="put")
        step = STEP.const({"fresh": 1, "free": 1}) if self._once else self.step.p
        freed = self.step.valid & step.free
        m.d.comb += [
            self.i.ready.eq(level != self._depth),
            self.loaded.eq(fresh.some),
            put.eq(self.i.valid & self.i.ready),
        ]
        m.d.sync += level.eq(level + put - freed)
        fresh.elaborate_into(m, put, self.step.valid & step.fresh)
        with m.If(put):
            m.d.sync += write.eq(increment(write, self._depth))
        with m.If(freed):
            m.d.sync += oldest.eq(increment(oldest, self._depth))
        with m.If(self.step.valid):
            m.d.sync += read.eq(Mux(step.rewind, oldest, increment(read, self._depth)))
        found = self._memory(m, write, put, read)
        valid = Signal(name="found_valid")
        word = Signal(self._width, name="word", reset_less=True)  # its only reset is the bubble
        m.d.sync += [
            valid.eq(self.step.valid),
            self.o.valid.eq(valid),
            word.eq(Mux(valid, found, 0)),
        ]
        m.d.comb += self.o.payload.eq(word)
        return m

    def _state(self) -> tuple[Signal, Signal, Signal, Signal, Level]:
        """Return the pointers and counts; a proof overrides this to see them."""
        names = ("write", "read", "oldest")
        write, read, oldest = (Signal(range(self._depth), name=name) for name in names)
        level = Signal(range(self._depth + 1), name="level")
        return write, read, oldest, level, Level("fresh", self._depth)

    def _memory(self, m: Module, write: Signal, put: Signal, read: Signal) -> Any:
        """Return the word at `read`, one cycle later."""
        select = (self._banks - 1).bit_length()
        words = []
        for bank in range(self._banks):
            memory = ram(unsigned(self._width), self._depth // self._banks)
            m.submodules[f"bank{bank}"] = memory
            writer, reader = memory.write_port(), memory.read_port()
            m.d.comb += [
                writer.addr.eq(write[select:]),
                writer.data.eq(self.i.payload),
                writer.en.eq(put & (write[:select] == bank) if select else put),
                reader.addr.eq(read[select:]),
                reader.en.eq(1),
            ]
            words.append(reader.data)
        if not select:
            return words[0]
        chosen = Signal(select)
        m.d.sync += chosen.eq(read[:select])
        return Cat(*words).word_select(chosen, self._width)
