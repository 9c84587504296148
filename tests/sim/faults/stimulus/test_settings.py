"""Declarations, resets by name and dumps."""

from __future__ import annotations

from pathlib import Path

import pytest

from boards.frozen import Frozen, freeze
from hw.contracts import ConfigError
from sim.faults.experiment import Watched
from sim.faults.stimulus import Settings, find_resets, read_settings
from sim.faults.stimulus.resets import reset_end
from sim.faults.stimulus.vcd import vcd_steps


def ports(*names: str) -> Frozen:
    """Return a design with such inputs of a bit each, all of which its output needs."""
    inputs = ", ".join(f"input {name}" for name in names)
    text = f"module x(input clk, {inputs}, output reg q, output reg busy, output error_detected);"
    body = f"always @(posedge clk) begin q <= {' ^ '.join(names)}; busy <= q; end"
    return freeze(f"{text} {body} assign error_detected = q; endmodule", "x")


@pytest.mark.parametrize(
    ("name", "active"),
    [
        ("rst", 1), ("reset", 1), ("arst", 1), ("i_rst", 1), ("reset_i", 1), ("rst_n", 0),
        ("aresetn", 0), ("rst_ni", 0), ("resetb", 0), ("nrst", 0), ("sys_rst_n", 0),
        ("first", None), ("preset_value", None), ("burst", None),
    ],
)  # fmt: skip
def test_resets_are_known_by_their_names(name: str, active: int | None) -> None:
    expected = {} if active is None else {name: active}
    assert find_resets(ports(name, "d"), Settings()) == expected


def test_declared_resets_win_over_names() -> None:
    netlist = ports("rst", "init")
    assert find_resets(netlist, Settings(reset="init")) == {"init": 1}
    assert find_resets(netlist, Settings(reset="init", reset_active="low")) == {"init": 0}


def test_reset_ends_when_none_is_active() -> None:
    steps = [{"rst": 1}, {"rst": 1, "arst_n": 1}, {"arst_n": 0}, {"arst_n": 1}, {}]
    assert reset_end(steps, {"rst": 1, "arst_n": 0}, "x") == 3
    with pytest.raises(ConfigError, match=r"each of its 2 cycles by rst_n \(active low\)"):
        reset_end([{}, {}], {"rst_n": 0}, "x")


def test_what_is_declared_takes_the_place_of_what_names_tell(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    netlist = ports("d")
    assert Settings().observation(netlist).detectors == ("error_detected",)
    file.write_text("control = ['busy']\ndetectors = []\n[hold]\nd = 1\n")
    settings = read_settings(file)
    found = settings.observation(netlist)
    assert found.control == ("busy",)
    assert found.data == (Watched("q"),)  # `busy` is control now, the detector nothing
    assert settings.hold == {"d": 1}
    file.write_text("ignore = ['q']\n")
    assert [w.port for w in read_settings(file).observation(netlist).data] == ["busy"]


def test_fields_of_more_bits_than_an_error_has_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("data = [{port = 'q', field_bits = 64}]\n")
    assert read_settings(file).data == (Watched("q", field_bits=64),)
    file.write_text("data = [{port = 'q', field_bits = 128}]\n")
    with pytest.raises(ConfigError, match=r"data\.field_bits = 128 .* 64 at most"):
        read_settings(file)


DUMP = """$timescale 1ns $end
$scope module tb $end
$var reg 1 ! clk $end
$scope module dut $end
$var wire 1 ! clk $end
$var wire 1 % a $end
$var wire 1 & b $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
$dumpvars
x!
0%
x&
$end
#5
1!
1%
#10
0!
#12
1&
#15
0&
0%
1!
#20
0!
"""


def test_a_dump_is_sampled_right_before_each_rising_edge(tmp_path: Path) -> None:
    file = tmp_path / "run.vcd"
    file.write_text(DUMP)
    steps = vcd_steps(file, ports("a", "b"))
    assert steps == [{"a": 0, "b": 0}, {"a": 1, "b": 1}]
    with pytest.raises(ConfigError, match=r"scope tb lacks a, b"):
        vcd_steps(file, ports("a", "b"), scope="tb")
    file.write_text(DUMP.replace("1%", "2%"))
    with pytest.raises(ConfigError, match=r"run\.vcd:19: '2%' is no value change"):
        vcd_steps(file, ports("a", "b"))
