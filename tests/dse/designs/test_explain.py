"""Explaining a design: from its own record, or from the model where others are asked about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from boards.metrics import Fidelity, Figure, Metrics
from boards.target import load_target
from dse.designs import explain as module
from dse.designs import what_if, write_design
from dse.designs.explain import explain_design
from dse.results import rows_to_csv
from dse.workloads import Scenario, load_workload
from hw.contracts import ConfigError
from hw.export import export
from hw.matrix import MATRIX_SPACE, MatrixConfig
from sim.system import time_trace
from tests.dse.cli.helpers import dse

CONFIG = MatrixConfig(rows=4, cols=4, a_depth=64, b_depth=64, result_rows=8)
MEASURED = Fidelity.MEASURED


@pytest.fixture(autouse=True)
def _no_area_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_if, "_predict", lambda config, target: {})
    monkeypatch.setattr(module, "_predicted_clock", lambda config, target: (50.0, "predicted"))


@pytest.fixture(scope="module")
def exported() -> Any:
    return export(CONFIG)


def _alone(folder: Path, exported: Any) -> Path:
    return write_design(folder / "engine", CONFIG, exported).path


def _in_run(folder: Path, exported: Any) -> Path:
    """Return a design of a run for TinyLlama on the U55C, with a clock and a record."""
    trace = load_workload("gpt2", Scenario.fixed(prompt=16, generate=4)).trace()
    time = time_trace(trace, CONFIG, load_target("alveo-u55c"), 80.0)
    clock = Figure(value=80.0, unit="MHz", fidelity=MEASURED, tool="nextpnr")
    design = folder / "run" / "designs" / "00"
    write_design(
        design,
        CONFIG,
        exported,
        metrics=Metrics(clock_mhz_measured=clock),
        trace=time.to_dict(),
    )
    info = {"workload": {"name": "gpt2"}, "target": {"name": "alveo-u55c"}}
    (folder / "run" / "run.json").write_text(json.dumps(info), "utf-8")
    return design


def test_a_design_of_a_run_is_explained_by_its_own_record(tmp_path: Path, exported: Any) -> None:
    design = _in_run(tmp_path, exported)
    found = explain_design(design)
    assert (found.target, found.clock_mhz, found.clock_is) == ("alveo-u55c", 80.0, "measured")
    assert found.time == json.loads((design / "trace.json").read_text("utf-8"))


def test_causes_add_up_to_the_latency(tmp_path: Path, exported: Any) -> None:
    found = explain_design(_in_run(tmp_path, exported))
    total = sum(sum(found.causes(phase).values()) for phase in ("prefill", "decode"))
    assert total == pytest.approx(found.time["latency_ms"])


def test_another_question_is_answered_by_the_model(tmp_path: Path, exported: Any) -> None:
    design = _in_run(tmp_path, exported)
    found = explain_design(design, target="ecpix5-85f", clock_mhz=40.0)
    assert (found.target, found.clock_mhz, found.clock_is) == ("ecpix5-85f", 40.0, "assumed")
    assert found.time["latency_ms"] > explain_design(design).time["latency_ms"]


def test_a_clock_measured_on_one_board_is_not_said_of_another(
    tmp_path: Path, exported: Any
) -> None:
    design = _in_run(tmp_path, exported)
    found = explain_design(design, target="ecpix5-85f")
    assert (found.clock_mhz, found.clock_is) == (50.0, "predicted")
    assert found.clock_source["tool"] == "kiln-additive"
    assert explain_design(design, target="alveo-u55c").clock_is == "measured"


def test_an_edited_configuration_of_a_run_is_refused(tmp_path: Path, exported: Any) -> None:
    design = _in_run(tmp_path, exported)
    point = {**MATRIX_SPACE.point(0), "rows": 8}
    older = Figure(value=1, unit="LUT", fidelity=MEASURED, inputs="of an older generator")
    config = MATRIX_SPACE.decode(point)
    write_design(design, config, exported, metrics=Metrics(engine_lut_measured=older))
    table = rows_to_csv([{"design": 0, "state": "measured", **point}])
    (tmp_path / "run" / "designs.csv").write_text(table, "utf-8")
    assert explain_design(design).config == config
    _edit(design, "rows = 8", "rows = 16")
    outcome = dse("explain", "--design", design)
    assert outcome.code == 2
    assert "is not the engine that metrics.json" in outcome.err.replace("\n", " ")


def test_an_edited_configuration_beside_its_figures_is_refused(
    tmp_path: Path, exported: Any
) -> None:
    area = Figure(value=1, unit="LUT", fidelity=MEASURED, inputs=exported.digest)
    metrics = Metrics(engine_lut_measured=area)
    design = write_design(tmp_path / "engine", CONFIG, exported, metrics=metrics).path
    assert explain_design(design).config == CONFIG
    _edit(design, "cols = 4", "cols = 8")
    with pytest.raises(ConfigError, match=r"put the old configuration back, or .*dse generate"):
        explain_design(design)


def _edit(design: Path, old: str, new: str) -> None:
    path = design / "config.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_design_alone_is_asked_about_the_defaults(tmp_path: Path, exported: Any) -> None:
    found = explain_design(_alone(tmp_path, exported))
    assert (found.workload, found.target, found.clock_is) == ("gpt2", "ecpix5-85f", "predicted")


def test_the_record_ranks_changes_as_the_whole_trace_does(tmp_path: Path, exported: Any) -> None:
    found = explain_design(_in_run(tmp_path, exported))
    trace = load_workload("gpt2", Scenario.fixed(prompt=16, generate=4)).trace()
    exact = what_if.what_if(CONFIG, trace, load_target("alveo-u55c"), 80.0)
    said = {(c.knob, c.new): c.latency for c in found.changes}
    for change in exact:
        assert said[change.knob, change.new] == pytest.approx(change.latency, rel=0.02)


def test_the_command_prints_causes_operators_and_changes(tmp_path: Path, exported: Any) -> None:
    outcome = dse("explain", "--design", _in_run(tmp_path, exported))
    assert outcome.code == 0
    assert "4×4 os, gpt2 on alveo-u55c at 80 MHz (measured)" in outcome.out
    assert "(modelled)" in outcome.out
    assert "held up by" in outcome.out
    assert "cols  " in outcome.out


def test_the_command_speaks_json(tmp_path: Path, exported: Any) -> None:
    data = dse("explain", "--design", _in_run(tmp_path, exported), "--json").data
    assert data["config"]["rows"] == 4
    assert data["changes"][0]["latency"] <= data["changes"][-1]["latency"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--clock", "0"], "use more than 0 MHz"),
        (["--target", "ecpix"], "did you mean 'ecpix5-85f'"),
        (["--workload", "gtp2"], "did you mean 'gpt2'"),
    ],
)
def test_unusable_questions_are_refused(
    tmp_path: Path, exported: Any, options: list[str], words: str
) -> None:
    outcome = dse("explain", "--design", _alone(tmp_path, exported), *options)
    assert outcome.code == 2
    assert words in outcome.err


def test_a_folder_without_a_design_is_refused(tmp_path: Path) -> None:
    outcome = dse("explain", "--design", tmp_path)
    assert outcome.code == 2
    assert "give a design folder" in outcome.err


def test_a_damaged_record_is_named(tmp_path: Path, exported: Any) -> None:
    design = _in_run(tmp_path, exported)
    (design / "trace.json").write_text("{", "utf-8")
    with pytest.raises(ConfigError, match=r"trace\.json is damaged"):
        explain_design(design)


def test_damaged_figures_are_named(tmp_path: Path, exported: Any) -> None:
    design = _in_run(tmp_path, exported)
    (design / "metrics.json").write_text("no", "utf-8")
    with pytest.raises(ConfigError, match=r"cannot read .*metrics\.json .*run the same search"):
        explain_design(design)
