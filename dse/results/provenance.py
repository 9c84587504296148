"""Where the figures of a table came from: one entry per column, kept beside the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from boards.metrics import Metrics

__all__ = ["describe_columns", "kiln_version", "report_sources", "signed", "trace_source"]

Record = Mapping[str, Mapping[str, Any]]

_TEXTS = ("unit", "fidelity", "tool", "version", "command")
_KILN = "kiln"  # what the names of Kiln's own models begin with
_REPORTS = "reports/"
_DETAILS = {  # report file, without its ending: the figure that it details
    "area": "engine_",
    "power": "power_mw_",
    "routing": "clock_mhz_",
    "timing": "clock_mhz_",
    "simulation": "engine_cycles_measured",
}
_CLOCKS = ("clock_mhz_measured", "clock_mhz_modelled", "clock_mhz_estimated")


def kiln_version() -> str:
    """Return the version of Kiln that runs."""
    return version("kiln-dse")


def signed(metrics: Metrics, command: str) -> Metrics:
    """Return `metrics` with the command that makes them again, and Kiln's version on its own."""

    def own(tool: str, given: str) -> str:
        return kiln_version() if tool.startswith(_KILN) and not given else given

    return Metrics(
        {
            name: replace(
                figure,
                version=own(figure.tool, figure.version),
                command=figure.command or command,
            )
            for name, figure in metrics.items()
        }
    )


def trace_source(metrics: Metrics, command: str) -> dict[str, str]:
    """Return what the times of ``trace.json`` are: modelled, at the clock that was found."""
    clock = next((metrics[name] for name in _CLOCKS if name in metrics), None)
    at = f"at the clock {clock.fidelity} by {clock.tool}" if clock else "at an assumed clock"
    return {
        "fidelity": "modelled",
        "tool": "kiln-system",
        "version": kiln_version(),
        "conditions": f"{at}; memory and host as the target states them",
        "command": command,
    }


def report_sources(
    metrics: Metrics, files: Iterable[str], command: str
) -> dict[str, dict[str, Any]]:
    """Return who wrote each of a design's report files: the source of the figure that it details.

    Parameters
    ----------
    metrics : Metrics
        The design's figures.
    files : iterable of str
        Places in the design folder; those outside ``reports/`` are no reports.
    """
    found = {}
    for name in (file.removeprefix(_REPORTS) for file in files if file.startswith(_REPORTS)):
        stem = _DETAILS.get(name.partition(".")[0], "")
        figure = next((f for n, f in metrics.to_dict().items() if stem and n.startswith(stem)), {})
        kept = ("fidelity", "tool", "version", "conditions", "inputs")
        found[name] = {**{k: figure[k] for k in kept if k in figure}, "command": command}
    return found


def describe_columns(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Return one entry per figure name: unit, fidelity, tool, version, seed, conditions, command.

    What differs from design to design, such as digests, stays in each design's ``metrics.json``;
    of the conditions, the parts that all designs share are kept.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        for name, figure in record.items():
            found.setdefault(name, []).append(figure)
    return {name: _entry(figures) for name, figures in found.items()}


def _entry(figures: list[Mapping[str, Any]]) -> dict[str, Any]:
    entry: dict[str, Any] = {field: _distinct(figures, field) for field in _TEXTS}
    entry["conditions"] = _shared(figures)
    seeds = {figure.get("seed") for figure in figures}
    if len(seeds) == 1 and None not in seeds:
        entry["seed"] = seeds.pop()
    return {name: value for name, value in entry.items() if value != "" or name == "unit"}


def _distinct(figures: list[Mapping[str, Any]], field: str) -> str:
    return ", ".join(dict.fromkeys(str(f[field]) for f in figures if f.get(field)))


def _shared(figures: list[Mapping[str, Any]]) -> str:
    parts = [str(figure.get("conditions", "")).split("; ") for figure in figures]
    return "; ".join(part for part in parts[0] if all(part in other for other in parts))
