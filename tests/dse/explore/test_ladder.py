"""What the ladder refuses, and what makes it simulate again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from boards.cache import Cache, Entry
from boards.flows import RoutingReport
from boards.metrics import Fidelity, Figure, Metrics
from boards.target import load_target
from dse.explore import ladder as ladder_module
from dse.explore.bench_sources import ROOT, SOURCES, digest
from dse.explore.ladder import Ladder, WrongDesignError, measure_clock
from dse.explore.tile import tile_cases
from dse.workloads import load_workload, make_scenario
from hw.export import export
from hw.matrix import MatrixConfig

CONFIG = MatrixConfig(rows=2, cols=2, operand_bits=4, a_depth=16, b_depth=16)


@pytest.mark.parametrize(
    ("late", "mismatches", "refused"), [(0, 0, False), (1, 0, True), (0, 1, True)]
)
def test_one_cycle_or_one_element_off_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int, mismatches: int, refused: bool
) -> None:
    trace = load_workload("gpt2", make_scenario(prompt=16, generate=2)).trace()
    jobs = [case.job for case in tile_cases(CONFIG, trace, 0)]
    cycles = [CONFIG.cycles(job).total for job in jobs]
    cycles[-1] += late
    entry = Entry(payload={"cycles": cycles, "mismatches": mismatches, "activity": {}})
    monkeypatch.setattr(ladder_module, "_run_tile", lambda *_: entry)
    ladder = Ladder(load_target(), lambda _: trace, lambda *_: {}, cache=Cache(tmp_path))
    if refused:
        with pytest.raises(WrongDesignError, match="wrong results; report it"):
            ladder._simulate(CONFIG, export(CONFIG))
    else:
        found = ladder._simulate(CONFIG, export(CONFIG))
        assert found.metrics["engine_cycles_measured"].value == sum(cycles)


@pytest.fixture
def ladder(tmp_path: Path, simulated: list[int]) -> Ladder:
    trace = load_workload("gpt2", make_scenario(prompt=16, generate=2)).trace()
    return Ladder(load_target(), lambda _: trace, lambda *_: {}, cache=Cache(tmp_path))


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list that grows by one with each simulation, which is not run."""
    runs: list[int] = []

    def run_tile(config, _design, cases):
        runs.append(len(cases))
        cycles = [config.cycles(case.job).total for case in cases]
        return Entry(payload={"cycles": cycles, "mismatches": 0, "activity": {}})

    monkeypatch.setattr(ladder_module, "_run_tile", run_tile)
    return runs


def test_the_same_question_is_simulated_once(ladder: Ladder, simulated: list[int]) -> None:
    for _ in range(2):
        ladder._simulate(CONFIG, export(CONFIG))
    assert len(simulated) == 1


@pytest.mark.parametrize("name", ["verilator", "cocotb"])
def test_another_version_of_a_tool_is_simulated_again(
    ladder: Ladder, simulated: list[int], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ladder._simulate(CONFIG, export(CONFIG))
    find = ladder_module.require_tool

    def other(asked: str):
        found = find(asked)
        return replace(found, identity=f"{asked} 99") if asked == name else found

    monkeypatch.setattr(ladder_module, "require_tool", other)
    ladder._simulate(CONFIG, export(CONFIG))
    assert len(simulated) == 2


def test_a_corrected_bench_is_simulated_again(
    ladder: Ladder, simulated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ladder._simulate(CONFIG, export(CONFIG))
    monkeypatch.setattr(ladder_module, "bench_digest", lambda: "corrected")
    ladder._simulate(CONFIG, export(CONFIG))
    assert len(simulated) == 2


@pytest.mark.parametrize("name", SOURCES)
def test_the_digest_sees_every_source(tmp_path: Path, name: str) -> None:
    for source in SOURCES:
        copy = tmp_path / source
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, copy)
    assert digest(tmp_path) == digest(ROOT)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\n")
    assert digest(tmp_path) != digest(ROOT)


def test_bench_stimulus_counting_and_golden_model_are_sources() -> None:
    inside = (ROOT / "sim/cosim/bench").glob("kiln_*")  # the rest builds or packages the bench
    wanted = {str(path.relative_to(ROOT)) for path in inside}
    wanted |= {"sim/cosim/stimulus.py", "sim/cosim/activity.py", "hw/matrix/layout.py"}
    assert len(wanted) == 5
    assert wanted <= set(SOURCES)


def test_a_design_is_routed_with_as_many_seeds_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def routed(_design, _target, seed, **_):
        figure = Figure(
            value=100.0 + seed, unit="MHz", fidelity=Fidelity.MEASURED, seed=seed, tool="nextpnr"
        )
        metrics = Metrics(clock_mhz_measured=figure)
        return RoutingReport(metrics=metrics, report={"seed": seed}, log=Path("none.log"))

    monkeypatch.setattr(ladder_module, "routing", routed)
    one, _ = measure_clock(None, None, load_target(), seed=4)
    three, files = measure_clock(None, None, load_target(), seed=4, routings=3)
    assert dict(one) == {"clock_mhz_measured": one["clock_mhz_measured"]}
    assert [three.value(f"clock_{end}mhz_measured") for end in ("min_", "", "max_")] == [
        105,
        106,
        107,
    ]
    assert json.loads(files["reports/routing.json"]) == {"seed": 6}  # the median's
