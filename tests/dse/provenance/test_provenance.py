"""Every figure of every output says how it came about; a figure that does not is found."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dse.report import write_report
from tests.dse.cli.helpers import dse

from .played import COMMAND, search
from .walk import json_gaps, markdown_gaps, page_gaps, run_gaps

PAGE = Path(__file__).parents[3] / "docs" / "calibration.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        yield search(tmp_path_factory.mktemp("played"), patch)


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


def _knobs(run: Path) -> set[str]:
    return set(json.loads((run / "run.json").read_text("utf-8"))["space"]["knobs"])


def _edit(path: Path, change: Callable[[Any], None]) -> None:
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


def test_every_file_of_a_run_says_where_its_figures_came_from(run: Path) -> None:
    assert run_gaps(run) == []


def test_the_played_run_has_every_kind_of_design(run: Path) -> None:
    text = (run / "designs.csv").read_text("utf-8")
    assert ",measured," in text
    assert ",refused," in text
    assert (run / "not_routed.csv").exists()


def test_what_commands_print_as_json_says_it_too(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs, design = _knobs(run), sorted((run / "designs").iterdir())[0]
    for command in (["front", run], ["explain", "--design", design]):
        monkeypatch.setattr(sys, "argv", ["dse", *map(str, command), "--json"])
        assert json_gaps(dse(*command, "--json").data, knobs) == []
    assert dse("front", run, "--json").data["command"].startswith("dse search --workload")
    written = dse("report", run, "--json").data
    assert written.keys() == {"page", "pictures", "missing"}  # no figures in it


def test_a_search_prints_it_with_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = search(tmp_path, monkeypatch)  # its command again finds it finished
    data = dse(*COMMAND, "--json").data
    assert data["all"]
    assert json_gaps(data, _knobs(run)) == []


@pytest.mark.parametrize(
    "command",
    [
        ("bench", "search", "--samplers", "random", "--seeds", "1", "--budget", "3"),
        ("quality", "--formats", "int8"),
    ],
    ids=["bench", "quality"],
)
def test_other_commands_print_it_too(command: tuple[str, ...]) -> None:
    data = dse(*command, "--json").data
    assert json_gaps(data, set()) == []
    told = data["provenance"]
    assert json_gaps({**data, "provenance": {**told, next(iter(told)): {}}}, set())


def test_the_project_page_says_where_its_figures_came_from() -> None:
    text = PAGE.read_text("utf-8")
    assert text.count("\n|") > 10
    assert markdown_gaps(text) == []


# What follows proves that the walk can fail: one piece of provenance is taken away each time.


@pytest.mark.parametrize("field", ["fidelity", "tool", "command"])
def test_a_column_without_its_entry_is_found(copy: Path, field: str) -> None:
    _edit(copy / "provenance.json", lambda data: data["engine_lut_measured"].pop(field))
    gaps = run_gaps(copy)
    assert f"designs.csv: engine_lut_measured: no {field}" in gaps


def test_a_new_column_without_provenance_is_found(copy: Path) -> None:
    path = copy / "front.csv"
    head, *rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([f"{head},speed", *(f"{row},3" for row in rows)]), "utf-8")
    assert "front.csv: speed: no fidelity" in run_gaps(copy)


def test_a_name_that_promises_more_than_the_record_is_found(copy: Path) -> None:
    _edit(
        copy / "provenance.json",
        lambda data: data["engine_lut_measured"].update(fidelity="predicted"),
    )
    assert "designs.csv: engine_lut_measured: the name does not say predicted" in run_gaps(copy)


def test_a_figure_without_its_tool_is_found_in_the_record_and_on_the_page(copy: Path) -> None:
    front = json.loads((copy / "front.json").read_text("utf-8"))
    label = f"{front[0]['design']:02d}"
    metrics = copy / "designs" / label / "metrics.json"
    _edit(metrics, lambda data: data["clock_mhz_measured"].pop("tool"))
    write_report(copy)
    gaps = run_gaps(copy)
    assert f"{label}/metrics.json: clock_mhz_measured: no tool" in gaps
    assert any(gap.startswith("page: ") for gap in gaps)


def test_a_trace_or_a_report_without_a_source_is_found(copy: Path) -> None:
    folder = sorted((copy / "designs").iterdir())[0]
    _edit(folder / "trace.json", lambda data: data.pop("provenance"))
    (folder / "reports" / "notes.csv").write_text("a,b\n1,2\n", "utf-8")
    gaps = run_gaps(copy)
    assert f"{folder.name}/trace.json: no fidelity" in gaps
    assert f"{folder.name}/notes.csv: no tool" in gaps


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r' data-tool="[^"]+"', ' data-tool=""'),
        (r' data-fidelity="measured"', ""),
        (r' data-is="count"', ""),
        (r' data-command="[^"]+"', ""),
        (r'"meta": \[', '"meta": [], "was": ['),
        (r"<h3>Roofline", "<h3>37 % faster. Roofline"),
    ],
)
def test_a_page_that_lost_one_piece_is_found(run: Path, pattern: str, instead: str) -> None:
    text = (run / "report.html").read_text("utf-8")
    lost, count = re.subn(pattern, instead, text, count=1)
    assert count == 1
    assert page_gaps(text) == []
    assert page_gaps(lost)


def test_tables_and_sentences_without_provenance_are_found_in_markdown() -> None:
    said = "Predicted by kiln-additive, measured by pyosys; made by `dse bench calibration`.\n\n"
    table = "| figure | error |\n|---|---|\n| LUT | 3 % |\n"
    assert markdown_gaps(said + table) == []
    assert markdown_gaps(table) == ["table without provenance: | figure | error |"]
    assert markdown_gaps("The error is 3 %.") == ["figure without provenance: 'The error is 3 %.'"]
