"""A run folder read back: everything a report shows, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.results import RunFolder
from hw.contracts import ConfigError

from .columns import Column, find_column, is_figure, parse_column, reader_unit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Axis", "Design", "Run", "read_run"]

_PLAIN_COLUMNS = ("design", "state", "reason", "on_front", "layer", "command")


@dataclass(frozen=True, slots=True)
class Axis:
    """One objective of the run.

    Parameters
    ----------
    name : str
        What users type.
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
    designs : DataFrame
        Every trial; ``design`` is its label, ``on_front`` whether it is on the measured front.
    model_front : DataFrame
        Modelled layers; empty where the sampler had no model.
    not_routed : DataFrame
        Promising designs that the budget left behind.
    axes : tuple of Axis
        The objectives.
    knobs : tuple of str
        Columns that are knobs of the search space.
    details : mapping of str to Design
        Per design label.
    """

    path: Path
    info: Mapping[str, Any]
    designs: pd.DataFrame
    model_front: pd.DataFrame
    not_routed: pd.DataFrame
    axes: tuple[Axis, ...]
    knobs: tuple[str, ...]
    details: Mapping[str, Design]

    @property
    def front(self) -> pd.DataFrame:
        """The designs on the measured front."""
        return self.designs[self.designs["on_front"]]

    def title(self, row: Mapping[str, Any]) -> str:
        """Return a short description of a design: ``16×16 os dsp``."""
        rest = [k for k in self.knobs if k not in ("rows", "cols") and isinstance(row[k], str)]
        size = [f"{row['rows']:g}×{row['cols']:g}"] if {"rows", "cols"} <= set(self.knobs) else []
        return " ".join(size + [row[k] for k in rest]) or f"design {row.get('design', '')}"


def read_run(path: str | Path) -> Run:
    """Read a run folder.

    Raises
    ------
    ConfigError
        If the folder is no run, or a file in it is damaged; the message names it.
    """
    folder = Path(path)
    info = RunFolder(folder).info()
    designs = _table(folder / "designs.csv", required=True)
    designs["design"] = [f"{int(number):02d}" for number in designs["design"]]
    designs["on_front"] = designs["design"].isin(_front_labels(folder))
    details = {label: _design(folder, label) for label in designs["design"]}
    return Run(
        path=folder,
        info=info,
        designs=designs,
        model_front=_table(folder / "model_front.csv"),
        not_routed=_table(folder / "not_routed.csv"),
        axes=_axes(info, list(designs.columns), details.values()),
        knobs=tuple(c for c in designs.columns if c not in _PLAIN_COLUMNS and not is_figure(c)),
        details=details,
    )


def _front_labels(folder: Path) -> list[str]:
    front = _table(folder / "front.csv", required=True)
    return [f"{int(number):02d}" for number in front["design"]] if len(front) else []


def _table(path: Path, required: bool = False) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file() and not required:
        return pd.DataFrame()
    try:
        text = path.read_text("utf-8")
        if not text.strip():
            return pd.DataFrame(columns=["design", "state"])
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read {path} ({error}); run the same search again: what it measured is cached"
        ) from None
    if required and "design" not in frame.columns:
        raise ConfigError(f"{path} has no column 'design'; run the same search again to restore it")
    return frame


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
            axes.append(Axis(entry["name"], column, bool(entry.get("maximise", False))))
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
