"""The report of a synthetic run: complete, offline, honest about fidelity, and repeatable."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dse.report import read_run, write_report
from dse.report.pictures import front_picture
from hw.contracts import ConfigError

from .factory import make_run


class _Page(HTMLParser):
    """Collects what a browser would fetch, the ids, and the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.data = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self._inside = given.get("id") or ""
        if tag in ("script", "img", "link", "iframe"):
            self.fetched += [v for k, v in attrs if k in ("src", "href") and v]

    def handle_data(self, data: str) -> None:
        if self._inside == "kiln-data":
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("runs") / "gpt2")
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def page(run_dir: Path) -> _Page:
    return _Page((run_dir / "report.html").read_text("utf-8"))


def _charts(page: _Page) -> dict[str, Any]:
    return dict(json.loads(page.data))


def test_the_page_fetches_nothing(page: _Page) -> None:
    assert page.fetched == ["data:,"]


def test_the_page_has_every_section(page: _Page) -> None:
    assert {"front", "design", "accuracy", "others", "reproduce"} <= page.ids


def test_every_pair_of_objectives_and_all_three_are_drawn(page: _Page) -> None:
    front = _charts(page)["front"]
    assert list(front) == ["latency by area", "latency by power", "power by area", "3D"]
    assert front["3D"]["data"][-1]["type"] == "scatter3d"


def test_axes_say_what_the_figures_are(page: _Page) -> None:
    layout = _charts(page)["front"]["latency by area"]["layout"]
    assert layout["yaxis"]["title"]["text"] == "latency (ms), modelled"
    assert layout["xaxis"]["title"]["text"] == "area (LUT), measured"
    power = _charts(page)["front"]["latency by power"]["layout"]
    titles = {power[axis]["title"]["text"] for axis in ("xaxis", "yaxis")}
    assert "engine power (mW), estimated" in titles


def test_causes_add_up_to_each_phase(page: _Page, run_dir: Path) -> None:
    run = read_run(run_dir)
    for label, charts in _charts(page)["designs"].items():
        drawn = sum(sum(trace["x"]) for trace in charts["stack"]["data"])
        kept = sum(op["ms"] for op in run.details[label].trace["operators"])
        assert drawn == pytest.approx(kept)


def test_no_product_lies_above_the_roof(page: _Page) -> None:
    for charts in _charts(page)["designs"].values():
        roof, _, *dots = charts["roofline"]["data"]
        peak = max(roof["y"])
        assert all(y <= peak * 1.01 for trace in dots for y in trace["y"])


def test_predictions_are_paired_with_what_was_found(page: _Page) -> None:
    headings = [a["text"] for a in _charts(page)["parity"]["layout"]["annotations"]]
    assert len(headings) == 5
    assert any(text.startswith("<b>clock (MHz)</b>  median error") for text in headings)


def test_predicted_figures_are_not_in_the_front_table(run_dir: Path) -> None:
    text = (run_dir / "report.html").read_text("utf-8")
    table = text[text.index('id="front"') : text.index("</table>")]
    assert '"f measured"' in table
    assert '"f predicted"' not in table


def test_every_figure_of_a_front_design_shows_its_source(run_dir: Path) -> None:
    text = (run_dir / "report.html").read_text("utf-8")
    first = read_run(run_dir).front[0]["design"]
    for name in read_run(run_dir).details[first].figures:
        assert f"<tr title='{name}'>" in text
    assert "yosys 0.70" in text
    assert "150 MHz requested" in text


def test_the_command_can_be_repeated(run_dir: Path) -> None:
    text = (run_dir / "report.html").read_text("utf-8")
    command = read_run(run_dir).info["command"]
    assert re.search(rf'<pre id="command"[^>]*>{re.escape(command)}</pre>', text)


def test_refused_and_failed_designs_are_listed_with_reasons(run_dir: Path) -> None:
    text = (run_dir / "report.html").read_text("utf-8")
    assert "refused by the factory" in text
    assert "failed by the factory" in text


