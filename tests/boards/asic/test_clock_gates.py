"""Clock gates: what a gated clock takes, and that their table is the PDK's."""

from __future__ import annotations

from importlib import resources

import pytest

from boards.liberty import Library
from boards.netlist import Instance, Module, Netlist
from boards.power.gated import clock_energy, without_gates
from boards.sky130 import library
from boards.sky130.clock_gates import clock_gate_rows, clock_gates
from boards.sky130.table import PREFIX

CLOCK, ENABLE, GATED = 1, 2, 3


def netlist(behind: int, free: int) -> Netlist:
    """Return flip-flops behind a clock gate, and others without."""
    items = [Instance("gate", f"{PREFIX}dlclkp_1", {"CLK": CLOCK, "GATE": ENABLE, "GCLK": GATED})]
    for index in range(behind + free):
        pins = {"CLK": GATED if index < behind else CLOCK, "D": 10 + index, "Q": 100 + index}
        items.append(Instance(f"flop_{index}", f"{PREFIX}dfxtp_1", pins))
    module = Module("top", {"clk": CLOCK, "enable": ENABLE}, {}, tuple(items))
    return Netlist({"top": module}, "top")


def test_gates_are_taken_out_and_their_enables_kept() -> None:
    gated = without_gates(netlist(behind=3, free=2))
    items = gated.netlist.modules["top"].instances
    assert [item.pins["CLK"] for item in items] == [CLOCK] * 5
    assert gated.enables == {f"flop_{index}": ENABLE for index in range(3)}


def test_a_clock_that_seldom_comes_takes_in_proportion_less() -> None:
    gated = without_gates(netlist(behind=40, free=0))
    never, half, always = (
        clock_energy(gated, library(), {ENABLE: rate}, {}) for rate in (0.0, 0.5, 1.0)
    )
    assert never.flops == 0
    assert half.flops == pytest.approx(always.flops / 2)
    assert never.total < half.total < always.total
    assert never.gates > 0  # its own clock pin is always clocked
    assert never.total < always.total / 10


def test_flops_without_a_gate_are_clocked_always() -> None:
    free = clock_energy(without_gates(netlist(behind=0, free=8)), library(), {}, {})
    both = clock_energy(without_gates(netlist(behind=8, free=8)), library(), {ENABLE: 1.0}, {})
    assert both.flops == pytest.approx(2 * free.flops)
    assert free.gates == 0


def test_an_enable_that_toggles_costs_energy() -> None:
    gated = without_gates(netlist(behind=4, free=0))
    quiet, busy = (
        clock_energy(gated, library(), {ENABLE: 0.5}, {ENABLE: rate}) for rate in (0.0, 0.5)
    )
    assert busy.gates > quiet.gates
    assert busy.tree == quiet.tree


def test_stronger_gates_drive_more_and_are_larger() -> None:
    areas = [cell.area_um2 for cell in clock_gates()]
    loads = [cell.pins["GCLK"].max_load_pf for cell in clock_gates()]
    assert areas == sorted(areas)
    assert loads == sorted(loads)


def test_the_table_is_the_pdks(reference: Library) -> None:
    text = resources.files("boards.sky130").joinpath("clock_gates.csv").read_text("utf-8")
    assert clock_gate_rows(reference) == text
