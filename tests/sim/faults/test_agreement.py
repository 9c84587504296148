"""All engines agree on every outcome to the last field; what must be caught is caught."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from boards.flows.scripts import ABC_FILE, DESIGN_FILE, LIBERTY_FILE, MAPPED_FILE
from boards.flows.synthesis import asic_files, run_yosys
from boards.frozen import freeze
from boards.sky130 import library
from boards.sky130.mapping import mapping_commands
from boards.tools import require_tool
from hw.contracts import ConfigError
from sim.faults.cocotb import CocotbEngine
from sim.faults.experiment import Engine, Experiment, Observation, Watched, observe
from sim.faults.fault import ALWAYS, FAULT, FLIP, STUCK_0, STUCK_1, exhaustive, faults_at
from sim.faults.gates import GatesEngine, cell_areas, cell_models, gate_sites, match_gates
from sim.faults.lanes import LanesEngine
from sim.faults.outcome import NEVER, OUTCOME, UNDETECTED, classify
from sim.faults.sites import FLOP, MEMORY, NET, Sites, list_sites
from sim.faults.verilator import VerilatorEngine
from tests.sim.faults.experiments import corners, histogram, packetiser, triple, verilog

QUICK = "-O1"
Faults = NDArray[np.void]


def agree(one: NDArray[np.void], other: NDArray[np.void], faults: Faults) -> None:
    different = np.flatnonzero(one != other)
    assert not len(different), [(faults[at], one[at], other[at]) for at in different[:3]]


def mixture(sites: Sites, cycles: int, count: int, seed: int) -> Faults:
    """Return faults of all models, lengths and patterns."""
    rng = np.random.default_rng(seed)
    faults = faults_at(sites, rng.integers(0, len(sites), count), rng.integers(0, cycles, count))
    faults["model"] = rng.choice([FLIP, STUCK_0, STUCK_1], count)
    faults["length"] = rng.choice([0, 1, 2, 5, ALWAYS], count)
    faults["pattern"] = rng.integers(1, 1 << 16, count)
    return faults


@pytest.mark.parametrize("build", [packetiser, histogram, corners, triple])
def test_every_upset_has_the_same_outcome_in_all_engines(
    build: Callable[[int], Experiment],
) -> None:
    experiment = build(30)
    referee = VerilatorEngine(experiment, optimize=QUICK)
    sites = list_sites(experiment.netlist, kinds=(FLOP, MEMORY))
    upsets = exhaustive(sites, range(experiment.cycles))
    others = mixture(sites, experiment.cycles, 2000, seed=1)
    truth = referee.inject(upsets)
    for engine in (LanesEngine(experiment), GatesEngine(experiment)):
        assert engine.trace() == referee.trace()
        agree(engine.inject(upsets), truth, upsets)
        agree(engine.inject(others), referee.inject(others), others)
    wrong = np.isin(classify(truth), UNDETECTED)
    assert wrong.any() == (build is not triple)


def test_word_level_nets_have_the_same_outcome_in_lanes_and_verilator() -> None:
    experiment = packetiser(30)
    sites = list_sites(experiment.netlist, kinds=(NET,))
    transients = exhaustive(sites, range(experiment.cycles))
    others = mixture(sites, experiment.cycles, 2000, seed=2)
    referee, lanes = VerilatorEngine(experiment, optimize=QUICK), LanesEngine(experiment)
    for faults in (transients, others):
        agree(lanes.inject(faults), referee.inject(faults), faults)


def test_gates_are_sites_of_their_own_with_verilator_as_referee() -> None:
    experiment = triple()
    engine = GatesEngine(experiment)
    sites = gate_sites(engine.gates)
    areas = cell_areas(engine.gates)
    assert len(sites) == len(areas) == len(engine.gates.netlist.cells)
    assert all(word.cell.startswith("sky130_fd_sc_hd__") for word in sites.words)
    mapped = Experiment(engine.gates.netlist, experiment.inputs, experiment.observation)
    referee = VerilatorEngine(
        mapped, optimize=QUICK, cells=cell_models(), outputs=engine.gates.outputs
    )
    transients = exhaustive(sites, range(experiment.cycles))
    others = mixture(sites, experiment.cycles, 2000, seed=3)
    for faults in (transients, others):
        found = engine.inject(faults)
        agree(found, referee.inject(faults), faults)
    assert np.isin(classify(found), UNDETECTED).any()  # voters are not protected


def test_cocotb_on_the_original_agrees_on_a_sample() -> None:
    experiment = packetiser(30)
    sites = list_sites(experiment.netlist, kinds=(FLOP, MEMORY))
    rng = np.random.default_rng(5)
    upsets = exhaustive(sites, range(2, experiment.cycles))
    faults = np.concatenate([upsets[rng.choice(len(upsets), 40, replace=False)], upsets[:0]])
    engine = CocotbEngine(experiment, verilog("packetiser"))
    agree(engine.inject(faults), LanesEngine(experiment).inject(faults), faults)
    assert engine.trace() == LanesEngine(experiment).trace()


PACKED = """
module packed_beats(input logic clk, input logic [4:0] d, output logic [4:0] q);
  typedef struct packed { logic [3:0] kind; logic last; } beat_t;
  beat_t beat;
  always_ff @(posedge clk) begin beat.kind <= d[4:1]; beat.last <= d[0] & ~beat.last; end
  assign q = beat;
