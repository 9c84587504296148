"""Registers of block RAMs lose their protection, and what that leaves is injected again."""

from __future__ import annotations

import random

import pytest

from boards.frozen import freeze, write_verilog
from boards.protect import Plan, map_sky130, protect, with_plain_enables
from dse.explore.block_ram import with_block_ram
from dse.harden import (
    Attempt,
    Budget,
    Chosen,
    Hardened,
    Limits,
    Measured,
    NotHardenedError,
    Variant,
)

TEXT = """module x(input clk, input rst, input [7:0] ra, wa, input [15:0] d, output reg [15:0] q,
output reg [15:0] s);
reg [15:0] mem [0:255];
always @(posedge clk) begin
  mem[wa] <= d;
  q <= mem[ra];
  s <= rst ? 16'd0 : s + d;
end
endmodule"""
BUDGET = Budget(faults=400)


def hardened(plan: Plan) -> Hardened:
    """Return a hardening that ended with a plan."""
    netlist, rng = freeze(TEXT, "x"), random.Random(2)
    steps = [
        {
            "rst": int(at < 2),
            "ra": rng.randrange(4),
            "wa": rng.randrange(4),
            "d": rng.getrandbits(16),
        }
        for at in range(60)
    ]
    mapped = map_sky130(write_verilog(with_plain_enables(netlist), synthesis=True), "x", flat=True)
    variant = Variant(
        name="", netlist=netlist, inputs=steps, window=range(3, 50), area_um2=mapped.area_um2,
        mapped=mapped,
    )  # fmt: skip
    nothing = Measured((), 0, 0.0)
    made = protect(netlist, plan)
    last = Attempt(
        variant=variant, plan=plan, chosen=Chosen({}, (), 0.0), hasty=None, protected=made,
        mapped=mapped, measured=nothing, verdicts=[], tests=[],
    )  # fmt: skip
    return Hardened(base=nothing, attempts=(last,), transient=last, period_ns=100.0)


def whole(name: str) -> str:
    return "all"


def test_what_needs_no_change_is_not_injected_again() -> None:
    plan = Plan(flops={"s": "dwc"}, memories={"": "secded"})
    found = with_block_ram(hardened(plan), whole, Limits(spfm=0.99), BUDGET)
    assert len(found.attempts) == 1
    assert found.attempts[-1].plan is plan


def test_without_the_registers_protection_faults_are_injected_again() -> None:
    plan = Plan(flops={"": "dwc"}, memories={"": "secded"})
    found = with_block_ram(hardened(plan), whole, Limits(spfm=0.5, pmhf_fit=1e9), BUDGET)
    last = found.attempts[-1]
    assert len(found.attempts) == 2
    assert last.plan.of_flop("q") == "none"
    assert last.plan.of_flop("s") == "dwc"
    assert last.measured.injections > 1000
    assert {metric.group for metric in last.metrics} >= {"flops and logic", "memories"}


def test_bounds_that_do_not_hold_then_are_a_refusal() -> None:
    with pytest.raises(NotHardenedError, match="registers of block RAMs have no protection"):
        with_block_ram(hardened(Plan(flops={"": "dwc"})), whole, Limits(spfm=0.999), BUDGET)
