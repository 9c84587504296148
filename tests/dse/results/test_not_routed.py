"""What the budget left behind is listed, best first, with a command that measures it."""

from __future__ import annotations

import csv
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from boards.metrics import Figure, Metrics
from dse.results import TrialResult
from dse.results.not_routed import not_routed
from tests.dse.cli.helpers import dse
from tests.dse.explore.test_outside import outside, run_outside

__all__ = ["outside"]  # the fixture

INFO = {
    "space": {"knobs": ["rows", "double"]},
    "objectives": [
        {"name": "latency", "column": "trace_latency_ms_modelled", "maximise": False},
        {"name": "throughput", "column": "tokens_per_s_modelled", "maximise": True},
    ],
    "command": "dse search --workload gpt2 --budget 4 --no-resume --json --fix rows=4,8,16,32",
}
NAMES = ("trace_latency_ms_predicted", "tokens_per_s_predicted")


def modelled(rows: int, latency: float, rate: float, layer: int = 1) -> dict[str, str]:
    figures = dict(zip(NAMES, (str(latency), str(rate)), strict=True))
    return {"layer": str(layer), "rows": str(rows), "double": "True", **figures}


def measured(rows: int, latency: float, rate: float) -> TrialResult:
    figures = {
        name: Figure(value=value, unit="", fidelity="predicted")
        for name, value in zip(NAMES, (latency, rate), strict=True)
    }
    return TrialResult(
        number=0, knobs={"rows": rows, "double": True}, config=None, metrics=Metrics(figures)
    )


def listed(left: list[Mapping[str, Any]]) -> list[int]:
    return [int(row["rows"]) for row in left]


def test_the_farthest_beyond_what_was_measured_comes_first() -> None:
    front = [modelled(4, 100, 10), modelled(8, 80, 9), modelled(16, 10, 8), modelled(32, 95, 50)]
    left = not_routed(front, [measured(4, 100, 10)], INFO, "gpt2")
    assert listed(left) == [16, 32, 8]


def test_what_was_measured_or_beaten_or_lies_deeper_is_not_listed() -> None:
    front = [modelled(4, 100, 10), modelled(8, 110, 9), modelled(16, 10, 80, layer=2)]
    assert not_routed(front, [measured(4, 100, 10)], INFO, "gpt2") == []


def test_the_command_is_the_run_s_with_every_knob_held() -> None:
    (row,) = not_routed([modelled(16, 10, 80)], [], INFO, "gpt2")
    words = shlex.split(row["command"])
    assert words[:4] == ["dse", "search", "--workload", "gpt2"]
    assert words[-8:] == [
        *("--budget", "1", "--name", "gpt2-16-True"),
        *("--fix", "rows=16", "--fix", "double=true"),
    ]
    assert words.count("--fix") == 2  # a knob given twice is refused
    assert "--json" not in words
    assert "--no-resume" not in words


def test_the_width_held_by_bits_is_not_chosen_twice() -> None:
    info = {**INFO, "space": {"knobs": ["operand_bits"]}, "command": "dse search --bits 4"}
    row = {**modelled(16, 10, 80), "operand_bits": "4"}
    (left,) = not_routed([row], [], info, "gpt2")
    assert "--bits" not in left["command"]
    assert left["command"].endswith("--fix operand_bits=4")


def test_a_search_from_python_is_answered_in_python() -> None:
    (row,) = not_routed([modelled(16, 10, 80)], [], {**INFO, "command": "dse.search(...)"}, "a")
    assert row["command"].endswith("budget=1, fixed={'rows': 16, 'double': True})")


def read_left(run: Path) -> list[dict[str, str]]:
    with (run / "not_routed.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_listed_command_measures_its_design(
    outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--target", "my.toml", "--block", "dotty", "--runs", "runs", "--jobs", "1"]
    arguments = ["search", "--workload", "gemms.csv", *options, "--budget", "1"]
    monkeypatch.chdir(outside)
    monkeypatch.setattr(sys, "argv", ["dse", *arguments])
    assert dse(*arguments).code == 0
    left = read_left(outside / "runs" / "gemms")
    assert left
    assert all(name.endswith("_predicted") for name in left[0] if name not in ("lanes", "command"))
    assert left[0]["command"].split()[-2:] == ["--fix", f"lanes={left[0]['lanes']}"]
    assert left[0]["command"] in (outside / "runs/gemms/report.html").read_text("utf-8")
    again = shlex.split(left[0]["command"])
    monkeypatch.setattr(sys, "argv", again)
    data = dse(*again[1:], "--json").data
    assert [str(row["lanes"]) for row in data["front"]] == [left[0]["lanes"]]


def test_a_longer_budget_shortens_the_list(outside: Path) -> None:
    search, _ = run_outside(outside, budget=1)
    before = {row["lanes"] for row in read_left(search.run_dir)}
    search, _ = run_outside(outside, budget=2)
    after = {row["lanes"] for row in read_left(search.run_dir)}
    assert after < before
    assert not after & {str(result.knobs["lanes"]) for result in search.results}
