"""Walks outputs for figures that do not say how they came about; each finding is one line.

A figure tells its fidelity and its tool, and the output, or the file beside it, tells the command
that makes it again. What is no figure (knobs, names, counts of designs, versions) says so too where
a page shows it, so that a number cannot be forgotten.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from boards.metrics import Fidelity
from dse.report.columns import is_figure, parse_column

__all__ = ["json_gaps", "markdown_gaps", "page_gaps", "record_gaps", "run_gaps", "table_gaps"]

FIDELITIES = {str(fidelity) for fidelity in Fidelity}
_NO_FIGURES = {"design", "state", "reason", "layer", "command", "on_front"}
# Figures of the commands whose documents hold these fields.
_FIGURES = {
    "samplers": ("hypervolume_share", "gap", "gap_ci95", "gap_of_random", "curve"),
    "cases": ("cases.cycles", "line_coverage_percent", "toggle_coverage_percent"),
    "clock_mhz_measured": ("clock_mhz_measured",),
    "sqnr_db": ("sqnr_db", "perplexity"),
}
_DIGIT = re.compile(r"[0-9]")


def run_gaps(run: Path) -> list[str]:
    """Return the gaps of every file that a reader of a run folder opens."""
    info = json.loads((run / "run.json").read_text("utf-8"))
    provenance = json.loads((run / "provenance.json").read_text("utf-8"))
    knobs = set(info["space"]["knobs"])
    gaps = [] if info.get("command") else ["run.json: no command"]
    for name in ("front.csv", "designs.csv", "model_front.csv", "not_routed.csv"):
        if (run / name).exists():
            with (run / name).open(encoding="utf-8", newline="") as stream:
                gaps += table_gaps(csv.DictReader(stream), provenance, knobs, name)
    front = json.loads((run / "front.json").read_text("utf-8"))
    gaps += table_gaps(front, provenance, knobs, "front.json")
    for folder in sorted((run / "designs").iterdir()):
        gaps += _design_gaps(folder)
    return gaps + page_gaps((run / "report.html").read_text("utf-8"))


def _design_gaps(folder: Path) -> Iterator[str]:
    figures = json.loads((folder / "metrics.json").read_text("utf-8"))
    for name, figure in figures.items():
        yield from record_gaps(figure, f"{folder.name}/metrics.json: {name}", name)
    trace = json.loads((folder / "trace.json").read_text("utf-8"))
    yield from record_gaps(trace.get("provenance", {}), f"{folder.name}/trace.json")
    reports = json.loads((folder / "reports" / "provenance.json").read_text("utf-8"))
    for path in (folder / "reports").iterdir():
        if path.name != "provenance.json":
            yield from record_gaps(reports.get(path.name, {}), f"{folder.name}/{path.name}")


def table_gaps(
    rows: Iterable[Mapping[str, Any]],
    provenance: Mapping[str, Mapping[str, Any]],
    knobs: set[str],
    where: str,
) -> list[str]:
    """Return the gaps of a table: columns that are no knobs and have no complete entry."""
    columns = dict.fromkeys(name for row in rows for name in row)
    gaps = [] if columns else [f"{where}: no columns"]
    for name in columns:
        if name not in _NO_FIGURES | knobs:
            gaps += record_gaps(provenance.get(name, {}), f"{where}: {name}", name)
    return gaps


def record_gaps(record: Mapping[str, Any], where: str, name: str = "") -> Iterator[str]:
    """Yield what a figure's record lacks, and a `name` that promises another fidelity."""
    if record.get("fidelity") not in FIDELITIES:
        yield f"{where}: no fidelity"
    elif name and (not is_figure(name) or parse_column(name).fidelity != record["fidelity"]):
        yield f"{where}: the name does not say {record['fidelity']}"
    for field in ("tool", "command"):
        if not record.get(field):
            yield f"{where}: no {field}"


