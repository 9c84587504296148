"""Area: each module once, times its instances, for every family; the cache spares the tool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from boards import pool, tools
from boards.cache import Cache
from boards.flows import synthesis, synthesize, used
from boards.flows.families import FPGA_FAMILIES
from boards.flows.scripts import source_text
from boards.metrics import Fidelity, Metrics
from boards.target import load_target
from boards.tools import ToolError
from hw.export import ExportedDesign

from .conftest import BUFFER

EXPECTED = {
    "ecpix5-85f": {"dsp": 2, "bram": 1, "ff": 64},
    "icebreaker": {"dsp": 2, "bram": 2},
    "alveo-u55c": {"dsp": 2, "bram": 0.5},
}


def area(design: ExportedDesign, target: str, cache: Cache) -> Metrics:
    return synthesize(design, load_target(target), cache=cache)


@pytest.mark.parametrize("name", EXPECTED)
def test_fpga_blocks_are_counted(design: ExportedDesign, cache: Cache, name: str) -> None:
    metrics = area(design, name, cache)
    assert {key: used(metrics, key) for key in EXPECTED[name]} == EXPECTED[name]
    figure = metrics["engine_dsp_measured"]
    assert (figure.fidelity, figure.inputs) == (Fidelity.MEASURED, design.digest)
    assert "pyosys" in figure.version


def test_the_reserve_is_added_and_said(design: ExportedDesign, cache: Cache) -> None:
    metrics, target = area(design, "ecpix5-85f", cache), load_target("ecpix5-85f")
    total = metrics["total_dsp_incl_reserve"]
    assert total.value == 2 + target.reserve["dsp"]
    assert "reserved, not measured" in total.conditions


def test_asic_memories_are_macros(design: ExportedDesign, cache: Cache) -> None:
    metrics = area(design, "sky130", cache)
    cells = metrics.value("engine_cell_area_um2_measured")
    macros = metrics.value("engine_macro_area_um2_estimated")
    assert macros > 0
    assert used(metrics, "area_um2") == pytest.approx(cells + macros)


def test_modules_times_counts_make_the_sum(design: ExportedDesign, cache: Cache) -> None:
    report = synthesis(design, load_target("ecpix5-85f"), cache=cache)
    assert report.modules["mac"]["count"] == 2
    total = sum(row.get("ff", 0) * row["count"] for row in report.modules.values())
    assert total == report.metrics.value("engine_ff_measured")
    assert "synth" in report.log.read_text()


def test_the_second_time_no_tool_runs(
    design: ExportedDesign, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = area(design, "ecpix5-85f", cache)
    monkeypatch.setattr(pool.subprocess, "Popen", None)
    assert area(design, "ecpix5-85f", cache) == first


def test_another_requested_period_is_another_question(
    design: ExportedDesign, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = load_target("ecpix5-85f")
    synthesize(design, target, cache=cache)
    faster = replace(target, clock=replace(target.clock, request_mhz=200))
    monkeypatch.setattr(pool.subprocess, "Popen", None)
    with pytest.raises(TypeError):
        synthesize(design, faster, cache=cache)


def test_another_yosys_is_another_question(
    design: ExportedDesign, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = load_target("ecpix5-85f")
    synthesize(design, target, cache=cache)
    monkeypatch.setattr(tools, "version", lambda _package: "99.0")
    monkeypatch.setattr(pool.subprocess, "Popen", None)
    with pytest.raises(TypeError):
        synthesize(design, target, cache=cache)


@pytest.mark.parametrize("name", ["ecpix5-85f", pytest.param("alveo-u55c", marks=pytest.mark.slow)])
def test_yosys_own_script_gives_the_same_area(
    design: ExportedDesign, cache: Cache, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    mine = synthesis(design, load_target(name), cache=cache)
    family = load_target(name).family
    plain = replace(FPGA_FAMILIES[family], luts=())
    monkeypatch.setitem(FPGA_FAMILIES, family, plain)
    assert synthesis(design, load_target(name), cache=cache).modules == mine.modules


def test_broken_verilog_shows_what_yosys_said(design: ExportedDesign, cache: Cache) -> None:
    broken = replace(design.modules[0], verilog="module buffer(; endmodule")
    bad = replace(design, modules=(broken, *design.modules[1:]))
    with pytest.raises(ToolError, match=r"yosys failed .*\n(.*\n)*.*syntax error"):
        area(bad, "ecpix5-85f", cache)


def test_a_foreign_liberty_file_is_another_question(
    design: ExportedDesign, cache: Cache, tmp_path: Path
) -> None:
    from boards.sky130 import liberty_text

    own = tmp_path / "own.lib"
    own.write_text(liberty_text().replace("area : ", "area : 1"))
    target = load_target("sky130")
    normal = synthesize(design, target, cache=cache)
    larger = synthesize(design, target, cache=cache, liberty=own)
    name = "engine_cell_area_um2_measured"
    assert larger.value(name) > 2 * normal.value(name)


def test_zero_fill_is_left_to_the_configuration() -> None:
    assert "initial" not in source_text(BUFFER)
    kept = "initial for (i = 0; i < 4; i = i + 1) words[i] = 8'd7;"
    assert source_text(kept) == kept
