"""A run's own files are found again, with its scenario; what is gone or changed is said."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from boards.target import load_target
from dse.designs import write_design
from dse.designs.explain import explain_design
from dse.designs.origin import digest, origin, run_target, run_trace
from dse.workloads import Scenario, load_workload
from hw.contracts import ConfigError
from hw.export import export
from hw.matrix import MatrixConfig
from tests.dse.cli.helpers import dse

SMALL = MatrixConfig(rows=2, cols=2, a_depth=16, b_depth=16)


def write_target(folder: Path) -> Path:
    text = resources.files("boards").joinpath("targets/ecpix5-85f.toml").read_text("utf-8")
    path = folder / "mine.toml"
    path.write_text(text.replace('name = "ecpix5-85f"', 'name = "mine"'), "utf-8")
    return path


def write_gemms(folder: Path) -> Path:
    path = folder / "gemms.csv"
    path.write_text("m,k,n\n8,8,8\n", "utf-8")
    return path


def make_info(workload: Any, target: Path | None = None) -> dict[str, Any]:
    """Return what ``run.json`` says of a run, as it is read back."""
    chosen = load_target(target or "ecpix5-85f")
    trace = workload.trace()
    info = {
        "workload": {"name": trace.name, "operators_sha256": digest(trace.operators)},
        "target": {"name": chosen.name},
        "origin": origin(workload, chosen, target),
    }
    found: dict[str, Any] = json.loads(json.dumps(info))
    return found


def test_files_are_loaded_again(tmp_path: Path) -> None:
    workload, target = load_workload(write_gemms(tmp_path)), write_target(tmp_path)
    info = make_info(workload, target)
    assert run_trace(info) == workload.trace()
    assert run_target(info) == load_target(target)


def test_the_scenario_is_the_run_s_own() -> None:
    workload = load_workload("gpt2", Scenario.fixed(prompt=9, generate=3, batch=2))
    assert run_trace(make_info(workload)) == workload.trace()


def test_relative_paths_hold_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_gemms(tmp_path)
    monkeypatch.chdir(tmp_path)
    info = make_info(load_workload("gemms.csv"), write_target(Path()))
    monkeypatch.chdir("/")
    assert run_trace(info).name == "gemms"
    assert run_target(info).name == "mine"


def test_a_file_that_is_gone_is_named_with_a_way_out(tmp_path: Path) -> None:
    gemms, target = write_gemms(tmp_path), write_target(tmp_path)
    info = make_info(load_workload(gemms), target)
    gemms.unlink()
    target.unlink()
    with pytest.raises(ConfigError, match=r"gemms\.csv, .*is gone; .* with --workload FILE"):
        run_trace(info)
    with pytest.raises(ConfigError, match=r"mine\.toml, .*is gone; .* with --target FILE"):
        run_target(info)


def test_a_file_that_was_changed_is_not_taken_for_the_run_s(tmp_path: Path) -> None:
    gemms, target = write_gemms(tmp_path), write_target(tmp_path)
    info = make_info(load_workload(gemms), target)
    gemms.write_text("m,k,n\n8,8,16\n", "utf-8")
    target.write_text(target.read_text("utf-8").replace("max_mhz = ", "max_mhz = 1"), "utf-8")
    with pytest.raises(ConfigError, match=r"changed since; .* --workload \S*gemms\.csv"):
        run_trace(info)
    with pytest.raises(ConfigError, match=r"changed since; .* --target \S*mine\.toml"):
        run_target(info)


def test_what_came_from_no_file_must_be_named() -> None:
    mine = load_workload("gpt2")
    info = make_info(replace(mine, model=replace(mine.model, name="mine")))
    with pytest.raises(ConfigError, match=r"came from no file .*; say where"):
        run_trace(info)


def test_explain_finds_the_run_s_files(tmp_path: Path) -> None:
    gemms = write_gemms(tmp_path)
    info = make_info(load_workload(gemms), write_target(tmp_path))
    (tmp_path / "run.json").write_text(json.dumps(info), "utf-8")
    design = tmp_path / "designs" / "00"
    write_design(design, SMALL, export(SMALL))
    found = explain_design(design, clock_mhz=50)
    assert (found.workload, found.target) == ("gemms", "mine")
    gemms.unlink()
    outcome = dse("explain", "--design", design)
    assert outcome.code == 2
    assert "gemms.csv, the workload that the run was made from, is gone" in outcome.err
