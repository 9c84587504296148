"""The cards of the page: front, one design, how to reproduce."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from .columns import Column, find_column, is_figure, parse_column
from .markup import badge, cell, key, section, table
from .run import Axis, Design, Run
from .source import Source, plain, source_of, sourced, tools_note
from .text import is_finite, number
from .time_charts import verdict

__all__ = [
    "axis_sources",
    "column_head",
    "design_card",
    "figure_cell",
    "front_card",
    "front_columns",
    "id_cell",
    "kiln_version",
    "reproduce_card",
    "trace_source",
    "varied_knobs",
]

_ALSO_SHOWN = (
    *("clock_mhz", "clock_min_mhz", "clock_max_mhz"),  # the latter where several seeds were routed
    *("ttft_ms", "tpot_ms", "tokens_per_s", "dsp", "bram", "ff", "lut"),
    *("spfm_lower_bound", "pmhf_upper_bound_fit", "protection_added_cell_area"),  # with an ASIL
)


def front_card(run: Run) -> str:
    """Return the interactive front and its table."""
    columns = front_columns(run)
    knobs = varied_knobs(run)
    heads = [("design", ""), *((escape(k.replace("_", " ")), _align(run, k)) for k in knobs)]
    heads += [(column_head(run, column), "n") for column in columns]
    rows = (_front_row(run, row, knobs, columns) for row in run.front)
    hint = (
        "Every design here was generated, and climbed as far as this target's tools go. "
        "Choose a point or a row to see why it is where it is."
    )
    body = _front_chart(run) if len(run.axes) > 1 else ""
    body += table(heads, rows) + key(c.fidelity for c in columns) + _again(run)
    return section("front", "The front", body, hint, '<div class="tabs" id="views"></div>')


def _front_chart(run: Run) -> str:
    note = tools_note((axis.name, source) for axis, source in axis_sources(run))
    grey = "; grey dots are predicted" if run.model_front else ""
    return (
        '<div id="front-chart" class="chart"></div>'
        f'<p class="hint"{plain("source")}>{escape(note + grey)}.</p>'
    )


def axis_sources(run: Run) -> list[tuple[Axis, Source]]:
    """Return every objective with who said its figures."""
    return [(axis, run.source(axis.column.name)) for axis in run.axes]


def column_head(run: Run, column: Column) -> str:
    """Return a column's head: title, fidelity and tool."""
    if not column.fidelity:
        return escape(column.title)
    tool = escape(run.source(column.name).named or "not recorded")
    said = f"{badge(column.fidelity)}<br><small{plain('source')}>{tool}</small>"
    return f"{escape(column.title)}<br>{said}"


def _again(run: Run) -> str:
    """Return the command that makes all figures of the page again."""
    if not run.command:
        return ""
    return (
        '<p class="hint again">Conditions of every figure: under One design, and in '
        "provenance.json. All of them are made again by "
        f"<code{plain('command')}>{escape(run.command)}</code></p>"
    )


def front_columns(run: Run) -> list[Column]:
    """Objectives first, then what readers ask for next; all else is in a design's own table."""
    axes = [axis.column for axis in run.axes]
    filled = [n for n in run.columns if is_figure(n) and any(r[n] is not None for r in run.front)]
    found = [find_column(filled, wanted) for wanted in _ALSO_SHOWN]
    names = dict.fromkeys(name for name in found if name and name not in {a.name for a in axes})
    return axes + [parse_column(name) for name in names]


def _align(run: Run, knob: str) -> str:
    return "n" if all(is_finite(row[knob]) for row in run.designs) else ""


def varied_knobs(run: Run) -> list[str]:
    """Return the knobs that differ between designs; the others say nothing in a table."""
    alone = len(run.designs) == 1
    return [knob for knob in run.knobs if alone or len({row[knob] for row in run.designs}) > 1]


def _front_row(run: Run, row: Mapping[str, Any], knobs: list[str], columns: list[Column]) -> str:
    cells = [id_cell(row), *(cell(row[knob], plain("knob")) for knob in knobs)]
    cells += [figure_cell(run, row, column.name) for column in columns]
    return f'<tr data-pick="{escape(row["design"])}">{"".join(cells)}</tr>'


