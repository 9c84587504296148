"""Compiling what the emitter wrote, once for each design and processor."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from hw.contracts import KilnError, make_folder
from sim.cosim.tools import cache_root

__all__ = ["compiled", "compiler_version"]

_RUNTIME = ("lanes.cpp", "batch.h", "golden.h", "level.h", "tables.h", "vectors.h")
_FLAGS = ("-O2", "-march=native", "-std=c++17", "-fno-strict-aliasing", "-Wno-psabi")


def compiled(code: str, lanes: int) -> Path:
    """Return the program, from the cache if it is there."""
    folder = Path(__file__).parent
    runtime = [(folder / name).read_text("utf-8") for name in _RUNTIME]
    text = "\0".join([code, *runtime, str(lanes), *_FLAGS, _processor()])
    target = make_folder(cache_root() / "lanes") / hashlib.sha256(text.encode()).hexdigest()[:32]
    if target.exists():
        return target
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        (work / "design.inc").write_text(code, "utf-8")
        command = ["c++", *_FLAGS, f"-DLANES={lanes}", "-I", str(work), str(folder / "lanes.cpp")]
        done = subprocess.run(
            [*command, "-o", str(work / "lanes")], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise KilnError(f"the fault engine does not compile:\n{done.stderr[-3000:]}")
        (work / "lanes").rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def compiler_version() -> str:
    """Return the first line that the compiler says of itself."""
    done = subprocess.run(["c++", "--version"], capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["unknown"])[0]


def _processor() -> str:
    """Return what tells processors apart that programs are compiled for."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{platform.machine()} {flags}"