def test_text_from_a_run_cannot_become_markup(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "gpt2")
    info = json.loads((folder / "run.json").read_text("utf-8"))
    info["command"] = info["workload"]["name"] = "</script><script>alert(1)</script>"
    (folder / "run.json").write_text(json.dumps(info), "utf-8")
    write_report(folder)
    assert "<script>alert" not in (folder / "report.html").read_text("utf-8")


def test_equal_runs_give_equal_files(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / name / "gpt2") for name in ("one", "two")]
    for folder in folders:
        write_report(folder)
    for name in ("front.svg", "front.png"):
        assert len({(folder / name).read_bytes() for folder in folders}) == 1


def test_the_svg_is_an_svg_and_the_png_a_png(run_dir: Path) -> None:
    assert b"<svg" in (run_dir / "front.svg").read_bytes()[:600]
    assert (run_dir / "front.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_a_front_still_reports(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "gpt2")
    head = (folder / "front.csv").read_text("utf-8").splitlines()[0]
    (folder / "front.csv").write_text(head + "\n", "utf-8")
    assert write_report(folder).pictures == ()
    assert "Not on the front" in (folder / "report.html").read_text("utf-8")


def test_a_run_without_traces_or_model_still_reports(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "gpt2")
    (folder / "model_front.csv").unlink()
    for trace in folder.glob("designs/*/trace.json"):
        trace.unlink()
    write_report(folder)
    page = _Page((folder / "report.html").read_text("utf-8"))
    assert all(charts["stack"] is None for charts in _charts(page)["designs"].values())


def test_what_was_not_routed_stands_apart(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "gpt2")
    text = "rows,cols,latency_ms_predicted,command\n64,64,800.5,dse search --budget 20\n"
    (folder / "not_routed.csv").write_text(text, "utf-8")
    write_report(folder)
    text = (folder / "report.html").read_text("utf-8")
    apart = text[text.index("Promising, and not routed") :]
    assert "dse search --budget 20" in apart
    assert '"f predicted"' in apart


def test_one_objective_needs_no_chart(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "gpt2")
    info = json.loads((folder / "run.json").read_text("utf-8"))
    info["objectives"] = ["latency_ms"]
    (folder / "run.json").write_text(json.dumps(info), "utf-8")
    assert write_report(folder).pictures == ()
    page = _Page((folder / "report.html").read_text("utf-8"))
    assert _charts(page)["front"] == {}
    assert "front-chart" not in page.ids


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no run\.json.*dse search"):
        write_report(tmp_path)


def test_the_page_script_uses_every_chart_place(page: _Page) -> None:
    script = Path(__file__).parents[3] / "dse" / "report" / "charts.js"
    places = set(re.findall(r'draw\("([\w-]+)"', script.read_text("utf-8")))
    assert places <= page.ids


def test_figures_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "gpt2")
    lines = (folder / "designs.csv").read_text("utf-8").splitlines()
    at = lines[0].split(",").index("clock_mhz_measured")
    for index, word in ((1, "nan"), (2, "inf")):
        cells = lines[index].split(",")
        lines[index] = ",".join([*cells[:at], word, *cells[at + 1 :]])
    (folder / "designs.csv").write_text("\n".join(lines) + "\n", "utf-8")
    assert [row["clock_mhz_measured"] for row in read_run(folder).designs[:2]] == [None, None]
    write_report(folder)


def test_a_measured_design_without_an_objective_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "gpt2")
    lines = (folder / "designs.csv").read_text("utf-8").splitlines()
    at = lines[0].split(",").index("latency_ms_modelled")
    cells = lines[1].split(",")
    lines[1] = ",".join([*cells[:at], "", *cells[at + 1 :]])
    (folder / "designs.csv").write_text("\n".join(lines) + "\n", "utf-8")
    with pytest.raises(ConfigError, match="design 00 has no latency_ms_modelled"):
        write_report(folder)


def test_the_picture_says_who_said_its_figures(run_dir: Path) -> None:
    figure = front_picture(read_run(run_dir))
    assert figure is not None
    assert "latency modelled by kiln 0.1.0; power estimated by kiln" in figure.get_supxlabel()
    assert "dse search --workload gpt2" in figure.get_supxlabel().replace("\n", " ")
