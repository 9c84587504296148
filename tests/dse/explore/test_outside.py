"""A target and a block that live outside the repository take part in a search."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

import dse
from dse.report import write_report
from dse.results import TrialState
from hw.contracts import ConfigError
from tests.dse.provenance.walk import run_gaps

OUTSIDE = Path(__file__).parent / "outside"
GEMMS = "name,m,k,n,count,phase\nqkv,8,64,96,2,prefill\nffn,1,64,256,4,decode\n"


@pytest.fixture
def outside(tmp_path, monkeypatch) -> Path:
    """A package with a block, as pip would install it, and beside it a target and a workload."""
    package = tmp_path / "site"
    info = package / "dotty-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dotty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kiln.blocks]\ndotty = dotty:DottyConfig\n")
    (package / "dotty.py").write_text((OUTSIDE / "dotty.py").read_text())
    monkeypatch.syspath_prepend(package)
    process = resources.files("boards").joinpath("targets/sky130.toml").read_text()
    (tmp_path / "my.toml").write_text(process.replace('name = "sky130"', 'name = "my-chip"'))
    (tmp_path / "gemms.csv").write_text(GEMMS)
    monkeypatch.setenv("KILN_CACHE", str(tmp_path / "cache"))
    return tmp_path


def run_outside(folder: Path, **options):
    search = dse.search(
        folder / "gemms.csv",
        folder / "my.toml",
        block="dotty",
        runs_dir=folder / "runs",
        **{"budget": 2, "jobs": 1, **options},
    )
    return search, list(search)


def test_both_are_measured_like_the_built_in_ones(outside):
    search, results = run_outside(outside)
    assert [r.state for r in results] == [TrialState.MEASURED] * 2
    assert all("my-chip" in r.metrics["engine_area_um2_measured"].conditions for r in results)
    assert search.front["engine_area_um2_measured"].min() > 0
    verilog = search.run_dir / "designs" / "00" / "verilog" / "kiln_matrix.v"
    assert "DottyConfig" in verilog.read_text()
    write_report(search.run_dir)
    assert run_gaps(search.run_dir) == []  # its predictions, too, say whose they are


def test_an_unknown_block_is_refused_with_a_suggestion(outside):
    with pytest.raises(ConfigError, match="did you mean 'dotty'"):
        dse.search(outside / "gemms.csv", outside / "my.toml", block="doty")
