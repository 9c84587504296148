"""The loop on a small design of anybody: what it builds keeps the bounds it was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from boards.frozen import freeze
from boards.protect import Plan, protect
from dse.harden import (
    Budget,
    Chosen,
    Limits,
    NoProtectionError,
    Option,
    Variant,
    duplicate,
    harden,
    plan_of,
)
from dse.harden.bounds import latent_term_fit, missed, verdicts
from dse.harden.document import document, files
from dse.harden.loop import guarded, self_tests
from dse.harden.measure import permanent
from sim.faults.experiment import Experiment, observe
from sim.faults.metrics import Metric
from sim.faults.outcome import SDC

DESIGN = """
module core(input clk, input rst, input go, input [7:0] d, output [11:0] sum, output reg o_valid);
  reg [11:0] total;
  reg [1:0] state;
  reg [7:0] seen;
  always @(posedge clk) begin
    seen <= d;
    if (rst) begin total <= 0; state <= 0; o_valid <= 0; end
    else begin
      state <= go ? state + 1 : state;
      o_valid <= go & (state == 3);
      if (go) total <= (state == 0) ? seen : total + seen;
    end
  end
  assign sum = total;
endmodule
"""


def variant(cycles: int = 80) -> Variant:
    rng = np.random.default_rng(1)
    steps = [
        {"rst": int(at < 2), "go": int(rng.random() < 0.8), "d": int(rng.integers(256))}
        for at in range(cycles)
    ]
    netlist = freeze(DESIGN, "core")
    return Variant(
        name="", netlist=netlist, inputs=steps, window=range(3, cycles - 8), area_um2=2000.0
    )


def structure(name: str) -> str:
    return "control" if name.startswith(("state", "o_valid")) else "data"


LIMITS = Limits(spfm=0.97, pmhf_fit=1.0)
BUDGET = Budget(faults=3_000)


@pytest.mark.slow
def test_the_bounds_hold_after_the_loop() -> None:
    found = harden([variant()], structure, LIMITS, BUDGET, schemes=("parity", "lockstep"))
    before = {(m.name, m.group): m.bound for m in found.base.metrics}
    last = found.attempts[-1]
    after = {(m.name, m.group): m.bound for m in last.metrics}
    assert before["SPFM", "flops and logic"] < 0.9
    assert after["SPFM", "flops and logic"] >= LIMITS.spfm
    assert last.hasty is not None
    assert last.chosen.area_um2 <= last.hasty.area_um2 + 1e-6
    assert set(last.chosen.options) == {"control", "data"}


@pytest.mark.slow
def test_what_no_scheme_reaches_is_refused() -> None:
    with pytest.raises(NoProtectionError, match="no choice reaches SPFM"):
        harden([variant()], structure, Limits(spfm=0.99999), BUDGET, schemes=("parity",))


def test_a_plan_names_what_is_protected_and_what_only_seems_so() -> None:
    netlist = freeze(DESIGN.replace("seen", "state_seen"), "core")
    chosen = Chosen({"s": Option(name="tmr"), "rest": Option(name="none")}, (), 0.0)
    plan = plan_of(netlist, lambda name: "s" if name == "state" else "rest", chosen)
    assert plan.of_flop("state") == "tmr"
    assert plan.of_flop("state_seen") == "none"
    assert plan.of_flop("total") == "none"


BOTH = replace(LIMITS, lfm=0.8)


@pytest.mark.slow
def test_permanent_targets_hold_as_well_and_their_area_is_apart() -> None:
    base = variant()
    found = harden([base], structure, BOTH, BUDGET, schemes=("parity", "lockstep"))
    first, last = found.transient, found.attempts[-1]
    assert not first.plan.self_test
    assert last.plan.self_test
    natures = {(v.metric.nature, v.metric.name) for v in last.verdicts}
    assert {("permanent", "SPFM"), ("permanent", "LFM"), ("both", "PMHF")} <= natures
    assert all(v.passed for v in last.verdicts)
    told = document(found, base, BOTH, duplicate(base, structure, BOTH, BUDGET))
    area = told["area_um2"]
    assert area["transient_alone_share"] > 0
    assert area["transient_alone_share"] + area["permanent_more_share"] == pytest.approx(
        area["added_share"]
    )
    assert all(target["passed"] for target in told["targets"])
    assert told["duplication"]["area_um2"] >= last.mapped.area_um2
    assert "self_test.json" in files(found, told)


def lockstep(*, self_test: bool) -> float:
    """Return the latent-fault metric of the design in lockstep."""
    base = variant()
    plan = Plan(flops={"": "lockstep"}, self_test=self_test)
    made = protect(base.netlist, plan)
    experiment = Experiment(made.netlist, base.inputs, observe(made.netlist))
    tests = self_tests(made.netlist, base.inputs, base.window.start, made.test_cycles)
    assert len(tests) == self_test
    found = permanent(experiment, guarded(base.netlist, structure), BUDGET, tests=tests)
    (lfm,) = [m.value for m in found.metrics if m.name == "LFM"]
    return lfm


@pytest.mark.slow
def test_the_self_test_brings_latent_faults_to_light() -> None:
    assert lockstep(self_test=False) + 0.02 < lockstep(self_test=True)


def test_stuck_memory_bits_are_judged_apart() -> None:
    text = """module m(input clk, input we, input [3:0] at, input [7:0] d, output reg [7:0] q);
    reg [7:0] kept [0:15]; always @(posedge clk) begin if (we) kept[at] <= d; q <= kept[at]; end
    endmodule"""
    netlist, rng = freeze(text, "m"), np.random.default_rng(0)
    steps = [{"we": at % 2, "at": at // 2 % 12, "d": int(rng.integers(256))} for at in range(60)]
    experiment = Experiment(netlist, steps, observe(netlist))
    found = permanent(experiment, lambda name: "all", BUDGET)
    judged = {m.group: m.value for m in found.metrics if m.name == "SPFM"}
    assert set(judged) == {"flops and logic", "memories", "both"}
    wrong = sum(found.parts[at].tally.counts[0][SDC] for at in (2, 5))
    assert judged["memories"] == pytest.approx(1 - wrong / 256)
    assert judged["memories"] >= 0.25  # 12 of 16 words are read


def test_what_was_added_guards_a_structure() -> None:
    netlist = variant().netlist
    made = protect(netlist, Plan(flops={"total": "lockstep", "seen": "parity"}, self_test=True))
    tags = guarded(netlist, structure)
    names = [f.name for f in made.netlist.flops]
    assert tags("total") == "data"
    assert tags("state") == "control"
    assert "shadow.total" in names
    assert tags("shadow.total") == "protection of data"
    assert tags("seen$check") == "protection of data"
    assert tags("shadow.found") == "protection of all"
    assert all(tags(name).startswith("protection") for name in made.added)


def test_every_target_is_judged_and_what_is_missed_is_said() -> None:
    found = [
        Metric("SPFM", "transient", "flops and logic", 0.999, 0.98),
        Metric("PMHF", "transient", "flops and logic", 0.1, 2.0),
        Metric("LFM", "permanent", "flops and logic", 0.9, 0.85),
        Metric("PMHF", "permanent", "flops and logic", 5.0, 9.0),
        Metric("PMHF", "both", "both", 0.1, 0.5),
    ]
    judged = verdicts(found, Limits(lfm=0.9))
    assert [v.passed for v in judged] == [False, False, False, True]  # permanent PMHF has no limit
    words = missed(judged)
    assert "SPFM of transient faults, flops and logic, is 98.000%, not 99.0%" in words
    assert "PMHF of transient faults, flops and logic, is 2 FIT, not below 1" in words
    assert "LFM of permanent faults" in words
    assert missed(judged[-1:]) == ""


def test_the_term_of_two_faults() -> None:
    assert latent_term_fit(2.0, 100.0) == pytest.approx(2.0 * 100.0 * 1e-9 * 10_000 / 2)
