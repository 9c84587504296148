"""What is hardened: what counts is what the user said, before and after protection."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards.protect import Plan, protect
from dse.harden.subjects import verilog_target
from hw.contracts import ConfigError
from sim.faults.experiment import Watched

CORE = """
module core #(parameter N = 4) (input clk, input rst, input [N-1:0] d,
            output reg [N-1:0] o_data, output reg o_valid, output reg alarm);
  always @(posedge clk) begin
    o_data <= rst ? 0 : o_data + d;
    o_valid <= ~rst & d[0];
    alarm <= ~rst & d == 3;
  end
endmodule
"""
STIMULUS = """
def stimulus():
    for cycle in range(40):
        yield {"rst": int(cycle < 2), "d": cycle % 7}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "core.v").write_text(CORE)
    (tmp_path / "s.py").write_text(STIMULUS)
    return tmp_path / "core.v", tmp_path / "s.py"


def declared(folder: Path, text: str) -> Path:
    (folder / "what.toml").write_text(text)
    return folder / "what.toml"


def test_what_counts_is_what_was_declared(files: tuple[Path, Path], tmp_path: Path) -> None:
    text = 'data = ["o_data"]\ncontrol = ["o_valid"]\ndetectors = ["alarm"]\nwithin = 3\n'
    observe = declared(tmp_path, text + "window = [5, 20]\n")
    target = verilog_target([files[0]], "core", str(files[1]), observe=observe)
    (variant,) = target.variants
    seen = variant.experiment.observation
    assert seen.data == (Watched("o_data"),)  # although there is an o_valid
    assert (seen.control, seen.detectors) == (("o_valid",), ("alarm",))
    assert (variant.window, variant.within) == (range(5, 21), 3)
    made = protect(variant.netlist, Plan(flops={"": "parity"}))
    after = variant.experiment_of(made.netlist).observation
    assert (after.data, after.control) == (seen.data, seen.control)
    assert after.detectors == ("alarm", "error_detected")


def test_without_a_word_port_names_tell(files: tuple[Path, Path]) -> None:
    (variant,) = verilog_target([files[0]], "core", str(files[1])).variants
    seen = variant.experiment.observation
    assert Watched("o_data", "o_valid") in seen.data
    assert variant.within is None
    assert variant.window.stop == len(variant.inputs) - 8


def test_parameters_reach_the_design(files: tuple[Path, Path]) -> None:
    given = {"N": "6"}
    (variant,) = verilog_target([files[0]], "core", str(files[1]), parameters=given).variants
    assert variant.netlist.flop_bits == 8


def test_protection_may_not_tell_through_an_output_that_is_something_else(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    files[0].write_text(CORE.replace("alarm", "error_detected"))
    observe = declared(tmp_path, 'data = ["o_data", "error_detected"]\ndetectors = []\n')
    (variant,) = verilog_target([files[0]], "core", str(files[1]), observe=observe).variants
    made = protect(variant.netlist, Plan(flops={"": "parity"}))
    with pytest.raises(ConfigError, match="error_detected: protection tells there"):
        variant.experiment_of(made.netlist)
