"""`dse harden` refuses what it cannot do, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from .helpers import dse


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--asil", "E", "--top", "x"], "asil='E' is not known; use B, C, D"),
        (["--pmhf-share", "11", "--top", "x"], "use more than 0 and 10 FIT at most"),
        (["--slower", "-1", "--top", "x"], "--slower=-1.0 is no share"),
        (["--slower", "nan", "--top", "x"], "--slower=nan is no share"),
        (["--out", __file__, "--top", "x"], "is a file; name a folder"),
        (["--design", "x", "--cycles", "5"], "leave out --verilog, --top"),
        (["--design", "x", "-P", "N=3"], "leave out --verilog, --top"),
        (["--verilog", "x.v", "--top", "x", "--stimulus", "s.py", "--job", "2x2x2"], "--job is of"),
        (["--verilog", "x.v", "y.v", "--top", "x", "--stimulus", "s.py", "-P", "N"], "NAME=VALUE"),
        (["--top", "x"], "nothing to harden; give --design FOLDER"),
        (["--design", "x", "--top", "y"], "--design brings its Verilog and its job along"),
        (["--design", "x", "--job", "3x4"], "--job 3x4: write MxKxN"),
        (["--confidence", "2", "--top", "x"], "--confidence=2.0 is no share"),
    ],
)
def test_refusals(arguments: list[str], words: str) -> None:
    found = dse("harden", *arguments)
    assert found.code == 2
    assert words in " ".join(found.err.split())


def test_a_whole_design_is_needed(tmp_path: Path) -> None:
    found = dse("harden", "--design", tmp_path / "none")
    assert found.code
    assert "none" in found.err
