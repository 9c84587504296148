"""The original sources as referee: other netlists, and unknown values at outputs, are caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards.cache import Cache
from boards.frozen import freeze, sources_of, write_verilog
from hw.contracts import ConfigError, KilnError
from sim.faults.experiment import Experiment, observe
from sim.faults.original import Agreement, check_netlist, session
from sim.faults.original.simulate import simulate, unpack

HEAD = "module x(input clk, input rst, input [3:0] d, output reg [3:0] q, output o_valid,"
COUNT = f"""{HEAD} output [3:0] o_data);
  reg [3:0] count;
  always @(posedge clk) if (rst) begin q <= 0; count <= 0; end else begin
    q <= q + d; count <= count + 1; end
  assign o_valid = count == 7; assign o_data = %s;
endmodule"""


def checked(text: str, folder: Path, *, netlist_of: str = "", allow: bool = False) -> Agreement:
    """Check the netlist of a text, or of another, whose outputs Verilator gives as well."""
    sources, netlist = sources_of(text), freeze(netlist_of or text, "x")
    steps = [{"rst": int(cycle < 2), "d": cycle % 16} for cycle in range(20)]
    rows = simulate(sources_of(write_verilog(netlist)), netlist, steps)
    outputs = [unpack(netlist.outputs, row) for row in rows]
    experiment = Experiment(netlist, steps, observe(netlist))
    return check_netlist(
        sources, experiment, outputs, start=2, allow_unknown=allow, cache=Cache(folder)
    )


def test_equal_ones_are_recalled(tmp_path: Path) -> None:
    text = COUNT % "q ^ d"
    assert checked(text, tmp_path).cycles == 20
    assert checked(text, tmp_path).recalled


def test_another_netlist_is_caught_in_its_first_wrong_cycle(tmp_path: Path) -> None:
    other = COUNT.replace("count + 1", "count + 1 + (count == 4)") % "q"
    with pytest.raises(KilnError, match=r"cycle 8: output 'o_valid' .* is 0x1 .* and 0x0"):
        checked(COUNT % "q", tmp_path, netlist_of=other)


@pytest.mark.parametrize(
    ("text", "output"),
    [
        (COUNT.replace("q <= 0;", "") % "q", "q"),  # a register that is an output
        (COUNT % "count[0] ? 4'bx : q", "o_data"),  # a value that nobody chose
        (COUNT.replace("reg [3:0] count;", "reg [3:0] count, m[0:3];") % "m[d[1:0]]", "o_data"),
    ],
)
def test_x_at_an_output_that_counts_is_refused(tmp_path: Path, text: str, output: str) -> None:
    with pytest.raises(ConfigError, match=rf"output '{output}' is X in cycle \d"):
        checked(text, tmp_path)
    assert checked(text, tmp_path, allow=True).unknown > 0


def test_x_that_does_not_count_is_counted(tmp_path: Path) -> None:
    text = COUNT % "count == 7 ? q : 4'bx"
    assert checked(text, tmp_path).unknown > 20


def test_a_session_answers_in_the_cycle_that_was_asked() -> None:
    text = COUNT % "q ^ d"
    sources, netlist = sources_of(text), freeze(text, "x")
    with session(sources, netlist) as design:
        for _ in range(2):
            design.step({"rst": 1})
        seen = [design.step({"d": 3}) for _ in range(4)]
    assert [each["q"] for each in seen] == [0, 3, 6, 9]
    assert [each["o_data"] for each in seen] == [3, 0, 5, 10]