endmodule
"""


def test_cocotb_names_what_it_does_not_reach(tmp_path: Path) -> None:
    source = tmp_path / "packed.sv"
    source.write_text(PACKED)
    netlist = freeze([source], "packed_beats")
    experiment = Experiment(netlist, [{"d": 3}] * 3, observe(netlist))
    with pytest.raises(ConfigError, match=r"such as beat\.(kind|last) .* use another engine"):
        CocotbEngine(experiment, source).trace()


def test_an_engine_that_does_not_settle_is_caught() -> None:
    experiment = packetiser(30)
    upsets = exhaustive(list_sites(experiment.netlist), range(experiment.cycles))
    poking: Engine = VerilatorEngine(experiment, optimize=QUICK, settle=False)
    right = LanesEngine(experiment).inject(upsets)
    wrong = poking.inject(upsets) != right
    assert wrong.mean() > 0.02
    with pytest.raises(AssertionError):
        agree(poking.inject(upsets), right, upsets)


def test_synthesis_without_keep_that_merges_replicas_is_caught() -> None:
    text = verilog("triple")
    netlist = freeze(text, "triple")
    assert netlist.flop_bits == 24
    with pytest.raises(ConfigError, match=r"of 24 flip-flop bits .*attribute keep"):
        match_gates(netlist, mapped(text, ""), library())
    gates = match_gates(netlist, mapped(text, "setattr -set keep 1 t:$dff"), library())
    assert gates.netlist.flop_bits == 24
    experiment = triple()
    faults = exhaustive(list_sites(netlist), range(experiment.cycles))
    found = GatesEngine(experiment, gates=gates).inject(faults)
    agree(found, LanesEngine(experiment).inject(faults), faults)


def mapped(text: str, before: str) -> bytes:
    """Return the netlist that the project's own flow makes, after another command."""
    flow = mapping_commands("triple", LIBERTY_FILE, ABC_FILE)
    script = [f"read_verilog -sv {DESIGN_FILE}", "hierarchy -top triple; proc", before, *flow]
    files = {DESIGN_FILE: text, **asic_files()}
    script.append(f"write_json {MAPPED_FILE}")
    return run_yosys(require_tool("yosys"), script, files, (MAPPED_FILE,), 600.0)[1][MAPPED_FILE]


IDLE = """
module idle(input clk, input d, input go, output reg q, output [3:0] y);
  reg never = 1, always_one = 1, one = 0, other = 0; // useless ones, and two that are equal
  reg [3:0] half = 4'b0101;
  always @(posedge clk) begin
    never <= go ? never : never; always_one <= 1; one <= d; other <= d;
    half <= {half[3:2] & {2{go}} & 2'b01, half[1:0]};
    q <= never & always_one ? one ^ other ^ d : go;
  end
  assign y = half;
endmodule
"""


