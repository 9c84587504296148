"""Whether the figures in a design folder are those of the configuration beside them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

from dse.results import RunFolder
from hw.contracts import ConfigError
from hw.matrix import MATRIX_SPACE, MIXED_SPACE, MatrixConfig, mixed_config

from .folder import DesignFolder

__all__ = ["require_recorded"]


def require_recorded(folder: DesignFolder, config: MatrixConfig) -> None:
    """Refuse a configuration that the folder's figures and times are not about.

    A design of a run is compared with the run's table, which holds across versions of the
    generator; one on its own with the digest of the Verilog that its figures name. Without either
    there is nothing to confuse.

    Raises
    ------
    ConfigError
        ``config.toml`` was edited after its design was measured.
    """
    point = _point(folder)
    if point is not None:
        same = _decoded(point, config) == config
    else:
        same = _digest(folder) in ("", _exported_digest(folder, config))
    if not same:
        raise ConfigError(
            f"{folder.path / 'config.toml'} is not the engine that metrics.json and trace.json "
            "beside it are about; put the old configuration back, or write the new engine to a "
            "folder of its own with `dse generate` and explain that one"
        )


def _point(folder: DesignFolder) -> dict[str, Any] | None:
    """Return the knobs under which the run's ``designs.csv`` lists the design, if it does."""
    here = folder.path.absolute()
    run = RunFolder(here.parent.parent)
    table = run.path / "designs.csv"
    if here.parent.name != "designs" or not (run.exists and table.is_file()):
        return None
    with table.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if (row.get("design") or "").zfill(2) == here.name:
                return _knobs(row)
    return None


def _knobs(row: Mapping[str, str]) -> dict[str, Any] | None:
    """Return a row's point of its space; None for a space of another version."""
    knobs = (MIXED_SPACE if row.get("formats") else MATRIX_SPACE).knobs
    point = {
        name: value
        for name, knob in knobs.items()
        for value in knob.values
        if str(value) == row.get(name)
    }
    return point if len(point) == len(knobs) else None


def _decoded(point: Mapping[str, Any], config: MatrixConfig) -> MatrixConfig:
    """Return the engine at a point; how long dot products are follows from the workload."""
    if "formats" in point:
        return mixed_config(**point, length=config.length)
    return MATRIX_SPACE.decode(point)


def _digest(folder: DesignFolder) -> str:
    """Return the digest of the Verilog that was measured; empty where nothing was."""
    figures = folder.metrics.items()
    return next((f.inputs for name, f in figures if name.startswith("engine_") and f.inputs), "")


def _exported_digest(folder: DesignFolder, config: MatrixConfig) -> str:
    from hw.export import export

    return export(config, folder.top).digest
