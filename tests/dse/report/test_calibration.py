"""The calibration of one run: what was said against what was found, with its sign."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dse.report import read_run, write_report
from dse.report.calibration import host_shares, parities, relative_error, unmeasured

from .factory import make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "gpt2")


def _set(folder: Path, column: str, values: list[str]) -> None:
    """Give a column of designs.csv these values, the rest none."""
    path = folder / "designs.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for index, row in enumerate(rows):
        row[column] = values[index] if index < len(values) else ""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_errors_are_said_over_found_less_one(folder: Path) -> None:
    _set(folder, "engine_dsp_measured", ["100", "200", "0"])
    _set(folder, "engine_dsp_predicted", ["110", "190", "0"])
    parity = next(p for p in parities(read_run(folder)) if p.said.stem == "engine_dsp")
    assert parity.errors == pytest.approx((0.1, -0.05, 0.0))
    assert parity.mean == pytest.approx(0.05 / 3)
    assert parity.mean_absolute == pytest.approx(0.05)
    assert parity.worst == ("00", pytest.approx(0.1))


def test_too_much_said_of_nothing_counts_whole() -> None:
    assert relative_error(3.0, 0.0) == 1.0
    assert relative_error(0.2, 0.0) == 0.0  # no block of it, and none was said


def test_modelled_and_routed_figures_are_compared_too(folder: Path) -> None:
    for column in ("engine_cycles_modelled", "engine_cycles_measured"):
        _set(folder, column, ["400", "500"])
    _set(folder, "routed_dsp_measured", ["99"])
    found = {(p.said.name, p.found.name): p for p in parities(read_run(folder))}
    cycles = found["engine_cycles_modelled", "engine_cycles_measured"]
    assert (len(cycles.points), cycles.mean_absolute) == (2, 0.0)
    assert ("engine_dsp_measured", "routed_dsp_measured") in found


def test_what_nothing_was_measured_for_is_listed_with_its_uncertainty(folder: Path) -> None:
    _set(folder, "tile_power_mw_estimated", ["200"] * 8)
    _set(folder, "power_uncertainty_mw_estimated", ["80"] * 8)
    groups = unmeasured(read_run(folder))
    named = {column.name: group for group in groups for column, *_ in group.ranges}
    assert named["power_mw_estimated"].uncertainty == "±40% of the tile's power, one sigma"
    assert named["ttft_ms_modelled"].uncertainty.startswith("none stated")
    assert not any("measured" in name for name in named)
    write_report(folder)
    page = (folder / "report.html").read_text("utf-8")
    assert "±40% of the tile" in page
    assert "there is nothing to compare these with" in page


def test_an_uncertainty_that_the_source_states_comes_before_that_of_the_power(folder: Path) -> None:
    _set(folder, "memory_power_mw_estimated", ["200"] * 8)
    said = {"fidelity": "estimated", "tool": "table", "conditions": "a paper; +-30%"}
    text = json.dumps({"memory_power_mw_estimated": said})
    (folder / "provenance.json").write_text(text, "utf-8")
    groups = unmeasured(read_run(folder))
    (memory,) = (g for g in groups if g.ranges[0][0].stem == "memory_power_mw")
    assert memory.uncertainty == "±30%, one sigma"


def test_the_share_of_the_host_comes_from_the_traces(folder: Path) -> None:
    low, high = host_shares(read_run(folder)) or (0.0, 0.0)
    trace = json.loads((folder / "designs" / "00" / "trace.json").read_text("utf-8"))
    total = sum(op["ms"] for op in trace["operators"])
    share = sum(op["ms"] for op in trace["operators"] if op["block"] == "host") / total
    assert 0 < low <= share <= high < 1


def test_the_page_prints_the_errors(folder: Path) -> None:
    write_report(folder)
    page = (folder / "report.html").read_text("utf-8")
    card = page[page.index('<section id="accuracy"') : page.index('<section id="others"')]
    parity = next(p for p in parities(read_run(folder)) if p.said.stem == "clock_mhz")
    assert f"{parity.mean:+.2%}" in card
    assert f"{parity.worst[1]:+.2%}" in card
    assert 'data-against="measured"' in card
