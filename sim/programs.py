"""Programs compiled for one design, kept in the cache by what they were made of."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from hw.contracts import KilnError, make_folder

from .cosim.tools import cache_root

__all__ = ["compile_native", "compiler_version", "made_once"]

_FLAGS = ("-O2", "-march=native", "-std=c++17", "-fno-strict-aliasing", "-Wno-psabi")


def made_once(kind: str, parts: Iterable[str], make: Callable[[Path], Path]) -> Path:
    """Return a program, from the cache if it is there.

    Parameters
    ----------
    kind : str
        Folder of the cache.
    parts : iterable of str
        Everything that decides what it does.
    make : callable
        Makes it in the empty folder that it is given, which is deleted then, and returns it.
    """
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    target = make_folder(cache_root() / kind) / key
    if target.exists():
        return target
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{key}."))
    try:
        make(work).rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def compile_native(
    kind: str, runtime: Sequence[Path], code: Mapping[str, str], defines: Sequence[str]
) -> Path:
    """Return C++ compiled for this processor.

    Parameters
    ----------
    runtime : sequence of Path
        Our own sources, the one that is compiled first; it includes the others.
    code : dict of str to str
        Generated files that it includes.
    defines : sequence of str
        Flags such as ``-DLANES=32``.

    Raises
    ------
    KilnError
        The compiler refused.
    """

    def make(work: Path) -> Path:
        for name, text in code.items():
            (work / name).write_text(text, "utf-8")
        command = ["c++", *_FLAGS, *defines, "-I", str(work), str(runtime[0])]
        done = subprocess.run(
            [*command, "-o", str(work / "program")], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise KilnError(f"the {kind} program does not compile:\n{done.stderr[-3000:]}")
        return work / "program"

    texts = [*code.values(), *(path.read_text("utf-8") for path in runtime)]
    return made_once(kind, [*texts, *defines, *_FLAGS, _processor()], make)


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
