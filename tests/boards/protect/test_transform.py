"""Protected netlists: the same without a fault, and with one what their protection says."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from boards.frozen import Frozen, freeze
from boards.protect import (
    Manifest,
    ManifestError,
    Plan,
    map_sky130,
    protect,
    with_plain_enables,
)
from hw.contracts import ConfigError
from sim.faults.experiment import Experiment, Observation, observe
from sim.faults.fault import FLIP, exhaustive
from sim.faults.lanes import LanesEngine
from sim.faults.model import find_model
from sim.faults.outcome import CLASSES, NEVER, classify
from sim.faults.sites import FLOP, MEMORY, NET, list_sites

DESIGN = """
module x(input clk, input rst, input en, input [7:0] d, output [7:0] sum, output [7:0] old,
         output reg busy_valid);
  reg [7:0] total, last, seen;
  reg [2:0] at;
  reg [7:0] kept [0:7];
  reg [7:0] read;
  wire [7:0] following = total + (d ^ last);
  always @(posedge clk) begin
    if (en) total <= following;
    if (en) last <= d;
    if (rst) begin total <= 8'h5a; last <= 0; end
  end
  always @(posedge clk) if (rst) at <= 0; else if (en) at <= at + 1;
  always @(posedge clk) if (en) kept[at] <= total;
  always @(posedge clk) read <= kept[at ^ 1];
  always @(posedge clk) begin seen <= read; busy_valid <= en & ~rst; end
  assign sum = total;
  assign old = seen;