def id_cell(row: Mapping[str, Any]) -> str:
    """Return the cell with a design's number."""
    return cell(row["design"], plain("name"), "id")


def figure_cell(run: Run, row: Mapping[str, Any], name: str) -> str:
    """Return the cell of a design's figure, which says where it came from."""
    return cell(row[name], sourced(run.source(name, row.get("design", ""))))


def design_card(run: Run) -> str:
    """Return the card of the chosen design: knobs, time, roofline, provenance."""
    panels = "".join(_design_panel(run, row) for row in run.front)
    chart = (
        '<div id="{0}-chart" class="chart"></div><p id="{0}-chart-none" class="hint" hidden>{1}</p>'
    )
    body = (
        _knob_panels(run)
        + "<h3>Where the time goes, per operator</h3>"
        + chart.format(
            "stack", "This run kept no trace of the design; explain it with dse explain."
        )
        + "<h3>Roofline: how near each matrix product comes to what the design allows</h3>"
        + chart.format("roofline", "This run kept no trace of the design.")
        + panels
    )
    return section("design", "One design", body, "", '<div class="tabs" id="designs"></div>')


def _knob_panels(run: Run) -> str:
    return "".join(
        f'<div data-design="{escape(row["design"])}" hidden><ul class="knobs"{plain("knob")}>'
        + "".join(
            f"<li><span>{escape(k.replace('_', ' '))}</span>{escape(_knob(row[k]))}</li>"
            for k in run.knobs
        )
        + f"</ul>{_verdict(run, row['design'])}</div>"
        for row in run.front
    )


def _verdict(run: Run, label: str) -> str:
    """Return what the time is spent on, and who says so."""
    source = trace_source(run, label)
    note = f"The times of both charts: {source.words}." if run.details[label].trace else ""
    text = escape(verdict(run.details[label].trace))
    return f'<p class="hint"{sourced(source)}>{text} {escape(note)}</p>'


def trace_source(run: Run, label: str) -> Source:
    """Return who said the times of a design's trace: its own record, or else the latency's."""
    own = run.details[label].trace.get("provenance")
    if own is not None:
        return source_of(own)
    name = find_column(run.details[label].figures, "latency_ms")
    return run.source(name, label) if name else Source("modelled", "")


