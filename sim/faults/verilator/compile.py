"""Compiling the bench, once per content."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hw.contracts import KilnError, make_folder
from sim.cosim.tools import cache_root, tool_identity, verilator_binary, verilator_environment

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
    parts = [source.verilog, source.tables, DRIVER.read_text("utf-8"), tool_identity(), optimize]
    key = hashlib.sha256("\0".join([*parts, *_SETTINGS]).encode()).hexdigest()[:32]
    target = make_folder(cache_root() / "referee") / key
    if target.exists():
        return target
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{key}."))
    try:
        (work / f"{TOP}.v").write_text(source.verilog, "utf-8")
        (work / "tables.inc").write_text(source.tables, "utf-8")
        _build(work, optimize)
        (work / "build" / "referee").rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


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