def test_flip_flops_that_seem_useless_stay() -> None:
    netlist = freeze(IDLE, "idle")
    steps = [{"d": at % 3 == 0, "go": at % 2} for at in range(12)]
    experiment = Experiment(netlist, steps, observe(netlist))
    engine = GatesEngine(experiment)
    assert engine.gates.netlist.flop_bits == netlist.flop_bits == 9
    faults = exhaustive(list_sites(netlist), range(12))
    truth = LanesEngine(experiment).inject(faults)
    agree(engine.inject(faults), truth, faults)
    agree(VerilatorEngine(experiment, optimize=QUICK).inject(faults), truth, faults)


def test_a_netlist_of_another_design_is_refused() -> None:
    netlist = triple().netlist
    other = {"modules": {"triple": {"ports": {}, "cells": {}, "netnames": {}, "attributes": {}}}}
    with pytest.raises(ConfigError, match=r"no port .* map the netlist that is injected"):
        match_gates(netlist, json.dumps(other), library())


TOGGLES = """
module toggles(input clk, input [1:0] row, input [1:0] ask, input [2:0] d, output [2:0] q);
  reg [2:0] mem [0:3];
  assign q = mem[ask];
  always @(posedge clk) mem[row] <= mem[row] ^ d;
endmodule
"""


def test_stuck_bits_of_a_memory_that_is_written_with_what_it_holds() -> None:
    netlist = freeze(TOGGLES, "toggles")
    rng = np.random.default_rng(9)
    steps = [
        dict(zip(("row", "ask", "d"), rng.integers(0, [2, 4, 8]).tolist(), strict=True))
        for _ in range(20)
    ]
    experiment = Experiment(netlist, steps, observe(netlist))
    sites = list_sites(netlist, kinds=(MEMORY,))
    faults = mixture(sites, 20, 3000, seed=10)
    truth = VerilatorEngine(experiment, optimize=QUICK).inject(faults)
    agree(LanesEngine(experiment, lanes=8).inject(faults), truth, faults)
    assert 0.1 < truth["state"][faults["length"] == ALWAYS].mean() < 0.9


WIDE = """
module wide(input clk, input [69:0] d, input go, output reg [69:0] q, output reg [11:0] numbers,
            output reg q_valid);
  always @(posedge clk) begin
    q <= q ^ d; numbers <= numbers + d[11:0]; q_valid <= go;
  end
endmodule
"""


@pytest.mark.parametrize("signed", [False, True])
def test_errors_are_numbers_of_their_fields(signed: bool) -> None:
    netlist = freeze(WIDE, "wide")
    rng = np.random.default_rng(7)
    steps = [
        {"d": int.from_bytes(rng.bytes(9), "little") >> 2, "go": int(rng.integers(2))}
        for _ in range(10)
    ]
    watched = (
        Watched("q", valid="q_valid", signed=signed),
        Watched("numbers", ready="go", field_bits=5, signed=signed),
    )
    experiment = Experiment(netlist, steps, Observation(watched, detectors=("q_valid",)))
    faults = exhaustive(list_sites(netlist), range(10))
    truth = VerilatorEngine(experiment, optimize=QUICK).inject(faults)
    for engine in (LanesEngine(experiment), GatesEngine(experiment)):
        agree(engine.inject(faults), truth, faults)
    sample = faults[rng.choice(len(faults), 60, replace=False)]
    agree(
        CocotbEngine(experiment, WIDE).inject(sample),
        LanesEngine(experiment).inject(sample),
        sample,
    )
    assert truth["largest"].max() >= 2.0**62
    assert (truth["detected"] != NEVER).any()


def test_faults_after_the_end_are_refused() -> None:
    experiment = triple(5)
    faults = np.zeros(1, dtype=FAULT)
    faults["cycle"], faults["pattern"] = 5, 1
    for engine in (VerilatorEngine(experiment, optimize=QUICK), GatesEngine(experiment)):
        with pytest.raises(ConfigError, match=r"cycle=5 .* its cycles are 0 to 4"):
            engine.inject(faults)


def test_no_faults_have_no_outcomes() -> None:
    experiment = triple(5)
    none = np.zeros(0, dtype=FAULT)
    for engine in (VerilatorEngine(experiment, optimize=QUICK), GatesEngine(experiment)):
        assert engine.inject(none).dtype == OUTCOME
