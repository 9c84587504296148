"""A run folder read back: everything a report shows, and nothing else."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dse.results import Row, RunFolder, describe_columns
from hw.contracts import ConfigError

from .columns import QUALITY_NAMES, Column, find_column, is_figure, parse_column, reader_unit
from .source import Source, source_of
from .text import is_finite

__all__ = ["Axis", "Design", "Run", "read_run"]

_PLAIN_COLUMNS = ("design", "state", "reason", "on_front", "layer", "command")


@dataclass(frozen=True, slots=True)
class Axis:
    """One objective of the run.

    Parameters
    ----------
    name : str
        What users type; for quality, a ratio, with the model that it is of.
    column : Column
        Column of the tables that holds it.
    maximise : bool
        Whether more is better.
    """

    name: str
    column: Column
    maximise: bool


@dataclass(frozen=True, slots=True)
class Design:
    """What the folder of one design holds.

    Parameters
    ----------
    label : str
        Folder name, ``"03"``.
    figures : mapping
        ``metrics.json``: figure name to value, unit, fidelity, tool, version, seed, ...
    trace : mapping
        ``trace.json``: operators with their causes; empty where it was not written.
    """

    label: str
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trace: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder's content.

    Parameters
    ----------
    path : Path
        The folder.
    info : mapping
        ``run.json``.
    designs : list of rows
        Every trial; ``design`` is its label, ``on_front`` whether it is on the measured front. All
        rows have the same columns; what a trial does not have is None.
    model_front : list of rows
        Modelled layers; empty where the sampler had no model.
    not_routed : list of rows
        Promising designs that the budget left behind.
    axes : tuple of Axis
        The objectives.
    knobs : tuple of str
        Columns that are knobs of the search space.
    details : mapping of str to Design
        Per design label.
    provenance : mapping
        Per figure's column: fidelity, tool, version, conditions, command.
    """

    path: Path
    info: Mapping[str, Any]
    designs: list[Row]
    model_front: list[Row]
    not_routed: list[Row]
    axes: tuple[Axis, ...]
    knobs: tuple[str, ...]
    details: Mapping[str, Design]
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command that makes every figure of the run again."""
        return str(self.info.get("command", ""))

    @property
    def front(self) -> list[Row]:
        """The designs on the measured front."""
        return [row for row in self.designs if row["on_front"]]

    @property
    def dominated(self) -> list[Row]:
        """The measured designs that another one beats."""
        return [r for r in self.designs if r["state"] == "measured" and not r["on_front"]]

    @property
    def missing(self) -> list[Path]:
        """Folders of measured designs that are gone."""
        measured = (row["design"] for row in self.designs if row["state"] == "measured")
        folders = (self.path / "designs" / label for label in measured)
        return [folder for folder in folders if not folder.is_dir()]

    @property
    def columns(self) -> list[str]:
        """Columns of `designs`."""
        return list(self.designs[0]) if self.designs else []

    def source(self, column: str, design: str = "") -> Source:
        """Return who said a figure: of `design` where its record says, else of the column."""
        own = self.details[design].figures.get(column) if design in self.details else None
        entry = own or self.provenance.get(column, {})
        return source_of({"fidelity": parse_column(column).fidelity, **entry})

    def conditions(self, column: str) -> str:
        """Return the conditions that all designs' figures of a column share."""
        return str(self.provenance.get(column, {}).get("conditions", ""))

    def title(self, row: Mapping[str, Any]) -> str:
        """Return a short description of a design: ``16×16 os dsp``."""
        rest = [k for k in self.knobs if k not in ("rows", "cols") and isinstance(row[k], str)]
        size = [f"{row['rows']}×{row['cols']}"] if {"rows", "cols"} <= set(self.knobs) else []
        return " ".join(size + [row[k] for k in rest]) or f"design {row.get('design', '')}"


def read_run(path: str | Path) -> Run:
    """Read a run folder.

    Raises
    ------
    ConfigError
        If the folder is no run, or a file in it is damaged or empty; the message names it.
    """
    folder = Path(path)
    info = RunFolder(folder).info()
    designs = _table(folder / "designs.csv", required=True)
    if not designs:
        raise ConfigError(
            f"{folder / 'designs.csv'} lists no design; run the same search again to restore it: "
            "what it measured is cached"
        )
    best = {row["design"] for row in _table(folder / "front.csv", required=True)}
    designs = [
        {**row, "on_front": row["design"] in best, "design": f"{row['design']:02d}"}
        for row in designs
    ]
    details = {row["design"]: _design(folder, row["design"]) for row in designs}
    columns = list(designs[0]) if designs else []
    axes = _axes(info, columns, details.values())
    _require_objectives(folder / "designs.csv", designs, axes)
    return Run(
        path=folder,
        info=info,
        designs=designs,
        model_front=_table(folder / "model_front.csv"),
        not_routed=_table(folder / "not_routed.csv"),
        axes=axes,
        knobs=tuple(c for c in columns if c not in _PLAIN_COLUMNS and not is_figure(c)),
        details=details,
        provenance={
            **describe_columns(design.figures for design in details.values()),
            **_json(folder / "provenance.json"),
        },
    )


def _table(path: Path, required: bool = False) -> list[Row]:
    """Read a CSV of the run folder; numbers become numbers, empty cells None."""
    if not path.is_file() and not required:
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [_read_row(row) for row in csv.DictReader(stream, strict=True)]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(
            f"cannot read {path} ({error}); run the same search again: what it measured is cached"
        ) from None
    if required and not all(isinstance(row.get("design"), int) for row in rows):
        raise ConfigError(f"{path} lacks design numbers; run the same search again to restore it")
    return rows


def _require_objectives(path: Path, designs: list[Row], axes: tuple[Axis, ...]) -> None:
    """Refuse a measured design without one of its objectives."""
    for row in designs:
        for axis in axes:
            if row["state"] == "measured" and not is_finite(row[axis.column.name]):
                raise ConfigError(
                    f"{path}: design {row['design']} has no {axis.column.name}; "
                    "run the same search again: what it measured is cached"
                )


def _read_row(row: Mapping[str | None, Any]) -> Row:
    if None in row:
        raise ValueError("a row has more cells than the header")
    return {str(name): _value(text or "") for name, text in row.items()}


def _value(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        found = float(text)
    except ValueError:
        return text or None
    return found if math.isfinite(found) else None  # what cannot be drawn or written to JSON


def _axes(
    info: Mapping[str, Any], columns: list[str], details: Iterable[Design]
) -> tuple[Axis, ...]:
    units = {name: f["unit"] for d in details for name, f in d.figures.items() if f.get("unit")}
    axes = []
    for objective in info.get("objectives", ()):
        entry = {"name": objective} if isinstance(objective, str) else objective
        name = find_column(columns, entry.get("column", entry["name"]))
        if name is not None:
            column = parse_column(name)
            column = replace(column, unit=column.unit or reader_unit(units.get(name, "")))
            shown = QUALITY_NAMES.get(column.stem, entry["name"])
            axes.append(Axis(shown, column, bool(entry.get("maximise", False))))
    return tuple(axes)


def _design(folder: Path, label: str) -> Design:
    path = folder / "designs" / label
    return Design(label, _json(path / "metrics.json"), _json(path / "trace.json"))


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read {path} ({error}); run the same search again to restore it"
        ) from None
    return dict(data)
