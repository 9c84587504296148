"""Reports of a design folder say in detail what its figures say in sum."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from .test_outside import outside, run_outside

__all__ = ["outside"]  # the fixture


def test_reports_add_up_to_the_figures(outside: Path) -> None:
    search, (result,) = run_outside(outside, budget=1)
    reports = search.run_dir / "designs" / "00" / "reports"
    with (reports / "area.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    area = sum(float(row["area_um2"]) * int(row["count"]) for row in rows)
    assert area == pytest.approx(result.metrics.value("engine_area_um2_measured"))
    timing = (reports / "timing.txt").read_text("utf-8")
    period = result.metrics.value("critical_path_ns_modelled")
    assert f"period  {period:8.3f} ns" in timing
    power = json.loads((reports / "power.json").read_text("utf-8"))
    parts = sum(power["cycle_energy_pj"].values()) * power["clock_mhz"] / 1e3 + power["static_mw"]
    assert parts == pytest.approx(power["power_mw"])
    assert parts == pytest.approx(result.metrics.value("tile_power_mw_modelled"))
    assert (search.run_dir / "designs" / "00" / "logs" / "synthesis.log").stat().st_size
