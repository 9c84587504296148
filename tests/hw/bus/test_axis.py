"""AXI4-Stream: names, padding to bytes, and that nothing is lost under back-pressure."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.bus import AxiAdapter, AxiStreamSignature, axi_name
from hw.contracts import ConfigError
from hw.export import export

pytestmark = pytest.mark.usefixtures("collect")

BEAT = data.StructLayout({"data": data.ArrayLayout(signed(12), 2), "keep": 2, "last": 1})


class Buffer(wiring.Component):
    """Holds one beat."""

    def __init__(self, shape: Any) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(1),
                "mode": In(2),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += [self.i.ready.eq(self.o.ready | ~self.o.valid), self.level.eq(self.o.valid)]
        with m.If(self.i.ready):
            m.d.sync += [self.o.p.eq(self.i.p), self.o.valid.eq(self.i.valid)]
        return m


def run_beats(beats: list[tuple[int, int, int]], *, seed: int) -> list[tuple[int, int, int]]:
    """Send (tdata, tkeep, tlast) through a buffer with random gaps at both ends."""
    dut = AxiAdapter(Buffer(BEAT))
    received: list[tuple[int, int, int]] = []
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def send(ctx: Any) -> None:
        gaps = random.Random(seed)
        for tdata, tkeep, tlast in beats:
            ctx.set(dut.s_axis_tvalid, 0)
            await ctx.tick().repeat(gaps.randrange(3) or 1)
            ctx.set(dut.s_axis_tdata, tdata)
            ctx.set(dut.s_axis_tkeep, tkeep)
            ctx.set(dut.s_axis_tlast, tlast)
            ctx.set(dut.s_axis_tvalid, 1)
            await ctx.tick().until(dut.s_axis_tready)
        ctx.set(dut.s_axis_tvalid, 0)

    async def receive(ctx: Any) -> None:
        gaps = random.Random(seed + 1)
        for _ in range(40 * len(beats)):
            ctx.set(dut.m_axis_tready, gaps.randrange(2))
            values = (dut.m_axis_tdata, dut.m_axis_tkeep, dut.m_axis_tlast)
            _clk, _rst, valid, ready, *beat = await ctx.tick().sample(
                dut.m_axis_tvalid, dut.m_axis_tready, *values
            )
            if valid and ready:
                received.append(tuple(beat))
            if len(received) == len(beats):
                return

    simulator.add_testbench(send)
    simulator.add_testbench(receive)
    simulator.run()
    return received


@pytest.mark.parametrize("seed", range(4))
def test_beats_arrive_in_order_whatever_the_peers_do(seed: int) -> None:
    values = random.Random(seed)
    beats = [
        # Two elements of 12 bits in two bytes each, sign extended; two keep bits each.
        (
            sum((values.randrange(-2048, 2048) & 0xFFFF) << 16 * lane for lane in range(2)),
            values.choice([0b0000, 0b0011, 0b1111]),
            number == 11,
        )
        for number in range(12)
    ]
    assert run_beats(beats, seed=seed) == beats


def test_a_stream_gets_its_prefix_and_the_default_ones_none() -> None:
    assert axi_name("i", is_input=True) == "s_axis"
    assert axi_name("o", is_input=False) == "m_axis"
    assert axi_name("cmd", is_input=True) == "s_axis_cmd"
    assert axi_name("trace", is_input=False) == "m_axis_trace"


def test_other_ports_pass_through() -> None:
    ports = {port.name: port for port in export(Buffer(5), "held").ports}
    assert ports["mode"].is_input
    assert not ports["level"].is_input


def test_a_plain_payload_is_padded_to_whole_bytes_at_its_top() -> None:
    ports = {port.name: port.width for port in export(Buffer(5), "held").ports}
    assert ports["s_axis_tdata"] == ports["m_axis_tdata"] == 8
    assert "m_axis_tkeep" not in ports
    assert "m_axis_tlast" not in ports


def test_keep_has_one_bit_per_byte() -> None:
    ports = {port.name: port.width for port in export(Buffer(BEAT), "held").ports}
    assert ports["m_axis_tdata"] == 32
    assert ports["m_axis_tkeep"] == 4
    assert ports["m_axis_tlast"] == 1


def test_keep_that_does_not_fit_the_elements_is_refused() -> None:
    shape = data.StructLayout({"data": data.ArrayLayout(8, 4), "keep": 3})
    buffer = Buffer(shape)
    with pytest.raises(ConfigError, match=r"keep has 3 bits for 4 elements.*one bit per element"):
        AxiAdapter(buffer)


def test_a_member_that_is_no_stream_is_refused() -> None:
    class Odd(wiring.Component):
        def __init__(self) -> None:
            super().__init__({"port": In(wiring.Signature({"x": In(1)}))})

        def elaborate(self, platform: Any) -> Module:
            return Module()

    with pytest.raises(ConfigError, match="'port' is neither a stream nor a plain port"):
        AxiAdapter(Odd())


def test_signatures_compare_by_their_parameters() -> None:
    assert AxiStreamSignature(4, has_last=True) == AxiStreamSignature(4, has_last=True)
    assert AxiStreamSignature(4) != AxiStreamSignature(4, has_keep=True)
    with pytest.raises(ConfigError, match="data_bytes=0 carries nothing; use 1 or more"):
        AxiStreamSignature(0)
