"""Power of mapped arrays against a simulation of their gates, and that simulation itself."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.sky130_power import DESIGNS, compare
from boards.liberty import Library
from boards.netlist import Instance, Module, Netlist
from boards.power import asic_power
from boards.power.toggles import GateSimulator
from boards.timing import analyse
from hw.matrix import MatrixConfig

QUICK = MatrixConfig(rows=2, cols=2, operand_bits=4, a_depth=64, b_depth=64, result_rows=4)
INV, XOR, FLOP = (f"sky130_fd_sc_hd__{name}_1" for name in ("inv", "xor2", "dfxtp"))


def glitching() -> Netlist:
    """A register XOR its late complement: always one, but for a pulse at every change."""
    nets = [3, *range(5, 12)]
    chain = [Instance(f"i{a}", INV, {"A": a, "Y": b}) for a, b in pairwise(nets)]
    cells = (
        Instance("r", FLOP, {"CLK": 1, "D": 2, "Q": 3}),
        *chain,
        Instance("x", XOR, {"A": 3, "B": nets[-1], "X": 20}),
        Instance("s", FLOP, {"CLK": 1, "D": 20, "Q": 21}),
    )
    return Netlist({"m": Module("m", {"c": 1, "d": 2}, {"o": 21}, cells)}, "m")


def test_a_pulse_counts_twice(compact: Library) -> None:
    timing = analyse(glitching(), compact).modules["m"]
    gates = GateSimulator(timing, compact)
    zeros = np.zeros(gates.CASES // 64, np.uint64)
    gates.settle({1: zeros, 2: zeros, 3: zeros, 21: zeros})
    counts = gates.step({3: ~zeros})
    assert counts[11] == gates.CASES  # the end of the chain changes once in every case
    assert counts[20] == 2 * gates.CASES  # the gate there and back
    assert gates.step({3: ~zeros}) == {}


def test_counted_toggles_replace_spread_ones(compact: Library) -> None:
    still = asic_power(glitching(), compact, {"*": 0.5}, toggles={"m": {}})
    assert still.energy_pj["logic"] == still.energy_pj["registers"] == 0
    one = asic_power(glitching(), compact, {}, toggles={"m": {20: 1.0}})
    two = asic_power(glitching(), compact, {}, toggles={"m": {20: 2.0}})
    assert two.energy_pj["logic"] == pytest.approx(2 * one.energy_pj["logic"])


EVERY = [QUICK, *(pytest.param(config, marks=pytest.mark.slow) for config in DESIGNS)]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("config", EVERY, ids=str)
def test_power_is_that_of_the_gates_within_ten_percent(pdk: Path, config: MatrixConfig) -> None:
    mine, gates = compare(config, pdk)
    assert mine.cycle_pj == pytest.approx(gates.cycle_pj, rel=0.10)
    assert mine.energy_pj["logic"] > 0.1 * mine.cycle_pj
