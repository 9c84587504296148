"""Gating: what a mode leaves idle stands still, and nothing else changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from bench.mac_units import REFERENCE
from hw.export import ExportedDesign, export
from hw.mac import MacConfig, pack_elements
from hw.mac.gating import alive, families, rows_alive

from .cases import golden, make_batch, verilog

CYCLES = 60


def test_results_are_those_of_the_unit_without_gating_whatever_the_peers_do() -> None:
    """Bubbles and stalls between modes that change: idle parts must have let go of what they held.

    The unit is a small one with two window-moving modes and one that is looked up.
    """
    config = MacConfig(
        modes=("fp4_e2m1", "fp8_e5m2", "posit16"), accumulator="bounded", alignment=28, pipeline=3
    )
    design = export(config, "kiln_mac")
    batches = [make_batch(config, mode, 90, 9, seed=i) for i, mode in enumerate(config.modes)]
    found, _ = verilog(design, config, batches, optimize="-O0", offer=55, take=60)
    for batch, codes in zip(batches, found, strict=True):
        np.testing.assert_array_equal(codes, golden(config, batch), batch.mode)


def test_reset_needs_no_more_than_the_valid_bits() -> None:
    """Registers wake up with anything in them, as on a chip: idle parts let go of that as well."""
    config = MacConfig(accumulator="bounded", pipeline=1)
    random = np.random.default_rng(1)
    design, count = _awake(export(config, "kiln_mac"), random)
    assert count > 40
    batches = [make_batch(config, mode, 4, 9, seed=i) for i, mode in enumerate(config.modes)]
    found, _ = verilog(design, config, batches, optimize="-O0")
    for batch, codes in zip(batches, found, strict=True):
        np.testing.assert_array_equal(codes, golden(config, batch), batch.mode)


def _awake(design: ExportedDesign, random: np.random.Generator) -> tuple[ExportedDesign, int]:
    """Return a design whose registers begin with random bits, and how many registers those are."""
    zero = re.compile(r"(?m)^( *initial \w+ = (\d+)'[bdh])0;$")

    def anything(match: re.Match[str]) -> str:
        bits = "".join(str(bit) for bit in random.integers(0, 2, int(match[2])))
        return f"{match[1][:-1]}b{bits};"

    found = [zero.subn(anything, module.verilog) for module in design.modules]
    modules = [
        replace(module, verilog=text)
        for module, (text, _) in zip(design.modules, found, strict=True)
    ]
    return replace(design, modules=tuple(modules)), sum(count for _, count in found)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], dict[str, int]]:
    """Changes of every signal of the reference unit, by mode and gating, once it is full."""
    folder = tmp_path_factory.mktemp("traces")
    found = {}
    for gating in (False, True):
        config = MacConfig(**{**_knobs(), "gating": gating})
        for mode in ("fp4_e2m1", "posit8"):
            found[mode, gating] = _changes(config, mode, folder / f"{mode}_{gating}.vcd")
    return found


def _knobs() -> dict[str, Any]:
    return {name: getattr(REFERENCE, name) for name in REFERENCE.__slots__}


def _changes(config: MacConfig, mode: str, path: Path) -> dict[str, int]:
    """Run random elements without an end in one mode; count changes after the pipeline filled."""
    plan = config.plan.modes[config.mode(mode)]
    rng = np.random.default_rng(7)
    codes = plan.format.codes[np.isfinite(plan.format.decode(plan.format.codes))]
    A, B = rng.choice(codes, (2, CYCLES, plan.lanes))
    words = pack_elements(config, mode, A, B)
    dut = config.create()

    async def feed(ctx: Any) -> None:
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        for row in words:
            ctx.set(Value.cast(dut.i.payload.data), int.from_bytes(row.tobytes(), "little"))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed)
    with simulator.write_vcd(str(path)):
        simulator.run()
    return _counted(path.read_text(), after=(config.latency + 4) / CYCLES)


def _counted(vcd: str, after: float) -> dict[str, int]:
    """Return how often each signal changes after a share of the time."""
    times = [int(line[1:]) for line in vcd.splitlines() if line.startswith("#")]
    begin = after * times[-1]
    names = {code: name for name, code in _declared(vcd)}
    counts = dict.fromkeys(names.values(), 0)
    time = 0
    for line in vcd.splitlines():
        if line.startswith("#"):
            time = int(line[1:])
        elif time > begin and (match := re.fullmatch(r"(?:b[01xz]+ |[01xz])(\S+)", line)):
            counts[names.get(match[1], "")] = counts.get(names.get(match[1], ""), 0) + 1
    return counts


def _declared(vcd: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the code of every signal."""
    path: list[str] = []
    for line in vcd.partition("$enddefinitions")[0].splitlines():
        words = line.split()
        if words[:1] == ["$scope"]:
            path.append(words[2])
        elif words[:1] == ["$upscope"]:
            path.pop()
        elif words[:1] == ["$var"]:
            yield ".".join([*path, words[4]]), words[3]


