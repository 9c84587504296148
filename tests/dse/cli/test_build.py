"""`dse build` around a flow that is played back: what is written, said and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boards.flows.bitstream import Bitstream, board_pins
from boards.target import load_target
from dse.designs import write_design
from hw.export import export
from hw.matrix import MatrixConfig
from tests.dse.provenance.walk import json_gaps

from .helpers import dse

SMALL = MatrixConfig(rows=2, cols=2, a_depth=16, b_depth=16)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Replace the tools; return what they were asked for."""
    calls: dict[str, Any] = {}
    log = tmp_path / "tools.log"
    log.write_text("routed and packed", "utf-8")

    def played(design: Any, target: Any, seed: int) -> Bitstream:
        calls.update(design=design, target=target, seed=seed)
        return Bitstream(
            data=b"\x7e\xaa",
            suffix=".bit",
            clock_mhz=123.4,
            pins=board_pins(target),
            sources={"harness.v": "module kiln_harness; endmodule"},
            log=log,
        )

    monkeypatch.setattr("boards.flows.bitstream.bitstream", played)
    return calls


def make_design(folder: Path) -> Path:
    return write_design(folder / "run" / "designs" / "00", SMALL, export(SMALL)).path


def test_it_says_what_the_bitstream_is_and_is_not(asked: dict[str, Any], tmp_path: Path) -> None:
    design = make_design(tmp_path)
    outcome = dse("build", "--design", design, "--board", "ulx3s-85f", "--seed", 3)
    place = design / "build" / "ulx3s-85f"
    assert outcome.out.strip() == str(place / "kiln_matrix.bit")
    assert (place / "kiln_matrix.bit").read_bytes() == b"\x7e\xaa"
    assert (place / "build.log").read_text("utf-8") == "routed and packed"
    assert (place / "harness.v").is_file()
    told = " ".join(outcome.err.split())
    assert "123.4 MHz measured with harness and pins, the board's clock is 25 MHz" in told
    assert "no model runs on it" in told
    assert "openFPGALoader -b ulx3s" in told
    assert (asked["target"].name, asked["seed"]) == ("ulx3s-85f", 3)


def test_the_board_is_the_run_s_unless_another_is_named(
    asked: dict[str, Any], tmp_path: Path
) -> None:
    design = make_design(tmp_path)
    assert dse("build", "--design", design).code == 0
    assert asked["target"].name == "ecpix5-85f"
    info = json.dumps({"target": {"name": "icebreaker"}})
    (tmp_path / "run" / "run.json").write_text(info, "utf-8")
    data = dse("build", "--design", design, "--json", "--output", tmp_path / "out").data
    assert asked["target"] == load_target("icebreaker")
    assert (data["bytes"], data["board_clock_mhz"]) == (2, 12)
    assert Path(data["bitstream"]).parent == tmp_path / "out"
    assert json_gaps(data, set()) == []


def test_what_is_on_disk_is_built(asked: dict[str, Any], tmp_path: Path) -> None:
    design = make_design(tmp_path)
    top = design / "verilog" / "kiln_matrix.v"
    top.write_text(top.read_text("utf-8") + "// mine\n", "utf-8")
    assert dse("build", "--design", design).code == 0
    assert asked["design"].module("kiln_matrix").verilog.endswith("// mine\n")
    assert replace(asked["design"], modules=()) == replace(export(SMALL), modules=())
    top.with_name("more.v").write_text("module more; endmodule\n", "utf-8")
    assert dse("build", "--design", design).code == 0
    assert "module more" in asked["design"].verilog
    top.unlink()
    outcome = dse("build", "--design", design)
    assert outcome.code == 2
    assert "write the design again with `dse generate`" in " ".join(outcome.err.split())


def test_a_protected_design_is_refused_since_nobody_would_count_it(
    asked: dict[str, Any], tmp_path: Path
) -> None:
    design = make_design(tmp_path)
    (design / "manifest.json").write_text("{}", "utf-8")
    outcome = dse("build", "--design", design)
    assert outcome.code == 2
    assert "the redundancy in a bitstream is not counted yet" in " ".join(outcome.err.split())
    assert not asked
