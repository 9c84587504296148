"""Power: logic functions, toggles, mapped netlists, FPGA coefficients and the closed form."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from boards.liberty import Library
from boards.netlist import Module, read_netlist
from boards.power import (
    Activity,
    Buffer,
    asic_power,
    energy_model,
    fabric,
    fpga_power,
    memory_energy,
    memory_power,
)
from boards.power.functions import compile_function
from boards.power.toggles import toggle_rates
from boards.power.words import words
from boards.target import list_targets, load_target
from boards.timing import analyse
from hw.contracts import ConfigError


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("!(A & B) | C", lambda a, b, c: not (a and b) or c),
        ("A' B + C", lambda a, b, c: (not a and b) or c),
        ("A ^ B ^ C", lambda a, b, c: a ^ b ^ c),
        ("(A&!B) | (C&B)", lambda a, b, c: c if b else a),
        ("A ^ B & C", lambda a, b, c: (a ^ b) and c),
        ("1", lambda a, b, c: 1),
    ],
)
def test_liberty_functions(text: str, truth: Callable[..., Any]) -> None:
    function = compile_function(text, ("A", "B", "C"))
    for a, b, c in product((0, 1), repeat=3):
        assert function(a, b, c) & 1 == int(bool(truth(a, b, c)))


@pytest.mark.parametrize("text", ["A &", "(A", "A $ B", "A | X"])
def test_what_is_no_function_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no logic expression of A, B"):
        compile_function(text, ("A", "B"))


def test_every_cell_of_the_table_has_a_function(compact: Library) -> None:
    for cell in compact.cells.values():
        if cell.sequential is None:
            names = tuple(pin.name for pin in cell.inputs)
            for pin in cell.outputs:
                compile_function(pin.function, names)


def test_record_falls_back_from_signal_to_module_to_default() -> None:
    record = Activity({"pe.acc": 0.1, "pe": 0.3, "*": 0.2})
    assert record.signal("pe", "acc[3]") == 0.1
    assert record.signal("pe", "a") == 0.3
    assert record.signal("other", "a") == 0.2
    assert Activity({}).module("pe") == 0.125
    assert Activity({"m.buf:read": 0.5}).accesses("m", "buf", "read") == 0.5


@pytest.mark.parametrize("rate", [-0.1, float("inf"), "much"])
def test_impossible_rates_are_refused(rate: Any) -> None:
    with pytest.raises(ConfigError, match="simulate the tile again"):
        Activity({"pe": rate})


def test_still_sources_cause_no_toggle(mac_row: dict[str, Any], compact: Library) -> None:
    timing = analyse(mac_row, compact).modules["pe"]
    found = toggle_rates(timing, compact, lambda bit: 0.0)
    assert set(found.values()) == {0.0}


def test_busy_sources_cause_glitches(mac_row: dict[str, Any], compact: Library) -> None:
    timing = analyse(mac_row, compact).modules["pe"]
    slow, busy = (toggle_rates(timing, compact, lambda bit, r=r: r) for r in (0.1, 0.5))
    assert sum(slow.values()) < sum(busy.values())
    assert max(busy.values()) > 1  # more than one change in a cycle: a glitch
    assert busy == toggle_rates(timing, compact, lambda bit: 0.5)


@pytest.mark.parametrize(("apart", "free"), [(0.25, 7.0), (0.1, 2.8), (0.0, 0.0)])
def test_words_toggle_and_differ_as_often_as_measured(apart: float, free: float) -> None:
    record = Activity({"m.x": 0.25, "m.x:apart": apart})
    (word,) = words(Module("m", {}, {}, (), dict.fromkeys(range(8), ("x",))), record)
    assert word.free == pytest.approx(free)
    drawn = word.draw(256, np.random.default_rng(0))
    flips = [old ^ new for old, new in drawn.values()]
    assert _share(flips) == pytest.approx(0.25, abs=0.01)
    assert _share([low ^ high for low, high in pairwise(flips)]) == pytest.approx(apart, abs=0.01)
    values = [old for old, _ in drawn.values()]
    assert np.any(values[-1] ^ values[-2]) == (free > 6)  # else both are the sign


def _share(vectors: list[Any]) -> float:
    return float(np.mean([np.bitwise_count(vector) for vector in vectors])) / 64


def test_small_numbers_cost_less_than_random_bits(
    mac_row: dict[str, Any], compact: Library
) -> None:
    record = {"*": 0.0, "pe.a": 0.5, "pe.b": 0.5}
    small = record | {"pe.a:apart": 0.1, "pe.b:apart": 0.1}
    bits, numbers = (asic_power(mac_row, compact, found) for found in (record, small))
    assert numbers.energy_pj["logic"] < 0.95 * bits.energy_pj["logic"]
    assert numbers.energy_pj["clock"] == bits.energy_pj["clock"]


def test_power_of_the_compact_table_is_that_of_the_pdk(
    mac_row: dict[str, Any], compact: Library, reference: Library
) -> None:
    activity = {"pe": 0.4, "row": 0.4}
    ours, full = (asic_power(mac_row, cells, activity) for cells in (compact, reference))
    for cause, energy in full.energy_pj.items():
        assert ours.energy_pj[cause] == pytest.approx(energy, rel=0.05)
    assert ours.static_mw == pytest.approx(full.static_mw, rel=1e-3)


def test_clock_runs_when_nothing_else_does(mac_row: dict[str, Any], compact: Library) -> None:
    idle, busy = asic_power(mac_row, compact, {"*": 0.0}), asic_power(mac_row, compact, {"*": 0.5})
    assert idle.energy_pj["logic"] == idle.energy_pj["registers"] == 0
    assert idle.energy_pj["clock"] == pytest.approx(busy.energy_pj["clock"])
    assert busy.cycle_pj > 2 * idle.cycle_pj


def test_named_signals_count(mac_row: dict[str, Any], compact: Library) -> None:
    base = asic_power(mac_row, compact, {"*": 0.0})
    operands = asic_power(mac_row, compact, {"*": 0.0, "pe.a": 0.5, "pe.b": 0.5})
    assert operands.energy_pj["logic"] > base.energy_pj["logic"]
    # The registers behind the adder feel their inputs move but do not change.
    assert operands.energy_pj["registers"] < 0.2 * operands.energy_pj["logic"]


def test_memory_costs_by_access(memory_design: dict[str, Any], compact: Library) -> None:
    def energy(reads: float, writes: float) -> float:
        record = {"*": 0.1, "store.m:read": reads, "store.m:write": writes}
        return asic_power(memory_design, compact, record).energy_pj["memories"]

    assert energy(0, 0) == 0
    assert energy(1, 0) == pytest.approx(8.0, rel=0.01)
    assert energy(0, 1) < energy(1, 0)
    # Its clock runs all the same: 6.5 pJ a cycle.
    assert asic_power(memory_design, compact, {"*": 0.0}).energy_pj["clock"] > 6.5


def test_figures_carry_uncertainty_and_conditions(
    mac_row: dict[str, Any], compact: Library
) -> None:
    found = asic_power(mac_row, compact, {"*": 0.3}).metrics(100)
    power, sigma = (found.value(f"{n}_modelled") for n in ("power_mw", "power_uncertainty_mw"))
    assert 0.1 * power < sigma < 0.5 * power
    assert power == pytest.approx(found.value("cycle_energy_pj_modelled") * 0.1, rel=0.01)
    assert "pre-layout" in found["power_mw_modelled"].conditions
    assert "simulated activity" in found["power_mw_modelled"].conditions
    for source in ("SkyWater Open PDK", "wire load Small", "1.8 V 25 C"):
        assert source in found["power_mw_modelled"].conditions
    assert "bench.power_coefficients" in energy_model("sky130").source
    assumed = asic_power(mac_row, compact, {}).metrics(100)
    assert "assumed activity" in assumed["power_mw_modelled"].conditions


@pytest.mark.parametrize("family", ["ecp5", "ice40", "xcup"])
def test_fpga_power_is_an_estimate_with_a_source(family: str) -> None:
    used = {"pe": {"lut": 1000, "ff": 800, "dsp": 16}, "buffer": {"bram": 4, "lut": 50}}
    found = fpga_power(family, used, {"pe": 0.3}).metrics(50)
    figure = found["power_mw_estimated"]
    assert figure.value > found.value("static_power_mw_estimated")
    assert len(fabric(family).source) > 40
    assert "simulated activity" in figure.conditions


def test_busier_fpga_takes_more_and_smaller_device_less() -> None:
    used = {"pe": {"lut": 1000, "ff": 800, "dsp": 16}}
    idle, busy = (fpga_power("ecp5", used, {"*": rate}) for rate in (0.05, 0.5))
    assert busy.energy_pj["multipliers"] == pytest.approx(10 * idle.energy_pj["multipliers"])
    small = fpga_power("ecp5", used, {"*": 0.5}, device_lut=24000)
    assert small.static_mw == pytest.approx(busy.static_mw * 24000 / 83640)


def test_fpga_memories_cost_by_accesses_and_nothing_else_that_a_record_names() -> None:
    modules = {"m": {"lut": 10.0, "ff": 10.0, "bram": 2.0}}
    record = {"m": 0.1, "m.mem:read": 0.5, "m.mem:write": 0.25}
    alone = fpga_power("ecp5", modules, record).energy_pj
    assert alone["memories"] == pytest.approx(0.75 * _all_access("ecp5", modules))
    assert fpga_power("ecp5", modules, {**record, "m.word:apart": 0.0}).energy_pj == alone


def _all_access(family: str, modules: dict[str, dict[str, float]]) -> float:
    return fpga_power(family, modules, {"m.mem:read": 1.0}).energy_pj["memories"]


def test_block_memories_are_scaled_from_one_report() -> None:
    access = 1.532 / 412.5 / 180e6 * 1e12

    def scaled(volts: float, kbit: float) -> float:
        return float(access * 40 / 16 * (volts / 0.85) ** 2 * (kbit / 36) ** 0.5)

    assert fabric("xcup").bram_pj == pytest.approx(access, rel=0.01)
    assert fabric("xcup").uram_pj == pytest.approx(access * 8**0.5, rel=0.01)
    assert fabric("ecp5").bram_pj == pytest.approx(scaled(1.1, 18), rel=0.01)
    assert fabric("ice40").bram_pj == pytest.approx(scaled(1.219, 4), rel=0.02)
    assert fabric("ice40").spram_pj == pytest.approx(scaled(1.219, 256) * 16 / 36, rel=0.01)


def test_unknown_family_and_memory_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'ecp5'"):
        fabric("ecp4")
    with pytest.raises(ConfigError, match="no energies for memory kind 'ddr9'"):
        memory_energy("ddr9")


def test_every_memory_of_every_target_has_an_energy() -> None:
    for name in list_targets():
        for memory in load_target(name).memories:
            assert memory_energy(memory.kind).figure().unit == "pJ/B"


def test_memory_power_is_bytes_times_energy() -> None:
    found = memory_power("ddr3", 2e6, 0.01)  # 200 MB/s
    figure = found["memory_power_mw_estimated"]
    assert figure.value == pytest.approx(200e6 * memory_energy("ddr3").pj_per_byte * 1e-9)
    assert "200 MB/s to and from ddr3" in figure.conditions
    assert memory_energy("ddr3").source in figure.conditions
    assert not memory_power("of my own", 2e6, 0.01)


def test_every_memory_says_its_source_or_that_it_has_none() -> None:
    for kind in ("hbm2", "ddr3", "sdram", "hyperram", "flash", "spram"):
        source = memory_energy(kind).source
        assert source.startswith("estimate, ") or any(digit in source for digit in "0123456789")


def test_closed_form_agrees_with_gates(mac_row: dict[str, Any], compact: Library) -> None:
    netlist = read_netlist(mac_row)
    flops = sum(n for cell, n in netlist.cell_counts.items() if "__df" in cell)
    record = {"*": 0.5, "pe.acc": 0.25}
    gates = asic_power(mac_row, compact, record).cycle_pj
    design = {"macs": 3, "operand_bits": 8, "accum_bits": 24, "ff": flops, "ff_rate": 0.4}
    model = energy_model("sky130")
    assert float(model.cycle_pj(**design)) == pytest.approx(gates, rel=0.3)
    calibrated = model.calibrated([(design, gates)])
    assert float(calibrated.cycle_pj(**design)) == pytest.approx(gates, rel=1e-6)


@pytest.mark.parametrize("family", ["sky130", "ecp5", "ice40", "xcup"])
def test_closed_form_takes_arrays(family: str) -> None:
    model = energy_model(family)
    found = model.power_mw(
        clock_mhz=np.array([50.0, 100.0]),
        macs=np.array([64, 64]),
        operand_bits=8,
        dsp=np.array([True, False]),
        ff=4000,
        buffers=[Buffer(words=np.array([512, 1024]), width=64, reads=1, writes=0.5)],
        area_um2=1e6,
    )
    assert found.shape == (2,)
    assert found[1] > found[0] > model.static_mw


def test_calibration_needs_points() -> None:
    with pytest.raises(ConfigError, match="at least one design"):
        energy_model("sky130").calibrated([])
