"""The loop on a small design of anybody: what it builds keeps the bounds it was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from boards.frozen import freeze
from dse.harden import (
    Budget,
    Chosen,
    Limits,
    NoProtectionError,
    Option,
    Variant,
    harden,
    plan_of,
)

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
