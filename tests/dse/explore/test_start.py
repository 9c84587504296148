"""What ``run.json`` says of how a search was started, and when a run may go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dse
from dse.explore import start
from dse.results import RunFolder
from dse.workloads import load_workload
from hw.contracts import ConfigError

POWER = {"name": "power", "column": "power_mw_estimated", "maximise": False}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stop a search where its call is recorded; return the calls."""
    found: list[str] = []

    def stop(call: str) -> str:
        found.append(call)
        raise InterruptedError

    monkeypatch.setattr(start, "_command", stop)
    return found


def test_a_search_from_python_records_its_call(calls: list[str]) -> None:
    fixed = {"rows": (8, 16)}
    with pytest.raises(InterruptedError):
        dse.search(load_workload("gpt2"), budget=3, fixed=fixed, name="mine", runs_dir=Path("r"))
    said = "dse.search('gpt2', budget=3, name='mine', runs_dir='r', fixed={'rows': (8, 16)})"
    assert calls == [said]


def test_a_call_without_arguments_names_its_workload(calls: list[str]) -> None:
    with pytest.raises(InterruptedError):
        dse.search()
    assert calls == ["dse.search('gpt2')"]


def test_a_run_whose_objectives_were_worded_otherwise_goes_on(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    before: dict[str, Any] = {"objectives": [{**POWER, "label": "power (mW)"}]}
    run.start(before)
    start._claim(run, {"objectives": [{**POWER, "label": "engine power (mW)"}]}, {}, resume=True)
    assert run.info()["objectives"][0]["label"] == "engine power (mW)"
    with pytest.raises(ConfigError, match="with other objectives;"):
        start._claim(run, {"objectives": [{**POWER, "maximise": True}]}, {}, resume=True)


def test_a_run_of_another_layout_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.start({"schema": 99, "objectives": []})
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(ConfigError, match=r"schema=99.*--no-resume"):
        start._claim(run, {"objectives": []}, {}, resume=True)
    assert (run.path / "run.json").read_bytes() == before
