"""Commands on targets, runs and engines: data on stdout, the same as JSON, and their refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hw.matrix import MatrixConfig
from tests.dse.report.factory import make_run

from .helpers import dse


def test_targets_are_listed_default_first() -> None:
    assert dse("target", "list", "--json").data[0]["name"] == "ecpix5-85f"
    assert dse("target", "list").out.splitlines()[1].startswith("ecpix5-85f")


def test_a_target_says_what_is_reserved() -> None:
    outcome = dse("target", "show", "ecpix5-85f")
    assert "reserved, not measured" in outcome.out
    data = dse("target", "show", "ecpix5-85f", "--json").data
    assert data["available"]["lut"] == data["budget"]["lut"] - data["reserve"]["lut"]


def test_doctor_lists_every_tool() -> None:
    data = dse("doctor", "--json").data
    assert {"yosys", "verilator", "cocotb"} <= {tool["name"] for tool in data["tools"]}
    assert all(tool["ok"] or tool["problem"] for tool in data["tools"])


def test_doctor_fails_when_a_tool_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from boards import tools

    lost = tools.ToolStatus(name="perl", purpose="scripts", needed="5", remedy="get perl")
    monkeypatch.setattr(tools, "check_tools", lambda: (lost,))
    outcome = dse("doctor")
    assert outcome.code == 1
    assert "perl is missing (scripts); run: get perl" in outcome.err


def test_doctor_finds_an_unwritable_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KILN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "set KILN_CACHE" in dse("doctor").err


def test_front_is_a_table_and_json(tmp_path: Path) -> None:
    run = make_run(tmp_path / "gpt2")
    designs = [row["design"] for row in dse("front", run, "--json").data["front"]]
    table = dse("front", run).out
    assert designs
    assert all(f"\n{design} " in table for design in designs)
    assert "modelled" in table
    assert "predicted" not in table


def test_report_is_written_where_the_run_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "gpt2")
    data = dse("report", run, "--json").data
    assert Path(data["page"]) == run / "report.html"
    assert all(Path(picture).is_file() for picture in data["pictures"])


def _no_run(folder: Path) -> Path:
    return folder


def _broken_info(folder: Path) -> Path:
    run = make_run(folder / "run")
    (run / "run.json").write_text("{", encoding="utf-8")
    return run


def _broken_table(folder: Path) -> Path:
    run = make_run(folder / "run")
    (run / "designs.csv").write_text("design,state\nfirst,measured\n", encoding="utf-8")
    return run


def _no_table(folder: Path) -> Path:
    run = make_run(folder / "run")
    (run / "front.csv").unlink()
    return run


def _broken_metrics(folder: Path) -> Path:
    run = make_run(folder / "run")
    (run / "designs" / "00" / "metrics.json").write_text("no", encoding="utf-8")
    return run


def _binary_table(folder: Path) -> Path:
    run = make_run(folder / "run")
    (run / "front.csv").write_bytes(b"\xff\xfe\x00")
    return run


def _long_row(folder: Path) -> Path:
    run = make_run(folder / "run")
    with (run / "designs.csv").open("a", encoding="utf-8") as table:
        table.write("1," * 60 + "1\n")
    return run


def _empty_table(folder: Path) -> Path:
    run = make_run(folder / "run")
    (run / "designs.csv").write_text("", encoding="utf-8")
    return run


def _other_schema(folder: Path) -> Path:
    run = make_run(folder / "run")
    path = run / "run.json"
    info = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**info, "schema": 99}), encoding="utf-8")
    return run


@pytest.mark.parametrize(
    "spoil",
    [
        _no_run,
        _broken_info,
        _broken_table,
        _no_table,
        _empty_table,
        _other_schema,
        _broken_metrics,
        _binary_table,
        _long_row,
    ],
)
@pytest.mark.parametrize("command", ["front", "report"])
def test_damaged_runs_are_refused_with_a_way_out(
    tmp_path: Path, spoil: Callable[[Path], Path], command: str
) -> None:
    outcome = dse(command, spoil(tmp_path))
    assert outcome.code == 2
    assert "run" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_missing_design_folder_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    shutil.rmtree(run / "designs" / "03")
    outcome = dse("report", run)
    assert outcome.code == 0
    assert "designs/03: gone" in outcome.err.replace("\n", "")


def test_front_names_only_files_that_are_there(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert "provenance.json" not in dse("front", run).err
    (run / "provenance.json").write_text("{}", encoding="utf-8")
    assert "provenance.json" in dse("front", run).err.replace("\n", "")


def test_generate_offers_every_field_of_the_configuration() -> None:
    text = dse("generate", "matrix", "--help").out
    for name in MatrixConfig.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in text


def test_generate_writes_a_design_that_reads_back(tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    options = ("--rows", 2, "--cols", 3, "--operand-bits", 4, "--a-depth", 16, "--b-depth", 16)
    data = dse("generate", "matrix", *options, "--output", folder, "--json").data
    from dse.designs import read_config

    expected = MatrixConfig(rows=2, cols=3, operand_bits=4, a_depth=16, b_depth=16)
    assert read_config(folder / "config.toml") == expected
    assert data["top"] == "kiln_matrix"
    assert "verilog/kiln_matrix.v" in data["files"]
    assert json.dumps(data)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rows", "0"], "rows=0 is out of range; use"),
        (["--cols", "-4"], "cols=-4 is out of range"),
        (["--rows", "1000000"], "out of range"),
        (["--operand-bits", "7"], "choose one of (4, 8, 16)"),
        (["--accum-bits", "12"], "cannot hold one product"),
        (["--dataflow", "row"], "choose one of ('os', 'ws')"),
        (["--banks", "3"], "banks=3"),
        (["--name", "2fast"], "no Verilog identifier"),
        (["--rows", "x"], "'--rows'"),
        (["--operand-bits", "16", "--formats", " "], "--formats ' ' names nothing; give names"),
        (["--operand-bits", "16", "--formats", ","], "leave --formats out"),
        (["--operand-bits", "16", "--formats", "mx_fp4"], "formats='mx_fp4' scales blocks"),
    ],
)
def test_generate_refuses_what_cannot_be_built(
    tmp_path: Path, options: list[str], words: str
) -> None:
    outcome = dse("generate", "matrix", *options, "--output", tmp_path / "engine")
    assert outcome.code == 2
    assert words in outcome.err
    assert not (tmp_path / "engine").exists()


def test_generate_ends_with_the_command_that_verifies_a_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = dse("generate", "mac", "--modes", "int4", "--pipeline", 0, "--output", "unit")
    assert "Next: dse verify --design unit" in outcome.err


def test_generate_does_not_overwrite(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("mine", encoding="utf-8")
    outcome = dse("generate", "matrix", "--output", tmp_path)
    assert outcome.code == 2
    assert "--force" in outcome.err
    assert (tmp_path / "config.toml").read_text(encoding="utf-8") == "mine"


def test_generate_names_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    options = ("--rows", 2, "--cols", 2, "--a-depth", 16, "--b-depth", 16)
    outcome = dse("generate", "matrix", *options, "--output", tmp_path / "file" / "engine")
    assert outcome.code == 2
    assert "cannot create the folder" in outcome.err


def test_a_run_is_found_by_name_and_the_newest_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path / "runs" / "gpt2")
    monkeypatch.chdir(tmp_path)
    by_default, by_name = dse("front", "--json"), dse("front", "gpt2", "--json")
    assert by_default.data == by_name.data == dse("front", "runs/gpt2", "--json").data
    assert "did you mean 'gpt2'" in dse("front", "gtp2").err


def test_without_runs_the_next_step_is_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = dse("report")
    assert outcome.code == 2
    assert "dse search --workload gpt2" in outcome.err
