"""Compiling the bench, once per content."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from hw.contracts import KilnError
from sim.cosim.tools import tool_identity, verilator_binary, verilator_environment
from sim.faults.records import RECORDS
from sim.programs import made_once

from .source import TOP, Source

__all__ = ["compiled"]

DRIVER = Path(__file__).with_name("verilator.cpp")
_SETTINGS = (
    "--cc", "--exe", "--build", "-j", "1", "-Wno-fatal", "-O3", "--x-assign", "0", "--x-initial",
    "0", "--output-split", "20000", "--output-split-cfuncs", "500",
)  # fmt: skip


def compiled(source: Source, optimize: str) -> Path:
    """Return the program, from the cache if it is there.

    Raises
    ------
    KilnError
        Verilator or the C++ compiler refused.
    """

    def make(work: Path) -> Path:
        (work / f"{TOP}.v").write_text(source.verilog, "utf-8")
        (work / "tables.inc").write_text(source.tables, "utf-8")
        _build(work, optimize)
        return work / "build" / "referee"

    texts = [path.read_text("utf-8") for path in (DRIVER, RECORDS)]
    parts = [source.verilog, source.tables, *texts, tool_identity(), optimize]
    return made_once("referee", [*parts, *_SETTINGS], make)


def _build(work: Path, optimize: str) -> None:
    command = [str(verilator_binary()), *_SETTINGS, "--top-module", TOP, "-o", "referee"]
    command += ["-Mdir", str(work / "build"), "-CFLAGS", f"-I{work} -Wno-invalid-offsetof"]
    with verilator_environment(optimize):
        environment = dict(os.environ)
    # Settling runs once for each fault, and is no start-up code here.
    flags = environment["MAKEFLAGS"].replace("OPT_SLOW=-O0", f"OPT_SLOW={optimize}")
    environment["MAKEFLAGS"] = flags
    done = subprocess.run(
        [*command, str(work / f"{TOP}.v"), str(DRIVER)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise KilnError(f"the referee of the design does not compile:\n{said}")
