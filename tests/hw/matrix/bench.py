"""Runs jobs on the simulated engine: peers that may stall, every transfer timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import ResetInserter, Signal, Value
from amaranth.sim import Simulator
from numpy.typing import NDArray

from hw.matrix import MatrixConfig, MatrixJob

ALWAYS = (True,)
LIMIT = 200_000


@dataclass
class Run:
    """What came out: results per job, and cycles from each command to its last result."""

    results: list[NDArray[np.int64]] = field(default_factory=list)
    commands: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @property
    def cycles(self) -> list[int]:
        return [end - start + 1 for start, end in zip(self.commands, self.ends, strict=True)]


def word(lanes: Any, bits: int) -> int:
    return sum(int(lane) << (bits * index) for index, lane in enumerate(lanes))


def lanes(bits: int, count: int, width: int) -> list[int]:
    return [bits >> width * index & (1 << width) - 1 for index in range(count)]


def run_jobs(
    config: MatrixConfig,
    cases: Sequence[tuple[MatrixJob, Any, Any]],
    a: Sequence[bool] = ALWAYS,
    b: Sequence[bool] = ALWAYS,
    o: Sequence[bool] = ALWAYS,
    aborted: int = 0,
) -> Run:
    """Run `cases` back to back; patterns say in which cycles each peer is willing.

    Before that, with `aborted`, the first case runs for so many cycles, and one cycle of reset.
    """
    dut = config.create()
    reset = Signal()
    raw = Value.cast(dut.o.payload)
    run = Run()
    bits = config.operand_bits
    a_words = [word(x, bits) for job, A, _ in cases for x in config.pack_a(job, A)]
    b_words = [word(x, bits) for job, _, B in cases for x in config.pack_b(job, B)]

    async def feed_a(ctx: Any) -> None:
        await feed(ctx, dut.a, a_words, a)

    async def feed_b(ctx: Any) -> None:
        await feed(ctx, dut.b, b_words, b)

    async def abort(ctx: Any) -> None:
        """Start the first case with the wrong operands, everybody willing, then reset."""
        ctx.set(dut.cmd.payload, descriptor(config, cases[0][0], dut))
        for signal in (dut.cmd.valid, dut.a.valid, dut.b.valid, dut.o.ready):
            ctx.set(signal, 1)
        ctx.set(dut.a.payload, 3)
        ctx.set(dut.b.payload, 5)
        await ctx.tick().repeat(aborted)
        for signal in (dut.cmd.valid, dut.a.valid, dut.b.valid, dut.o.ready):
            ctx.set(signal, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    async def started(ctx: Any) -> None:
        if aborted:
            await ctx.tick().repeat(aborted + 1)

    async def feed(ctx: Any, port: Any, words: list[int], pattern: Sequence[bool]) -> None:
        await started(ctx)
        cycle = 0
        for item in words:
            sent = False
            while not sent:
                willing = pattern[cycle % len(pattern)]
                ctx.set(port.valid, willing)
                ctx.set(port.payload, item)
                *_, ready = await ctx.tick().sample(port.ready)
                sent, cycle = willing and bool(ready), cycle + 1
        ctx.set(port.valid, 0)

    async def command(ctx: Any) -> None:
        await started(ctx)
        cycle = 0
        for job, _, _ in cases:
            ctx.set(dut.cmd.payload, descriptor(config, job, dut))
            ctx.set(dut.cmd.valid, 1)
            taken = False
            while not taken:
                *_, taken = await ctx.tick().sample(dut.cmd.ready)
                cycle += 1
            run.commands.append(cycle - 1)
        ctx.set(dut.cmd.valid, 0)

    async def collect(ctx: Any) -> None:
        await started(ctx)
        cycle = 0
        for job, _, _ in cases:
            beats = []
            last = 0
            while not last:
                willing = o[cycle % len(o)]
                ctx.set(dut.o.ready, willing)
                *_, valid, payload = await ctx.tick().sample(dut.o.valid, raw)
                cycle += 1
                assert cycle < LIMIT, f"{job} stalled after {len(beats)} of {job.out_rows} rows"
                if willing and valid:
                    width = config.result_bits
                    beats.append(lanes(payload, config.cols, width))
                    keep, last = lanes(payload >> config.cols * width, 2, config.cols)
                    check_keep(config, job, keep)
            run.ends.append(cycle - 1)
            assert len(beats) == job.out_rows
            run.results.append(config.unpack(job, np.array(beats)))

    simulator = Simulator(ResetInserter(reset)(dut))
    simulator.add_clock(1e-6)
    if aborted:
        simulator.add_testbench(abort, background=True)
    simulator.add_testbench(feed_a, background=True)
    simulator.add_testbench(feed_b, background=True)
    simulator.add_testbench(command, background=True)
    simulator.add_testbench(collect)
    simulator.run()
    return run


def descriptor(config: MatrixConfig, job: MatrixJob, dut: Any) -> Any:
    return dut.cmd.payload.shape().from_bits(config.descriptor(job))


def check_keep(config: MatrixConfig, job: MatrixJob, keep: int) -> None:
    """Every beat keeps all columns or the ragged edge's."""
    edge = (job.n - 1) % config.cols + 1
    assert keep in ((1 << config.cols) - 1, (1 << edge) - 1)


def random_case(config: MatrixConfig, shape: tuple[int, int, int], rng: Any, mode: str = "") -> Any:
    job = config.plan(*shape, mode)
    return job, *config.random(job, rng)


def check_case(config: MatrixConfig, shape: tuple[int, int, int], seed: int, **peers: Any) -> Run:
    """Run one GEMM on random operands and compare the results."""
    case = random_case(config, shape, np.random.default_rng(seed))
    run = run_jobs(config, [case], **peers)
    np.testing.assert_array_equal(run.results[0], config.golden(case[0], case[1:]))
    return run