def json_gaps(data: Mapping[str, Any], knobs: set[str]) -> list[str]:
    """Return the gaps of what a command prints with ``--json``."""
    gaps = [] if data.get("command") else ["--json: no command"]
    told = data.get("provenance", {})
    for field, figures in _FIGURES.items():
        if field in data:
            for figure in figures:
                gaps += record_gaps(told.get(figure, {}), f"--json {figure}")
    for table in ("front", "all"):
        if isinstance(data.get(table), list):
            gaps += table_gaps(data[table], told, knobs, f"--json {table}")
    if "time" in data:
        for field in ("clock_mhz", "time", "changes.latency", "changes.resources"):
            entry = {"command": data.get("command"), **told.get(field, {})}
            gaps += record_gaps(entry, f"--json {field}")
    return gaps


def page_gaps(text: str) -> list[str]:
    """Return the gaps of a report page: its elements, its charts and its command."""
    page = _Page()
    page.feed(text)
    gaps = page.gaps + ([] if page.command else ["page: no command"])
    return gaps + [
        gap for path, chart in _charts(json.loads(page.data)) for gap in _told(path, chart)
    ]


def _charts(data: Any, path: str = "chart") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(data, dict) and "layout" in data:
        yield path, data
    elif isinstance(data, dict):
        for name, part in data.items():
            yield from _charts(part, f"{path} {name}")


def _told(path: str, chart: Mapping[str, Any]) -> Iterator[str]:
    meta = chart["layout"].get("meta", [])
    if not meta:
        yield f"{path}: says no source"
    for entry in meta:
        if entry.get("fidelity") not in FIDELITIES or not entry.get("tool"):
            yield f"{path}: {entry.get('figure')} says no fidelity or tool"


class _Page(HTMLParser):
    """Finds numbers outside of elements that say whose they are, or that they are no figures."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[str] = []
        self.command = self.data = ""
        self._open: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.command = given.get("data-command") or self.command
        if tag not in ("meta", "link", "br", "input"):
            self._open.append((tag, given))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _ in self._open}
        if any(given.get("id") == "kiln-data" for _, given in self._open):
            self.data += data
        elif _DIGIT.search(data) and not tags & {"script", "style", "title"} and not self._says():
            self.gaps.append(f"page: {data.strip()[:60]!r} says nothing of its origin")

    def _says(self) -> bool:
        """Whether the innermost element that says anything says it completely."""
        for _, given in reversed(self._open):
            if "data-fidelity" in given or "data-tool" in given:
                return _complete(given, "data-fidelity", "data-tool") and (
                    "data-against" not in given
                    or _complete(given, "data-against", "data-against-tool")
                )
            if given.get("data-is"):
                return True
        return False


def _complete(given: Mapping[str, str | None], fidelity: str, tool: str) -> bool:
    return given.get(fidelity) in FIDELITIES and bool(given.get(tool))


def markdown_gaps(text: str) -> list[str]:
    """Return the gaps of a page of tables: each is headed by who said and found it, and how.

    Numbers stand in tables only, or in a paragraph with the command that makes them.
    """
    gaps, said = [], False
    for block in re.split(r"\n\s*\n", text):
        if block.startswith(("#", "```", "![")):
            said = False
        elif block.startswith("|"):
            if not said:
                gaps.append(f"table without provenance: {block.splitlines()[0]}")
        else:
            said = _paragraph_says(block)
            plain = re.sub(r"`[^`]*`|\[[^]]*\]\([^)]*\)", "", block)
            if _DIGIT.search(plain) and not said:
                gaps.append(f"figure without provenance: {block[:60]!r}")
    return gaps


def _paragraph_says(block: str) -> bool:
    line = block.replace("\n", " ")
    words = set(re.findall(r"[a-z]+", line.lower()))
    command = re.search(r"`(dse|python -m) [^`]+`", line)
    return bool(words & FIDELITIES and " by " in line and command)
