"""Random configurations: each is built, simulated and synthesised, or refused with a remedy."""

from __future__ import annotations

import random
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hw.contracts import ConfigError
from hw.export import export
from hw.export.yosys import run_yosys
from hw.mac import MacConfig, pack_elements, unpack_results
from hw.numerics import FORMATS

from .cases import golden, interleaved, make_batch

__all__ = ["WRONG", "random_knobs", "simulate", "synthesise", "try_random"]

NAMES = (*FORMATS, "posit2_es0", "posit3_es1", "posit5_es4", "posit6_es2", "posit12_es1")
NAMES += ("int8_frac6", "int16_frac12")
WRONG = (None, True, 0, -1, 3.5, "", "8", b"8", [], ["int8"], (8,), (None,), (["int8"],), {})
WRONG += (float("nan"), 1 << 70, ("int8", "int8"), ("posit99_es1",), ("posit8_es9",), ("fp7",))
"""Values of wrong types, or of right types and no sense."""
REMEDY = re.compile(r"\b(use|choose|name|did you mean|look it up)\b")


def random_knobs(rnd: random.Random) -> dict[str, Any]:
    """Return knobs of which some go together and some do not; in one case of six one is wrong."""
    knobs = {
        "modes": tuple(rnd.sample(NAMES, rnd.choice((1, 1, 2, 3, 5)))),
        "outputs": tuple(rnd.sample(NAMES, rnd.choice((0, 0, 1, 2)))),
        "port": rnd.choice(("fixed", "fixed", "wide")),
        "reduce": rnd.random() < 0.8,
        "multiplier": rnd.choice(("lut", "lut", "dsp")),
        "sharing": rnd.choice(("shared", "dedicated")),
        "accumulator": rnd.choice(("quire", "bounded")),
        "length": rnd.choice((1, 7, 100, 4096)),
        "alignment": rnd.randint(12, 62),
        "step": rnd.choice((4, 8, 16, 32)),
        "pipeline": rnd.randint(0, 3),
        "segment": rnd.choice((0, 0, 0, 8, 32, 50)),
        "gating": rnd.random() < 0.5,
        "bank": rnd.choice((1, 1, 1, 2, 3)),
        "stall": rnd.random() < 0.7,
    }
    if rnd.random() < 1 / 6:
        knobs[rnd.choice(list(knobs))] = rnd.choice(WRONG)
    return knobs


def try_random(seed: int) -> str:
    """Build, simulate and synthesise a random unit; return what became of it.

    That is ``"works"``, or what it was refused for: a message that begins with or names a knob, its
    value, and says what to do. Anything else raises.
    """
    knobs = random_knobs(random.Random(seed))
    try:
        config = MacConfig(**knobs)
    except ConfigError as error:
        message = str(error)
        named = [name for name in knobs if re.search(rf"\b{name}\b", message)]
        assert named, f"{message!r} names no field of {knobs}"
        shown = [str(knobs[name]) in message or _part_shown(knobs[name], message) for name in named]
        assert any(shown), f"{message!r} does not say the value of {named}"
        assert REMEDY.search(message), f"{message!r} says no remedy"
        return message
    simulate(config, seed)
    synthesise(config)
    return "works"


def _part_shown(value: Any, message: str) -> bool:
    """Return whether a message is about one of several formats, or how many there are."""
    if isinstance(value, list | tuple):
        return any(repr(item) in message or str(item) in message for item in value)
    return repr(value) in message


def synthesise(config: MacConfig) -> None:
    """Export a unit and synthesise it to generic gates, without a latch, a loop or a warning."""
    design = export(config, "kiln_mac")
    with tempfile.TemporaryDirectory(prefix="kiln-mac-") as name:
        source = Path(name) / "kiln_mac.v"
        source.write_text(design.verilog)
        log = run_yosys(
            f"read_verilog {source}",
            "synth -flatten -noabc -noshare -top kiln_mac",
            "check -assert",
            "stat",
        )
    assert re.search(r"\$_\w*DFF\w*_", log), "no register is left"
    assert "$_DLATCH" not in log


def simulate(config: MacConfig, seed: int) -> None:
    """Run a few dot products of every mode in Amaranth's simulator and compare."""
    batches = [
        make_batch(config, mode, 4, min(config.length, 24), seed, _output(config, i))
        for i, mode in enumerate(config.modes)
    ]
    words, last, order = interleaved(config, batches)
    slots = np.cumsum(np.append(0, last[:-1])) % config.bank
    offset = _slot_offset(config)
    numbers = [
        int.from_bytes(row.tobytes(), "little") | (int(slot) << offset if offset else 0)
        for row, slot in zip(words, slots, strict=True)
    ]
    dut = config.create()
    raw, results = Value.cast(dut.o.payload), []

    async def feed(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        for number, end in zip(numbers, last.tolist(), strict=True):
            ctx.set(Value.cast(dut.i.payload.data), number)
            ctx.set(dut.i.payload.last, end)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def collect(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        for _ in range(len(numbers) + config.latency + 5):
            *_, valid, code = await ctx.tick().sample(dut.o.valid, raw)
            results.extend([code] if valid else [])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed, background=True)
    simulator.add_testbench(collect)
    simulator.run()
    assert len(results) == len(order)
    wide = -(-len(raw) // 32)
    found = np.array([[r >> (32 * at) & 0xFFFFFFFF for at in range(wide)] for r in results])
    for index, batch in enumerate(batches):
        own = found[[which == index for which, _ in order]].astype(np.uint32)
        codes = unpack_results(config, batch.mode, own)
        np.testing.assert_array_equal(codes, golden(config, batch), batch.mode)


def _output(config: MacConfig, index: int) -> str | None:
    return config.outputs[index % len(config.outputs)] if len(config.outputs) > 1 else None


def _slot_offset(config: MacConfig) -> int:
    one = pack_elements(config, config.modes[0], *np.zeros((2, 1, 16), dtype=int), slot=1)
    return int.from_bytes(one.tobytes(), "little").bit_length() - 1 if config.bank > 1 else 0