def _moving(changes: dict[str, int], pattern: str) -> set[str]:
    found = {name for name in changes if re.search(pattern, name)}
    assert found, f"no signal is called {pattern}"
    return {name for name in found if changes[name]}


IDLE = {
    "posit8": r"\.(positive|run|unpacked)_[23]_[ab]_code$|\.\w+_posit4_code$",
    "fp4_e2m1": r"\.decode_[ab]\d\.\w*(body|rest|regime)$",
}


@pytest.mark.parametrize("mode", IDLE)
def test_registers_of_idle_parts_stand_still(traces: Any, mode: str) -> None:
    assert not _moving(traces[mode, True], IDLE[mode])
    assert not _moving(traces[mode, True], r"\.load_\w+_" + ("0_1" if mode == "posit8" else "2_3"))


def test_without_gating_they_move(traces: Any) -> None:
    assert len(_moving(traces["posit8", False], IDLE["posit8"])) > 20


@pytest.mark.parametrize("mode", IDLE)
def test_what_is_in_use_moves(traces: Any, mode: str) -> None:
    for name in ("candidate_0_product", "distance_1_near", "aligned_1_term", "reduced_g0_term"):
        assert _moving(traces[mode, True], rf"\.{name}$")


@pytest.mark.parametrize("mode", IDLE)
def test_nothing_is_rounded_before_a_dot_product_ends(traces: Any, mode: str) -> None:
    finish = r"\.finish_0\.(absolute|group|coarse|normal|measured|shifted|rounded)_\w+$"
    assert not _moving(traces[mode, True], finish)
    assert len(_moving(traces[mode, False], finish)) > 20


@pytest.mark.parametrize("mode", ["fp4_e2m1", "posit4", "posit8"])
def test_products_stay_within_the_bits_that_are_kept_alive(mode: str) -> None:
    """Exact products of all pairs of codes have ones in living bits of the window only."""
    plan = REFERENCE.plan
    which = REFERENCE.mode(mode)
    format, origin = plan.modes[which].format, plan.modes[which].origin
    values = np.abs(format.decode(format.codes))
    values = values[np.isfinite(values)]
    products = {int(p) for p in np.ldexp(np.multiply.outer(values, values), -origin).ravel()}
    living = alive(plan, "0_term", plan.window)
    assert living is not None
    kept = sum(1 << at for at, modes in enumerate(living) if which in modes)
    assert not any(number & ~kept for number in products)
    assert kept != (1 << plan.window) - 1  # so that something is idle


@pytest.mark.parametrize("name", ["0_product", "1_product", "a_0_significand"])
def test_low_bits_of_left_aligned_numbers_belong_to_the_wide_modes(name: str) -> None:
    slot = REFERENCE.plan.slots[int(name.strip("a_")[0])]
    factors = 2 if "product" in name else 1
    living = alive(REFERENCE.plan, name, factors * slot.significand_bits)
    assert living is not None
    assert len(living[0]) < len(living[-1])
    widths = [len(modes) for modes in living]
    assert widths == sorted(widths)


def test_a_unit_of_one_container_has_nothing_to_gate() -> None:
    plan = MacConfig(modes=("posit8", "fp8_e4m3")).plan
    assert families(plan) == [frozenset({0, 1})]
    assert alive(plan, "0_index", 6) is None


def test_rows_of_a_product_that_only_wide_operands_have_are_idle_otherwise() -> None:
    plan = REFERENCE.plan
    shifts = [*range(0, 13, 2), 0]  # Booth's rows of 13 bits, and the ones
    sums = rows_alive(plan, plan.slots[0], shifts, 2, 20)
    wide, narrow = REFERENCE.mode("posit16"), REFERENCE.mode("posit8")
    assert all(modes == {wide} for modes in sums[1])
    assert all(modes == {wide, narrow} for modes in sums[2])
    assert all(len(modes) == 4 for modes in sums[3])
    assert sums[0][0] == {wide}  # the ones of rows that are nothing in narrower modes
    assert len(sums[0][10]) == 4
