"""The test bench that is kept beside a design runs without Kiln."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hw.export import export
from hw.matrix import MatrixConfig
from sim.cosim.package import bench_files

CONFIG = MatrixConfig(
    rows=4, cols=3, a_depth=32, b_depth=32, result_rows=8, operand_bits=4, accum_bits=20
)


def write_folder(folder, change=("", "")):
    design = export(CONFIG)
    (folder / "verilog").mkdir()
    (folder / "cosim").mkdir()
    for module in design.modules:
        text = module.verilog
        if module.name.endswith("_pe"):
            text = text.replace(*change) if change[0] else text
        (folder / "verilog" / f"{module.name}.v").write_text(text)
    for name, content in bench_files(design, CONFIG).items():
        (folder / "cosim" / name).write_bytes(content)
    return folder / "cosim"


def test_files_say_what_is_expected(tmp_path):
    bench = write_folder(tmp_path)
    plan = json.loads((bench / "jobs.json").read_text())
    rows = (bench / "expected.txt").read_text().splitlines()
    assert len(rows) == sum(job["out_rows"] for job in plan["jobs"])
    assert sum(row.startswith("1 ") for row in rows) == len(plan["jobs"])
    words = sum(job["a_words"] for job in plan["jobs"])
    assert (bench / "a.bin").stat().st_size == words * plan["parameters"]["A_BITS"] // 8
    assert all(job["cycles"] > job["out_rows"] for job in plan["jobs"])


@pytest.mark.slow
@pytest.mark.parametrize("change", [("", ""), ("$signed(a_in) *", "$signed(b_in) *")])
def test_folder_checks_itself(tmp_path, change):
    bench = write_folder(tmp_path, change)
    done = subprocess.run(
        [sys.executable, bench / "run_tests.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},  # nothing of Kiln
    )
    if change[0]:
        assert done.returncode == 1
        assert "expected" in done.stdout
    else:
        assert done.returncode == 0, done.stdout + done.stderr
