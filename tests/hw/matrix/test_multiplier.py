"""Multipliers: right for every pair of operands, without multiplier blocks where asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.export import export
from hw.matrix.multiplier import product


class Multiplier(wiring.Component):
    """A bare multiplier, registered like in an element with one pipeline stage."""

    def __init__(self, bits: int, kind: str) -> None:
        self._kind = kind
        super().__init__({"a": In(signed(bits)), "b": In(signed(bits)), "p": Out(signed(2 * bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.p.eq(product(self.a, self.b, self._kind))
        return m


def multiply(bits: int, kind: str, pairs: list[tuple[int, int]]) -> list[int]:
    dut = Multiplier(bits, kind)
    found = []

    async def bench(ctx) -> None:  # type: ignore[no-untyped-def]
        for a, b in pairs:
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            await ctx.tick()
            found.append(ctx.get(dut.p))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("kind", ["dsp", "lut"])
def test_every_pair_of_four_bit_operands(kind: str) -> None:
    pairs = [(a, b) for a in range(-8, 8) for b in range(-8, 8)]
    assert multiply(4, kind, pairs) == [a * b for a, b in pairs]


@pytest.mark.parametrize("bits", [8, 16])
def test_extreme_operands(bits: int) -> None:
    most = 1 << (bits - 1)
    values = [-most, 1 - most, -2, -1, 0, 1, 2, most // 2, most - 1]
    pairs = [(a, b) for a in values for b in values]
    assert multiply(bits, "lut", pairs) == [a * b for a, b in pairs]


def cells(bits: int, kind: str, folder: Path) -> dict[str, int]:
    """Synthesise for ECP5 with default flags; return how often each cell occurs."""
    from pyosys import libyosys

    (folder / "top.v").write_text(export(Multiplier(bits, kind), "top").verilog)
    design = libyosys.Design()
    for command in (f"read_verilog {folder}/top.v", "synth_ecp5 -top top"):
        libyosys.run_pass(f"tee -q {command}", design)
    libyosys.run_pass(f"tee -q -o {folder}/stat.txt stat", design)
    counts = re.findall(r"^\s+(\d+)\s.*?(\w+)$", (folder / "stat.txt").read_text(), re.MULTILINE)
    return {name: int(count) for count, name in counts}


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_synthesis_finds_a_multiplier_block_or_none(bits: int, tmp_path: Path) -> None:
    assert cells(bits, "dsp", tmp_path)["MULT18X18D"] == 1
    lut = cells(bits, "lut", tmp_path)
    assert "MULT18X18D" not in lut
    assert lut["LUT4"] <= bits * bits + 2