def _knob(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


def _design_panel(run: Run, row: Mapping[str, Any]) -> str:
    design = run.details[row["design"]]
    folder = f"designs/{design.label}"
    return (
        f'<div data-design="{design.label}" hidden><h3>Where every figure came from</h3>'
        f"{_provenance(design)}"
        f"<p class='hint'{plain('name')}>Verilog, test bench, tool logs and configuration: "
        f"<a href='{folder}/'>{folder}/</a></p>"
        f"<pre{plain('command')}>{escape(_next_commands(run, design.label))}</pre></div>"
    )


def _next_commands(run: Run, label: str) -> str:
    here, path = Path.cwd(), run.path.absolute()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    folder = f"{shown.as_posix()}/designs/{label}"
    return (
        f"dse verify --design {folder}    # this Verilog against its golden model\n"
        f"dse explain --design {folder}   # what the next-best change would bring"
    )


def _provenance(design: Design) -> str:
    """Return all figures with their sources; neighbours from one source share its cells."""
    heads = [("figure", ""), ("value", "n"), ("how", ""), ("tool", ""), ("seed", "")]
    heads += [("conditions", ""), ("inputs", "")]
    groups = groupby(design.figures.items(), key=lambda item: _source(item[1]))
    rows = (row for source, figures in groups for row in _source_rows(source, list(figures)))
    return table(heads, rows, sortable=False)


def _source(figure: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what neighbouring figures may have in common: fidelity, tool, seed, conditions."""
    source = source_of(figure)
    rest = (str(figure.get(key, "")) for key in ("seed", "conditions", "inputs"))
    return (source.fidelity, source.named, *rest)


def _source_rows(
    source: tuple[str, ...], figures: list[tuple[str, Mapping[str, Any]]]
) -> Iterator[str]:
    fidelity, tool, seed, conditions, digest = source
    said = plain("source")
    cells = [f"<td>{badge(fidelity)}</td>", cell(tool, said), cell(seed, said)]
    cells += [
        cell(conditions, said, "long"),
        f'<td class="mono" title="{escape(digest)}"{said}>{escape(digest[:10])}</td>',
    ]
    shared = "".join(cells).replace("<td", f'<td rowspan="{len(figures)}"')
    for index, (name, figure) in enumerate(figures):
        own = cell(_figure_title(name, figure))
        own += cell(figure.get("value"), sourced(source_of(figure)))
        yield f"<tr title='{escape(name)}'>{own}{'' if index else shared}</tr>"


def _figure_title(name: str, figure: Mapping[str, Any]) -> str:
    column = parse_column(name)
    unit = str(figure.get("unit", ""))
    complete = column.unit or not unit or "/" in column.label  # a rate's words are its unit
    return column.title if complete else f"{column.title} ({unit})"


def reproduce_card(run: Run) -> str:
    """Return the command, the versions and the notes of the run."""
    info = run.info
    command = escape(str(info.get("command", "")))
    body = (
        f'<div class="copy"><pre id="command"{plain("command")}>{command}</pre>'
        '<button type="button" data-copy="command">Copy</button></div>'
        f'<div class="two"><div><h3>Versions</h3>{_pairs(_versions(info))}</div>'
        f"<div><h3>Conditions</h3>{_pairs(_conditions(info))}</div></div>{_notes(info)}"
    )
    hint = "The same seed and the same tools give the same front, byte for byte."
    return section("reproduce", "Reproduce this", body, hint)


def _versions(info: Mapping[str, Any]) -> dict[str, Any]:
    tools = info.get("tools") or info.get("versions") or {}
    return {"kiln": kiln_version(info), **tools}


def kiln_version(info: Mapping[str, Any]) -> str:
    """Return the version that made the run, or this one where the run does not say."""
    return str(info.get("kiln") or version("kiln-dse"))


def _conditions(info: Mapping[str, Any]) -> dict[str, Any]:
    target, workload = _mapping(info.get("target")), _mapping(info.get("workload"))
    reserve = _mapping(target.get("reserve"))
    held = ", ".join(f"{number(v)} {k}" for k, v in reserve.items() if k != "name" and is_finite(v))
    limits = {k: v for k, v in _mapping(info.get("constraints")).items() if v is not None}
    return {
        "target": target.get("title") or target.get("name"),
        **_files(info),
        "memory": target.get("memory"),
        "cells": _mapping(info.get("liberty")).get("name"),
        "reserved, not measured": held,
        "reserved for": target.get("reserve_note"),
        "scenario": workload.get("scenario") or info.get("scenario"),
        **limits,
        "sampler": info.get("sampler"),
        "seed": info.get("seed"),
        "measurements": info.get("budget"),
    }


def _files(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user's own files that the run was made from."""
    made_from = _mapping(info.get("origin"))
    return {f"{what} file": _mapping(made_from.get(what)).get("file") for what in made_from}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {"name": value}


def _pairs(pairs: Mapping[str, Any]) -> str:
    rows = (
        f"<tr><td>{escape(str(name).replace('_', ' '))}</td>"
        f"<td>{escape(number(value) if is_finite(value) else str(value))}</td></tr>"
        for name, value in pairs.items()
        if value not in (None, "", {}) and isinstance(value, str | int | float)
    )
    return f"<table{plain('setting')}><tbody>{''.join(rows)}</tbody></table>"


def _notes(info: Mapping[str, Any]) -> str:
    notes = "".join(f"<li>{escape(str(note))}</li>" for note in info.get("notes", ()))
    return f"<h3>Worth knowing</h3><ul{plain('setting')}>{notes}</ul>" if notes else ""
