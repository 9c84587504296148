"""Bitstreams: a harness that every family's tools read, a board's own pins, honest refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from boards.cache import Cache
from boards.flows.bitstream import bitstream, board_pins
from boards.flows.harness import HARNESS_TOP, harness
from boards.target import load_target
from boards.tools import ToolError, require_tool
from hw.contracts import ConfigError
from hw.export import ExportedDesign, export
from hw.export.yosys import run_yosys
from hw.matrix import MatrixConfig

BOARDS = ("ecpix5-85f", "ulx3s-85f", "icebreaker")
SMALL = MatrixConfig(
    rows=2, cols=2, operand_bits=4, accum_bits=20, a_depth=16, b_depth=16, multiplier="lut"
)


@pytest.fixture(scope="module")
def design() -> ExportedDesign:
    return export(SMALL)


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_every_wire_of_the_engine_is_bound_to_a_cell_of_the_family(
    design: ExportedDesign, family: str, tmp_path: Path
) -> None:
    (tmp_path / "all.v").write_text(harness(design, family) + design.verilog)
    run_yosys(
        f"read_verilog -lib +/{family}/cells_sim.v",
        f"read_verilog -sv {tmp_path / 'all.v'}",
        f"hierarchy -check -top {HARNESS_TOP}",
        f"select {HARNESS_TOP}",
        "check -assert",
        f"write_json -selected {tmp_path / 'all.json'}",
    )
    module = json.loads((tmp_path / "all.json").read_text())["modules"][HARNESS_TOP]
    kinds = {cell["type"] for cell in module["cells"].values()}
    cells = {"ecp5": {"TRELLIS_FF", "LUT4"}, "ice40": {"SB_DFF", "SB_LUT4"}}
    assert kinds == cells[family] | {design.top}
    (engine,) = (c for c in module["cells"].values() if c["type"] == design.top)
    bound = {name: len(bits) for name, bits in engine["connections"].items()}
    assert bound == {port.name: port.width for port in design.ports}


@pytest.mark.parametrize("board", BOARDS)
def test_constraints_name_clock_and_two_pins_once_each(board: str) -> None:
    target, pins = load_target(board), board_pins(load_target(board))
    text = pins.constraints(target.family)
    assert len({pins.clk, pins.si, pins.so}) == 3
    for port in ("clk", "si", "so"):
        place = f"set_io {port} " if target.family == "ice40" else f'LOCATE COMP "{port}" SITE '
        assert text.count(place) == 1
    assert ("FREQUENCY" in text) == (target.family == "ecp5")


@pytest.mark.parametrize("name", ["sky130", "alveo-u55c"])
def test_a_target_without_a_router_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"no open router .*; use --board with one of ecpix5-85f"):
        board_pins(load_target(name))


def test_a_board_whose_pins_nobody_wrote_down_is_refused() -> None:
    mine = replace(load_target("ulx3s-85f"), name="mine")
    with pytest.raises(ConfigError, match="'mine': its pins are not known"):
        board_pins(mine)


@pytest.mark.parametrize("tool", ["ecppack", "icepack"])
def test_the_packers_are_there(tool: str) -> None:
    assert require_tool(tool).ok


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_a_bitstream_comes_out_and_is_recalled(
    design: ExportedDesign, board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, target = Cache(tmp_path / "cache"), load_target(board)
    made = bitstream(design, target, cache=cache)
    # iCE40 bitstreams begin with a comment and a preamble, ECP5's with a comment as well.
    start = b"\x7e\xaa\x99\x7e" if target.family == "ice40" else b"\xff\xff\xbd\xb3"
    assert start in made.data[:200]
    assert made.clock_mhz > made.pins.clock_mhz
    monkeypatch.setattr("boards.flows.bitstream.run_tool", None)
    assert bitstream(design, target, cache=cache).data == made.data
    pins = replace(made.pins, clock_mhz=1.0)
    monkeypatch.setattr("boards.flows.bitstream.board_pins", lambda _: pins)
    with pytest.raises(TypeError):  # other conditions are another question
        bitstream(design, target, cache=cache)


def test_a_design_slower_than_the_board_s_clock_is_refused() -> None:
    from boards.flows.bitstream import _fast_enough

    target = load_target("ecpix5-85f")
    with pytest.raises(ToolError, match=r"90\.0 MHz, and the clock .* 100 MHz; try another --seed"):
        _fast_enough(90.0, board_pins(target), target)
