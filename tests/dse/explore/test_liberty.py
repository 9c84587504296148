"""A Liberty file of the user's replaces the built-in cells on every rung, or is refused."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

import dse
from boards.sky130 import liberty_text
from hw.contracts import ConfigError

from .test_outside import outside, run_outside

__all__ = ["outside"]  # the fixture


def write_cells(path: Path) -> Path:
    """Write the built-in cells under other names: twice the area, a tenth of all times, and a
    thousand times the leakage."""
    text = liberty_text().replace("sky130_fd_sc_hd__", "mine_")
    text = re.sub(r"\barea : ([\d.]+)", lambda found: f"area : {2 * float(found[1])}", text)
    assert text.count('"1ns"') == text.count('"1nW"') == 1
    text = text.replace('"1ns"', '"100ps"').replace('"1nW"', '"1uW"')
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_area_clock_and_power_are_those_of_the_file(outside):
    cells = write_cells(outside / "mine.lib.gz")
    (built_in,) = run_outside(outside, budget=1)[1]
    _, (own,) = run_outside(outside, budget=1, name="own", liberty=cells)

    def ratio(name: str) -> float:
        return own.metrics.value(name) / built_in.metrics.value(name)

    assert own.knobs == built_in.knobs
    assert ratio("engine_area_um2_measured") == pytest.approx(2, rel=0.02)
    assert ratio("critical_path_ns_modelled") == pytest.approx(0.1, rel=0.1)
    assert ratio("static_power_mw_modelled") == pytest.approx(1000, rel=0.02)
    for name in ("engine_area_um2_measured", "clock_mhz_modelled", "power_mw_modelled"):
        assert "cells: kiln_" in own.metrics[name].conditions


def test_a_run_is_not_continued_with_other_cells(outside):
    run_outside(outside, budget=1)
    cells = write_cells(outside / "mine.lib.gz")
    with pytest.raises(ConfigError, match="another liberty; give this one a --name"):
        run_outside(outside, liberty=cells)
    run_outside(outside, budget=1, name="own", liberty=cells)
    with pytest.raises(ConfigError, match="another liberty"):
        run_outside(outside, name="own")
    moved = cells.rename(outside / "moved.lib.gz")
    run_outside(outside, budget=1, name="own", liberty=moved)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello", "not a Liberty statement"),
        (b"library (x) { }", "no cells to use"),
        (b"library (x) { cell (a) { area : big; } }", "makes no sense"),
        (b"\x1f\x8bxx", "cannot be read"),
        (
            b'library (x) { cell (a) { area : 1; pin (A) { direction : "input"; } } }',
            "no flip-flop",
        ),
    ],
)
def test_what_is_no_cell_library_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "mine.lib"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        dse.search("gpt2", "sky130", liberty=path, runs_dir=tmp_path)
    assert str(path) in str(caught.value)
    assert "; give " in str(caught.value)


def test_a_missing_file_and_an_fpga_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.lib"
    with pytest.raises(ConfigError, match=r"cannot be read .*; give a Liberty"):
        dse.search("gpt2", "sky130", liberty=path, runs_dir=tmp_path)
    with pytest.raises(ConfigError, match=r"ecpix5-85f is an FPGA .*; leave it out"):
        dse.search("gpt2", "ecpix5-85f", liberty=write_cells(path), runs_dir=tmp_path)
