"""Whoever gets a design folder, and nothing of Kiln, can run its test bench as its page says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from dse.designs import write_design
from hw.export import export
from hw.matrix import MatrixConfig

SMALL = MatrixConfig(rows=2, cols=2, operand_bits=4, accum_bits=20, a_depth=16, b_depth=16)


def run_as_told(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command that the folder's README gives, without any of Kiln's environment."""
    page = (folder / "README.md").read_text("utf-8")
    found = re.search(r"```\npython (.+)\n```", page)
    assert found, "the page has no command"
    command = [sys.executable, *shlex.split(found[1])]
    bare = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, cwd=folder, env=bare, capture_output=True, text=True, check=False
    )


def test_the_bench_runs_as_the_page_says_and_sees_a_wrong_result(tmp_path: Path) -> None:
    written = write_design(tmp_path / "runs" / "00", SMALL, export(SMALL)).path
    folder = written.rename(tmp_path / "elsewhere")
    done = run_as_told(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all results and cycles as the models say" in done.stdout
    expected = folder / "testbench" / "expected.txt"
    first, rest = expected.read_text("utf-8").split("\n", 1)
    digit = "1" if first[-1] == "0" else "0"
    expected.write_text(f"{first[:-1]}{digit}\n{rest}", "utf-8")
    done = run_as_told(folder)
    assert done.returncode == 1
    assert "row 0: found" in done.stdout


def test_the_page_speaks_of_what_is_there(tmp_path: Path) -> None:
    folder = write_design(tmp_path, SMALL, export(SMALL), files={"logs/synthesis.log": "x"}).path
    page = (folder / "README.md").read_text("utf-8")
    named = set(re.findall(r"(?m)^\| `([^`]+)`", page))
    wanted = {"verilog/", "config.toml", "kiln_matrix.core", "kiln_matrix.h", "logs/", "testbench/"}
    assert named == wanted
    assert all((folder / name).exists() for name in named)
