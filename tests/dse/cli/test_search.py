"""`dse search` around a search that is played back: what is shown, kept and refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from boards.metrics import Fidelity, Figure, Metrics
from dse.cli.progress import time_left
from dse.cli.search import parse_fixed
from dse.results import TrialResult, TrialState
from tests.dse.report.factory import make_run

from .helpers import dse


@dataclass
class Standing:
    done: int
    budget: int
    running: int = 0


class Played:
    """A search that finishes two designs; `stop` interrupts it after the first."""

    def __init__(self, run: Path, progress: Callable[[Any], None], stop: bool) -> None:
        self.run_dir, self._progress, self._stop = run, progress, stop

    def __iter__(self) -> Iterator[TrialResult]:
        for number, state in enumerate((TrialState.MEASURED, TrialState.REFUSED)):
            self._progress(Standing(done=number + 1, budget=2))
            yield _result(number, state)
            if self._stop:
                raise KeyboardInterrupt


def _result(number: int, state: TrialState) -> TrialResult:
    clock = Figure(value=90.5, unit="MHz", fidelity=Fidelity.MEASURED, tool="nextpnr")
    latency = Figure(value=1234.5, unit="ms", fidelity=Fidelity.MODELLED, tool="kiln")
    return TrialResult(
        number=number,
        knobs={"rows": 8, "cols": 16, "dataflow": "os"},
        config=None,
        metrics=Metrics(clock_mhz_measured=clock, trace_latency_ms_modelled=latency),
        objectives={"latency_ms": 1234.5},
        state=state,
        reason="too many LUT; use a larger board" if state is TrialState.REFUSED else "",
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Replace the search; return what it was asked for. ``stop`` interrupts it."""
    calls: dict[str, Any] = {"stop": False}
    run = make_run(tmp_path / "runs" / "gpt2")

    def search(workload: Any, target: Any, *, progress: Any, **rest: Any) -> Played:
        calls.update(rest, workload=workload, target=target)
        return Played(run, progress, calls["stop"])

    monkeypatch.setattr("dse.search", search, raising=False)
    return calls


def test_designs_are_shown_as_they_come_with_what_each_figure_is(asked: dict[str, Any]) -> None:
    outcome = dse("search", "--workload", "gpt2")
    assert outcome.code == 0
    assert "00  8×16 os" in outcome.err
    assert "latency 1,234 ms modelled" in outcome.err
    assert "clock 90.5 MHz measured" in outcome.err
    assert "refused: too many LUT; use a larger board" in outcome.err
    assert asked["target"] == "ecpix5-85f"
    assert asked["fixed"] == {"operand_bits": 8}


def test_the_front_is_data_and_the_report_is_named(asked: dict[str, Any]) -> None:
    outcome = dse("search")
    assert outcome.out.startswith(" ")
    assert "latency (ms)" in outcome.out
    assert "report.html" in outcome.err
    assert "dse verify --design" in outcome.err


def test_json_holds_front_and_all_designs(asked: dict[str, Any]) -> None:
    data = dse("search", "--json").data
    assert Path(data["report"]).is_file()
    assert {row["design"] for row in data["front"]} < {row["design"] for row in data["all"]}


def test_interruption_says_how_to_go_on(asked: dict[str, Any]) -> None:
    asked["stop"] = True
    outcome = dse("search")
    assert outcome.code == 130
    assert "1 new designs are kept in" in outcome.err
    assert "Go on with: dse" in outcome.err


def test_interruption_before_the_first_design_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def search(*_: Any, **__: Any) -> Played:
        raise KeyboardInterrupt

    monkeypatch.setattr("dse.search", search, raising=False)
    outcome = dse("search", "--formats", "all")
    assert outcome.code == 130
    assert "Interrupted; what was finished is kept. Go on with: dse" in outcome.err


def test_options_reach_the_search(asked: dict[str, Any]) -> None:
    outcome = dse(
        *("search", "--objective", "tokens-per-joule", "--max-power", 900, "--budget", 5),
        *("--fix", "rows=8,16", "--fix", "dataflow=os", "--bits", 4, "--no-resume"),
        *("--prompt", 16, "--generate", 8, "--sampler", "tpe", "--seed", 7),
    )
    assert outcome.code == 0
    assert asked["objectives"] == ("tokens-per-joule",)
    assert asked["fixed"] == {"operand_bits": 4, "rows": (8, 16), "dataflow": "os"}
    assert (asked["max_power_mw"], asked["budget"], asked["seed"]) == (900, 5, 7)
    assert asked["workload"].scenario.classes[0].prompt == 16
    assert asked["resume"] is False


@pytest.mark.parametrize("text", ["rows", "rows=", "=8"])
def test_a_broken_fix_is_refused(asked: dict[str, Any], text: str) -> None:
    outcome = dse("search", "--fix", text)
    assert outcome.code == 2
    assert "write --fix rows=16" in outcome.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fix", "rows=8", "--fix", "rows=16"), "given twice; write --fix rows=8,16"),
        (("--fix", "a-depth=512", "--fix", "a_depth=1024"), "write --fix a_depth=512,1024"),
        (("--bits", 8, "--fix", "operand_bits=4"), "both choose the operand width; leave one out"),
    ],
)
def test_a_knob_chosen_twice_is_refused(
    asked: dict[str, Any], options: tuple[object, ...], words: str
) -> None:
    outcome = dse("search", *options)
    assert outcome.code == 2
    assert words in " ".join(outcome.err.split())
    assert "fixed" not in asked


def test_the_width_may_be_fixed_as_any_knob(asked: dict[str, Any]) -> None:
    dse("search", "--fix", "operand_bits=4")
    assert asked["fixed"] == {"operand_bits": 4}


def test_fixed_values_keep_their_kind() -> None:
    assert parse_fixed(["banks=2", "flag=true", "a-depth=512,1024"]) == {
        "banks": 2,
        "flag": True,
        "a_depth": (512, 1024),
    }


def test_time_left_is_silent_until_something_is_known() -> None:
    assert time_left(50, 0, 12) == ""
    assert time_left(50, 5, 0) == ""
    assert time_left(50, 5, 5) == "about 50 s left"
    assert time_left(600, 5, 5) == "about 10 min left"