endmodule
"""
FLOPS = ("total", "last", "at", "read", "seen", "busy_valid")


@lru_cache(maxsize=1)
def frozen() -> Frozen:
    return freeze(DESIGN, "x")


def steps(count: int = 40) -> list[dict[str, int]]:
    rng = np.random.default_rng(2)
    return [
        {"rst": int(at == 1), "en": int(rng.random() < 0.7), "d": int(rng.integers(256))}
        for at in range(count)
    ]


def engine_of(netlist: Frozen, **more: int) -> LanesEngine:
    return LanesEngine(Experiment(netlist, [{**s, **more} for s in steps()], observe(netlist)))


def outcomes(netlist: Frozen, kind: int, prefix: str, cycles: range = range(2, 36)) -> list[str]:
    """Return the classes of every fault in words whose name begins so.

    What is first wrong in the last cycle of all would be detected a cycle later: left out.
    """
    sites = list_sites(netlist, kinds=(kind,))
    faults = exhaustive(sites, cycles, model=FLIP)
    words = (netlist.flops, netlist.memories, netlist.cells)[kind]
    mine = [at for at, word in enumerate(words) if word.name.startswith(prefix)]  # type: ignore[attr-defined]
    faults = faults[np.isin(faults["place"]["word"], mine)]
    assert len(faults)
    found = engine_of(netlist).inject(faults)
    in_time = np.minimum(found["data"], found["control"]) != len(steps()) - 1
    return [CLASSES[c] for c in classify(found[in_time])]


PLANS = {
    "parity": Plan(flops={"": "parity"}),
    "secded": Plan(flops={"": "secded"}, group_bits=16),
    "tmr": Plan(flops={"": "tmr"}),
    "dwc": Plan(flops={"": "dwc"}),
    "lockstep": Plan(flops={"": "lockstep"}, memories={"": "lockstep"}),
    "mixed": Plan(
        flops={"total": "secded", "at": "tmr", "last": "dwc", "read": "parity"},
        memories={"kept": "secded"},
    ),
    "memory": Plan(memories={"": "parity"}),
}


@pytest.mark.parametrize("name", ["lockstep", "mixed"])
def test_without_a_fault_nothing_changed_and_nothing_fires(name: str) -> None:
    made = protect(frozen(), PLANS[name])
    want = engine_of(frozen()).trace()
    again = freeze(made.verilog, "x")
    for netlist in (made.netlist, again):
        got = engine_of(netlist).trace()
        for one, other in zip(want, got, strict=True):
            assert {k: v for k, v in other.items() if k in one} == one
            assert not other.get("error_detected", 0)
            assert not other.get("error_corrected", 0)
    assert sorted(len(f.q) for f in again.flops) == sorted(len(f.q) for f in made.netlist.flops)


@pytest.mark.parametrize("name", ["parity", "dwc", "lockstep"])
def test_no_upset_of_a_register_stays_undetected(name: str) -> None:
    made = protect(frozen(), PLANS[name])
    for register in FLOPS:
        bad = [c for c in outcomes(made.netlist, FLOP, register) if c in ("SDC", CLASSES[5])]
        assert not bad
    assert any(c in ("SDC", CLASSES[5]) for c in outcomes(frozen(), FLOP, "total"))


@pytest.mark.parametrize("name", ["secded", "tmr"])
def test_every_upset_of_a_register_is_corrected(name: str) -> None:
    made = protect(frozen(), PLANS[name])
    for flop in made.netlist.flops:
        if not flop.name.startswith("protect."):
            assert set(outcomes(made.netlist, FLOP, flop.name)) == {"corrected"}, flop.name


def test_transients_in_the_logic_of_either_copy_are_detected() -> None:
    made = protect(frozen(), PLANS["lockstep"])
    bad = [c for c in outcomes(made.netlist, NET, "") if c in ("SDC", CLASSES[5])]
    # `following` is made of registers and inputs, so that all there is has a copy.
    assert not bad
    parity = protect(frozen(), PLANS["parity"])
    assert any(c == "SDC" for c in outcomes(parity.netlist, NET, ""))


@pytest.mark.parametrize(("name", "want"), [("mixed", "corrected"), ("memory", "detected")])
def test_upsets_of_memories(name: str, want: str) -> None:
    plain = outcomes(frozen(), MEMORY, "kept")
    found = outcomes(protect(frozen(), PLANS[name]).netlist, MEMORY, "kept")
    assert plain.count("SDC") > 100
    assert not [c for c in found if c in ("SDC", CLASSES[5])]
    assert found.count(want) >= plain.count("SDC")


@pytest.mark.parametrize("flat", [False, True])
def test_redundancy_survives_synthesis(flat: bool) -> None:
    for name in ("mixed", "lockstep") if flat else ("tmr", "secded"):
        made = protect(frozen(), PLANS[name])
        assert Manifest.from_json(made.manifest.to_json()) == made.manifest
        map_sky130(made.verilog, "x", made.manifest, flat=flat)


@pytest.mark.parametrize("name", ["tmr", "dwc"])
def test_replicas_that_are_not_kept_fail_the_build(name: str) -> None:
    made = protect(frozen(), PLANS[name])
    bare = made.verilog.replace("(* keep *)", "")
    with pytest.raises(ManifestError, match="flip-flops wanted"):
        map_sky130(bare, "x", made.manifest)


def test_a_shadow_that_is_flattened_fails_the_build() -> None:
    made = protect(frozen(), PLANS["lockstep"])
    bare = made.verilog.replace("(* keep_hierarchy *)", "").replace("(* keep *)", "")
    with pytest.raises(ManifestError, match=r"flip-flops wanted|1 wanted, 0 found"):
        map_sky130(bare, "x", made.manifest, flat=True)


def test_the_self_test_makes_each_checker_speak_in_turn() -> None:
    plan = Plan(flops={"": "dwc", "at": "tmr"}, self_test=True)
    made = protect(frozen(), plan)
    assert made.checkers == len(FLOPS)
    inputs = [{**s, "protect_test": int(at == 5)} for at, s in enumerate(steps())]
    trace = LanesEngine(Experiment(made.netlist, inputs, observe(made.netlist))).trace()
    fired = [s["error_detected"] + s["error_corrected"] for s in trace]
    assert fired == [int(6 <= at < 6 + made.checkers) for at in range(len(trace))]


PARITY_TEST = Plan(flops={"": "parity"}, memories={"": "parity"}, self_test=True)
LOCKSTEP_TEST = Plan(flops={"": "lockstep"}, memories={"": "lockstep"}, self_test=True)


def self_tested(plan: Plan) -> tuple[Experiment, int, int]:
    """Return a self-test from cycle 5 on, and what was added."""
    made = protect(frozen(), plan)
    count = 8 + made.test_cycles
    inputs = [{**s, "protect_test": int(at == 5)} for at, s in enumerate(steps(count))]
    watched = Observation(control=("error_detected",))
    return Experiment(made.netlist, inputs, watched), made.checkers, made.test_cycles


def test_comparators_of_lockstep_speak_in_turn() -> None:
    experiment, checkers, cycles = self_tested(LOCKSTEP_TEST)
    fired = [s["error_detected"] for s in LanesEngine(experiment).trace()]
    assert checkers == 0
    assert fired == [int(7 <= at < 5 + cycles) for at in range(len(fired))]
    assert sum(fired) == 32 + 1  # 18 bits leave the design: one comparator


@pytest.mark.parametrize("plan", [LOCKSTEP_TEST, PARITY_TEST])
def test_a_checker_that_never_speaks_fails_the_self_test(plan: Plan) -> None:
    experiment, _, _ = self_tested(plan)
    sites = list_sites(experiment.netlist, kinds=(NET,), tags=lambda name: name)
    names = [sites.name(at) for at in range(len(sites))]
    checker = re.compile(r"shadow\.(compare|any|said)|\$s0|protect\.error")
    chosen = np.array([at for at, name in enumerate(names) if checker.search(name)])
    assert len(chosen) > 2
    faults = find_model("stuck0").faults(sites, chosen, np.zeros(len(chosen), np.int64))
    noticed = LanesEngine(experiment).inject(faults)["control"] != NEVER
    assert noticed.all(), [names[at] for at in chosen[~noticed]]


def test_the_self_test_survives_synthesis() -> None:
    made = protect(frozen(), LOCKSTEP_TEST)
    plain = protect(frozen(), replace(LOCKSTEP_TEST, self_test=False))
    mapped = [map_sky130(m.verilog, "x", m.manifest, flat=True) for m in (plain, made)]
    assert mapped[1].area_um2 > mapped[0].area_um2


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: Plan(flops={"": "tmrr"}), "'tmrr' is no protection; did you mean 'tmr'"),
        (lambda: Plan(memories={"": "tmr"}), "memories.*'tmr' is no protection"),
        (lambda: protect(frozen(), Plan(flops={"totl": "tmr"})), "protects nothing of x; did you"),
        (lambda: Plan(group_bits=0), "group_bits=0 is out of range"),
    ],
)
def test_refusals(build: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        build()


def test_a_word_that_is_written_whole_has_one_code() -> None:
    (memory,) = frozen().memories
    assert len(set(memory.writes[0][2])) == 8  # lowering gave each bit an enable of its own
    plain = with_plain_enables(frozen())
    (found,) = plain.memories
    assert len(set(found.writes[0][2])) == 1
    assert len(plain.cells) == len(frozen().cells) - 3  # of enables, address and data
    for scheme, more in (("parity", 1), ("secded", 5)):
        made = protect(frozen(), Plan(memories={"": scheme}))
        assert made.netlist.memories[0].width == 8 + more


def test_the_parity_of_a_single_bit_survives() -> None:
    text = "module x(input clk, input d, output reg q); always @(posedge clk) q <= ~d; endmodule"
    made = protect(freeze(text, "x"), Plan(flops={"": "parity"}))
    map_sky130(made.verilog, "x", made.manifest, flat=True)


@pytest.mark.parametrize("scheme", ["dwc", "lockstep"])
def test_bits_that_are_equal_may_be_one_flip_flop(scheme: str) -> None:
    text = """module x(input clk, input signed [7:0] a, b, output reg signed [9:0] q);
    always @(posedge clk) q <= a + b; endmodule"""
    made = protect(freeze(text, "x"), Plan(flops={"": scheme}))
    map_sky130(made.verilog, "x", made.manifest, flat=True)
