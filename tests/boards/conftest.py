"""Small designs, and a cache that the tests of this session share."""

from __future__ import annotations

import pytest

from boards.cache import Cache
from hw.export import ExportedDesign, ExportedModule, Port

MAC = """\
module mac(input clk, input [7:0] a, input [7:0] b, output reg signed [31:0] s);
  initial s = 0;
  always @(posedge clk) s <= s + $signed(a) * $signed(b);
endmodule
"""
BUFFER = """\
module buffer(input clk, input we, input [8:0] at, input [15:0] i, output reg [15:0] o);
  reg [15:0] words [0:511];
  integer word;
  initial for (word = 0; word < 512; word = word + 1)
    words[word] = 16'd0;
  always @(posedge clk) begin if (we) words[at] <= i; o <= words[at]; end
endmodule
"""
TOP = """\
module top(input aclk, input we, input [8:0] at, input [15:0] i, output [31:0] x, output [31:0] y);
  wire [15:0] o;
  buffer buffer(.clk(aclk), .we(we), .at(at), .i(i), .o(o));
  mac m0(.clk(aclk), .a(o[7:0]), .b(o[15:8]), .s(x));
  mac m1(.clk(aclk), .a(o[15:8]), .b(o[15:8]), .s(y));
endmodule
"""


@pytest.fixture(scope="session")
def design() -> ExportedDesign:
    """Two multiply-accumulators behind a memory: four modules in three texts."""
    module = ExportedModule
    return ExportedDesign(
        top="top",
        modules=(
            module(name="buffer", verilog=BUFFER, count=1, children={}),
            module(name="mac", verilog=MAC, count=2, children={}),
            module(name="top", verilog=TOP, count=1, children={"buffer": 1, "mac": 2}),
        ),
        ports=(
            Port(name="aclk", width=1, is_input=True),
            Port(name="we", width=1, is_input=True),
            Port(name="at", width=9, is_input=True),
            Port(name="i", width=16, is_input=True),
            Port(name="x", width=32, is_input=False),
            Port(name="y", width=32, is_input=False),
        ),
        config=None,
    )


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """A cache of this session's own, so that every tool really runs once."""
    return Cache(tmp_path_factory.mktemp("cache"))
