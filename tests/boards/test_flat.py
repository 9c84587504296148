"""The hierarchical sum against flat synthesis, and the flip-flops behind the difference."""

from __future__ import annotations

import pytest

from bench.area_flat import DESIGNS
from boards.cache import Cache
from boards.flows import FlatComparison, compare_flat
from boards.flows.flops import UNEXPLAINED
from boards.target import load_target
from hw.export import ExportedDesign, ExportedModule, Port, export
from hw.matrix import MatrixConfig

SMALL = MatrixConfig(
    rows=2, cols=2, multiplier="lut", operand_bits=4, accum_bits=16, a_depth=64, b_depth=128,
    result_rows=4,
)  # fmt: skip

# Two delay lines of the same input, of which flat synthesis sees that they agree; a register that
# nobody reads; and one that is told, by its parent alone, to be zero.
LEAVES = """\
module delay(input clk, input i, output reg o, output reg spare);
  reg x;
  always @(posedge clk) begin x <= i; o <= x; spare <= o; end
endmodule
module gated(input clk, input on, input i, output reg o);
  always @(posedge clk) o <= i & on;
endmodule
"""
TOP = """\
module top(input clk, input i, output a, output b, output c);
  delay one(.clk(clk), .i(i), .o(a));
  delay two(.clk(clk), .i(i), .o(b));
  gated three(.clk(clk), .on(1'b0), .i(i), .o(c));
endmodule
"""


def port(name: str, is_input: bool) -> Port:
    return Port(name=name, width=1, is_input=is_input)


DELAYS = ExportedDesign(
    top="top",
    modules=(
        ExportedModule(name="delay", verilog=LEAVES, count=2, children={}),
        ExportedModule(name="top", verilog=TOP, count=1, children={"delay": 2}),
    ),
    ports=(port("clk", True), port("i", True), *(port(name, False) for name in "abc")),
    config=None,
)


@pytest.fixture(scope="module")
def delays(cache: Cache) -> FlatComparison:
    return compare_flat(DELAYS, load_target("ecpix5-85f"), cache=cache)


def reasons(found: FlatComparison) -> dict[str, str]:
    return {flop.name: flop.reason for flop in found.lost}


def test_equal_flops_are_listed_with_their_twin(delays: FlatComparison) -> None:
    merged = {name: why for name, why in reasons(delays).items() if why.startswith("merged")}
    assert len(merged) == 2
    for name, why in merged.items():
        twin = why.removeprefix("merged with ")
        assert {name.rpartition(".")[0], twin.rpartition(".")[0]} <= {"one", "two", ""}


def test_unread_and_constant_flops_are_listed(delays: FlatComparison) -> None:
    lost = reasons(delays)
    assert lost["one.spare"] == lost["two.spare"] == "removed: no output depends on it"
    assert delays.error("ff") == 7 / 2 - 1


def test_quick_designs_agree_on_every_family(cache: Cache) -> None:
    for name, resource, limit in (("ecpix5-85f", "lut", 0.02), ("sky130", "cell_area_um2", 0.03)):
        found = compare_flat(export(SMALL), load_target(name), cache=cache)
        assert abs(found.error(resource)) < limit
        assert found.unexplained == ()
        figure = found.flat[f"flat_{resource}_measured"]
        assert "flattened before mapping" in figure.conditions


def test_lost_flops_are_the_whole_difference(cache: Cache) -> None:
    found = compare_flat(export(SMALL), load_target("ecpix5-85f"), cache=cache)
    mine = found.hierarchical.value("engine_ff_measured")
    assert mine - len(found.lost) == found.flat.value("flat_ff_measured")
    assert UNEXPLAINED not in reasons(found).values()
    assert found.lost


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("config", DESIGNS, ids=str)
def test_twelve_engines(config: MatrixConfig) -> None:
    """ECP5: flip-flops and DSP exact, LUT within 1 %; sky130: cell area within 2 %."""
    ecp5 = compare_flat(export(config), load_target("ecpix5-85f"))
    assert (ecp5.error("dsp"), ecp5.unexplained) == (0, ())
    ff = ecp5.hierarchical.value("engine_ff_measured") - len(ecp5.lost)
    assert ff == ecp5.flat.value("flat_ff_measured")
    assert abs(ecp5.error("lut")) < 0.01
    sky130 = compare_flat(export(config), load_target("sky130"), timeout_s=1800)
    assert abs(sky130.error("cell_area_um2")) < 0.02
