"""The replay buffer: every word, in order, as often as asked, for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Assert, Assume, Elaboratable, Module, Mux, Signal
from amaranth.sim import Simulator

from hw.matrix.replay import ReplayBuffer

from .formal import prove

DEPTH, WIDTH, COUNT = 4, 2, 4  # words are numbered modulo 2**COUNT, more than twice the depth


class Watched(ReplayBuffer):
    """A replay buffer whose memory can be looked at."""

    def _state(self) -> Any:
        self.state = super()._state()
        return self.state

    def _memory(self, m: Module, write: Signal, put: Signal, read: Signal) -> Any:
        word = super()._memory(m, write, put, read)
        look = m.submodules["bank0"].read_port(domain="comb")
        self.inside = word, look
        return word


class Contract(Elaboratable):
    """Reads blocks of any length any number of times, and follows one word through the buffer."""

    def __init__(self) -> None:
        self.valid, self.want = Signal(), Signal()
        self.payload = Signal(WIDTH)
        self.length, self.repeats = Signal(range(DEPTH + 1)), Signal(2)
        self.watch = Signal(COUNT)

    @property
    def ports(self) -> list[Signal]:
        return [self.valid, self.want, self.payload, self.length, self.repeats, self.watch]

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self.dut = dut = Watched(WIDTH, DEPTH)
        m.submodules.dut = dut.elaborate(platform)  # here, so that its inside can be named
        dut._MustUse__used = True
        m.d.comb += [dut.i.valid.eq(self.valid), dut.i.payload.eq(self.payload)]
        self._constants(m)
        at, rep = Signal(range(DEPTH)), Signal(2)
        fresh, free = rep == 0, rep == self.repeats - 1
        step = Signal()
        m.d.comb += [
            step.eq(self.want & (dut.loaded | ~fresh)),
            dut.step.valid.eq(step),
            dut.step.p.fresh.eq(fresh),
            dut.step.p.free.eq(free),
            dut.step.p.rewind.eq((at == self.length - 1) & ~free),
        ]
        with m.If(step):
            m.d.sync += at.eq(at + 1)
            with m.If(at == self.length - 1):
                m.d.sync += [at.eq(0), rep.eq(Mux(free, 0, rep + 1))]
        self._follow(m, step, at, rep, fresh, free)
        return m

    def _constants(self, m: Module) -> None:
        before, running = Signal(16), Signal()
        now = Signal(16)
        m.d.comb += now.eq(self.length + (self.repeats << 4) + (self.watch << 8))
        m.d.sync += [before.eq(now), running.eq(1)]
        m.d.comb += [
            Assume(~running | (now == before)),
            Assume((self.length >= 1) & (self.length <= DEPTH) & (self.repeats >= 1)),
        ]

    def _follow(self, m: Module, step: Any, at: Any, rep: Any, fresh: Any, free: Any) -> None:
        dut = self.dut
        loads, base, reads = (Signal(COUNT, name=name) for name in ("loads", "base", "reads"))
        oldest, first = Signal(COUNT), Signal(COUNT)
        value = Signal(WIDTH)
        put = self.valid & dut.i.ready
        m.d.sync += [loads.eq(loads + put), oldest.eq(oldest + (step & free))]
        m.d.sync += first.eq(first + (step & fresh))
        with m.If(put & (loads == self.watch)):
            m.d.sync += value.eq(self.payload)
        with m.If(step & free & (at == self.length - 1)):
            m.d.sync += base.eq(base + self.length)
        held, unread = Signal(COUNT), Signal(COUNT)
        m.d.comb += [reads.eq(base + at), held.eq(loads - oldest), unread.eq(loads - first)]
        there = (self.watch - oldest)[:COUNT] < held
        m.d.comb += [
            Assert((held <= DEPTH) & (unread <= held)),
            Assert(dut.i.ready == (held != DEPTH)),
            Assert(dut.loaded == (unread != 0)),
            Assert((at < self.length) & (rep < self.repeats)),
            Assert(oldest == Mux(free, reads, base)),
            Assert(first == Mux(fresh, reads, (base + self.length)[:COUNT])),
        ]
        m.d.comb += Assert(~dut.step.valid | ((reads - oldest)[:COUNT] < held))
        expects = [Signal(name=f"expects{stage}") for stage in (1, 2)]
        words = [Signal(WIDTH, name=f"word{stage}") for stage in (1, 2)]
        m.d.sync += [expects[0].eq(step & (reads == self.watch)), expects[1].eq(expects[0])]
        m.d.sync += [words[0].eq(value), words[1].eq(words[0])]
        m.d.comb += Assert(~expects[1] | (dut.o.valid & (dut.o.payload == words[1])))
        m.d.comb += Assert(~(step & (reads == self.watch)) | there)
        word, look = dut.inside
        write, read, old, level, unseen = dut.state
        m.d.comb += [
            look.addr.eq(self.watch),
            Assert(~there | (look.data == value)),
            Assert(write == loads[: len(write)]),
            Assert(~(put & step) | (write != read)),  # the memory does not say what it reads
            Assert(read == reads[: len(read)]),
            Assert(old == oldest[: len(old)]),
            Assert((level == held) & (unseen.value == unread)),
            Assert(~expects[0] | (word == words[0])),
        ]


def test_every_word_is_replayed_in_order_for_ever(tmp_path: Path) -> None:
    contract = Contract()
    prove(contract, contract.ports, tmp_path, depth=4)


@pytest.mark.parametrize("banks", [1, 2, 4])
@pytest.mark.parametrize("depth", [16, 20])
def test_words_come_out_two_cycles_after_their_step(banks: int, depth: int) -> None:
    dut = ReplayBuffer(8, depth, banks)
    block, repeats = list(range(1, depth + 1)), 3
    out: list[tuple[int, int]] = []

    async def load(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        for item in block + block:
            ctx.set(dut.i.payload, item)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def watch(ctx: Any) -> None:
        cycle = 0
        async for *_, valid, payload in ctx.tick().sample(dut.o.valid, dut.o.payload):
            if valid:
                out.append((cycle, payload))
            cycle += 1

    async def read(ctx: Any) -> None:
        cycle, steps = 0, []
        for _ in range(2):
            for rep in range(repeats):
                for at in range(depth):
                    fresh, free = rep == 0, rep == repeats - 1
                    while fresh and not ctx.get(dut.loaded):
                        await ctx.tick()
                        cycle += 1
                    ctx.set(dut.step.p.fresh, fresh)
                    ctx.set(dut.step.p.free, free)
                    ctx.set(dut.step.p.rewind, at == depth - 1 and not free)
                    ctx.set(dut.step.valid, 1)
                    await ctx.tick()
                    steps.append(cycle)
                    cycle += 1
                    ctx.set(dut.step.valid, 0)
        await ctx.tick().repeat(3)
        assert [word for _, word in out] == block * repeats * 2
        assert [cycle for cycle, _ in out] == [cycle + 2 for cycle in steps]

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(load, background=True)
    simulator.add_testbench(watch, background=True)
    simulator.add_testbench(read)
    simulator.run()
