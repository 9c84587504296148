"""Hardware codecs in the simulator, beside NumPy; and what tools say about their Verilog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from numpy.typing import ArrayLike, NDArray

from hw.export import export, write_design
from hw.export.yosys import run_yosys
from hw.numerics import Decoder, Encoder, NumberFormat, normalise
from hw.numerics.logic import signed_width

from ..export.lint import lint

SAMPLES = 700  # of formats too wide to try every code in the simulator


def simulate(dut: Any, drive: Callable[[Any], None]) -> None:
    """Run ``drive(ctx)``, which sets inputs and reads outputs of combinational hardware."""

    async def bench(ctx: Any) -> None:
        drive(ctx)

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


def pack(layout: Any, **fields: ArrayLike) -> list[int]:
    """Return structs as integers: setting one signal is faster than setting its fields."""
    count = max(np.size(values) for values in fields.values())
    words = [0] * count
    for name, values in fields.items():
        field = layout[name]
        mask = (1 << field.width) - 1
        for index, value in enumerate(np.broadcast_to(values, count).tolist()):
            words[index] |= (int(value) & mask) << field.offset
    return words


def unpack(layout: Any, words: list[int], name: str) -> NDArray[np.int64]:
    """Return one field of structs read as integers."""
    field = layout[name]
    raw = np.array([(word >> field.offset) & ((1 << field.width) - 1) for word in words])
    signed = getattr(field.shape, "signed", False)
    return np.where(raw >> (field.width - 1) != 0, raw - (1 << field.width), raw) if signed else raw


def chosen(format: NumberFormat) -> NDArray[np.integer[Any]]:
    """Return every code up to 8 bits, else corners and a random sample."""
    codes = format.codes
    if format.bits <= 8:
        return codes
    half = len(codes) // 2
    corners = [base + step for base in (0, half // 2, half, half * 3 // 2) for step in range(-9, 9)]
    powers = [1 << bit for bit in range(format.bits)] + [(1 << bit) - 1 for bit in range(17)]
    random = np.random.default_rng(3).integers(0, len(codes), SAMPLES)
    return np.unique(np.concatenate([corners, powers, random]) % len(codes))


def check_decoder(format: NumberFormat) -> None:
    codes = chosen(format)
    dut = Decoder(format)
    words: list[int] = []

    def drive(ctx: Any) -> None:
        for code in codes.tolist():
            ctx.set(dut.code, code)
            words.append(ctx.get(dut.o.as_value()))

    simulate(dut, drive)
    layout, parts = format.unpacked, format.parts(codes)
    some = ~(parts.inf | parts.nan)
    for flag in ("zero", "inf", "nan"):
        np.testing.assert_array_equal(unpack(layout, words, flag), getattr(parts, flag), flag)
    for name, where in (
        ("sign", ~parts.nan),
        ("significand", some),
        ("scale", some & ~parts.zero),
    ):
        found = unpack(layout, words, name)
        np.testing.assert_array_equal(found[where], getattr(parts, name)[where], name)


def check_encoder(
    format: NumberFormat, values: NDArray[np.float64], codes: NDArray[np.int64]
) -> None:
    """Encode `values` in hardware with significands just wide enough, and with wide ones."""
    values, codes = _thinned(format, values, codes)
    narrow = signed_width(format.min_scale, format.max_scale)
    for significand_bits, scale_bits in ((format.significand_bits + 1, narrow), (40, 12)):
        dut = Encoder(format, significand_bits=significand_bits, scale_bits=scale_bits)
        number = normalise(values, significand_bits)
        limit = 1 << (scale_bits - 1)
        fits = (number.scale >= -limit) & (number.scale < limit) | (number.significand == 0)
        words = pack(
            format.normalised(significand_bits, scale_bits),
            sign=number.sign,
            significand=number.significand,
            scale=np.where(fits, number.scale, 0),
            sticky=number.sticky,
            inf=number.inf,
            nan=number.nan,
        )
        wanted = np.flatnonzero(fits)
        found: list[int] = []

        def drive(ctx: Any, dut: Any = dut, words: Any = words, wanted: Any = wanted) -> None:
            for index in wanted.tolist():
                ctx.set(dut.i.as_value(), words[index])
                found.append(ctx.get(dut.code))  # noqa: B023

        simulate(dut, drive)
        np.testing.assert_array_equal(found, codes[wanted], f"{significand_bits} bits")


def _thinned(
    format: NumberFormat, values: NDArray[np.float64], codes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if format.bits <= 8:
        return values, codes
    random = np.random.default_rng(4).integers(0, len(values), SAMPLES)
    half = len(values) // 2
    ends = [*range(80), *range(half - 80, half + 80), *range(len(values) - 80, len(values))]
    index = np.unique(np.concatenate([ends, random]))
    return values[index], codes[index]


class Codec(wiring.Component):
    """Both codecs of a format side by side, so that tools run once."""

    def __init__(self, format: NumberFormat) -> None:
        width = signed_width(format.min_scale, format.max_scale) + 1
        bits = format.significand_bits + 4
        self._decoder = Decoder(format)
        self._encoder = Encoder(format, significand_bits=bits, scale_bits=width)
        super().__init__(
            {
                "code": In(format.bits),
                "o": Out(format.unpacked),
                "i": In(format.normalised(bits, width)),
                "result": Out(format.bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.decoder, m.submodules.encoder = self._decoder, self._encoder
        m.d.comb += [
            self._decoder.code.eq(self.code),
            self.o.eq(self._decoder.o),
            self._encoder.i.eq(self.i),
            self.result.eq(self._encoder.code),
        ]
        return m


def check_verilog(dut: wiring.Component, folder: Path) -> None:
    """Export `dut`: Verilator has nothing to say about it, and Yosys synthesises it."""
    design = export(dut, "codec", axi=False)
    write_design(design, folder)
    assert lint(design, folder) == ""
    source = folder / "whole.v"
    source.write_text(design.verilog)
    run_yosys(f"read_verilog {source}", "synth -flatten -noabc -top codec", "check -assert")
