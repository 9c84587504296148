"""Small designs mapped to sky130 once for all tests, and the PDK's own Liberty file if present."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.sky130_paths import find_liberty
from boards.liberty import Library, read_liberty
from boards.sky130 import liberty, library, usable
from boards.sky130.mapping import ABC_AREA, mapping_commands
from hw.export.yosys import run_yosys

Mapped = Callable[..., dict[str, Any]]

MAC = """
module pe(input clk, input first, input signed [7:0] a, b, output reg signed [7:0] ao, bo,
          output reg fo, output reg signed [23:0] acc);
  reg signed [15:0] p; reg f;
  always @(posedge clk) begin
    ao <= a; bo <= b; fo <= first; f <= first; p <= a * b;
    acc <= (f ? 24'sd0 : acc) + p;
  end
endmodule
module row(input clk, input first, input [7:0] a, input [23:0] b, output [71:0] acc);
  wire [7:0] a1, a2; wire f1, f2;
  pe p0(clk, first, a, b[7:0], a1, , f1, acc[23:0]);
  pe p1(clk, f1, a1, b[15:8], a2, , f2, acc[47:24]);
  pe p2(clk, f2, a2, b[23:16], , , , acc[71:48]);
endmodule
"""

MEMORY = """
module store(input clk, input we, input [7:0] wa, ra, input [31:0] d, output reg [31:0] q);
  reg [31:0] m [0:255];
  always @(posedge clk) begin if (we) m[wa] <= d; q <= m[ra]; end
endmodule
module few(input clk, input we, input [3:0] wa, ra, input [7:0] d, output reg [7:0] q);
  reg [7:0] m [0:15];
  always @(posedge clk) begin if (we) m[wa] <= d; q <= m[ra]; end
endmodule
module top(input clk, input we, input [7:0] wa, ra, input [31:0] d, output reg [7:0] z);
  wire [31:0] q; wire [7:0] y;
  store s(clk, we, wa, ra, d, q);
  few f(clk, we, wa[3:0], ra[3:0], q[7:0], y);
  always @(posedge clk) z <= y + q[15:8];
endmodule
"""


@pytest.fixture(scope="session")
def compact() -> Library:
    return library()


@pytest.fixture(scope="session")
def pdk() -> Path:
    """The PDK's own Liberty file."""
    path = find_liberty()
    if path is None:
        pytest.skip(
            "the PDK's Liberty file is not here; set KILN_SKY130_LIB to sky130hd_tt.lib(.gz), or "
            "put it into ../shared/pdk beside the checkout"
        )
    return path


@pytest.fixture(scope="session")
def reference(pdk: Path) -> Library:
    return read_liberty(pdk, keep=usable)


@pytest.fixture(scope="session")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Mapped:
    """Return a function that maps Verilog to sky130 and returns Yosys's JSON."""
    folder = tmp_path_factory.mktemp("mapped")
    cells = liberty(folder / "sky130.lib")
    script = folder / "area.abc"
    script.write_text(ABC_AREA)

    def run(verilog: str, top: str, *after: str, lib: Path = cells) -> dict[str, Any]:
        (folder / "in.v").write_text(verilog)
        run_yosys(
            f"read_verilog {folder / 'in.v'}",
            *mapping_commands(top, lib, script),
            *after,
            f"write_json {folder / 'out.json'}",
        )
        found: dict[str, Any] = json.loads((folder / "out.json").read_text())
        return found

    return run


@pytest.fixture(scope="session")
def mac_row(mapped: Mapped) -> dict[str, Any]:
    """Three multiply-accumulate elements in a row, hierarchical."""
    return mapped(MAC, "row")


@pytest.fixture(scope="session")
def memory_design(mapped: Mapped) -> dict[str, Any]:
    """A memory of 8 kbit, one of 128 bits, and an adder."""
    return mapped(MEMORY, "top")
