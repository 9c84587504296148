"""Freezing: Verilog through Yosys, which lowers processes and collects memories, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from hw.contracts import ConfigError, did_you_mean, scratch_folder

from ..flows.scripts import source_text
from ..pool import run_tool
from ..tools import ToolError, require_tool
from .netlist import Frozen
from .reader import read_frozen
from .sources import Sources, sources_of

__all__ = ["freeze"]

_FROZEN, _SCRIPT = "frozen.json", "script.ys"
_LIMIT_S = 3600.0
_SLANG = re.compile(r"^(\S+?):(\d+):\d+: error: (.*)$", re.MULTILINE)
_VERILOG = re.compile(r"^(?:ERROR: )?(\S+?):(\d+): ERROR: (.*)$", re.MULTILINE)
_ERROR = re.compile(r"^ERROR: (.*)$", re.MULTILINE)
_MODULE = re.compile(r"^\s*module\s+(?:automatic\s+)?(\w+)", re.MULTILINE)
_LOWER = (
    "proc -norom",  # tables written as case statements are logic, not memories
    "setattr -mod -unset keep_hierarchy",  # flattened all the same
    "flatten -separator .",
    "memory_collect",
    "memory_narrow",
    "memory_nordff",  # reads with a clock: a read at once, and a flip-flop
    "techmap -map divide.v",
    "opt_clean",
)
_PLAIN_WRONG = ("undeclared identifier", "unknown module", "unknown package", "No such file")
"""Errors in any dialect, that `read_verilog` may let pass: it makes wires of unknown names."""
_DIVIDE = Path(__file__).with_name("divide.v")


def freeze(
    verilog: str | Path | Sequence[str | Path] | Sources,
    top: str,
    *,
    includes: Sequence[str | Path] = (),
    defines: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> Frozen:
    """Return the frozen netlist of Verilog.

    Files are read as SystemVerilog by ``read_slang``; what that refuses, and text, by
    ``read_verilog``. Initial values that are unknown become 0.

    Parameters
    ----------
    verilog : str, Path, sequence of paths, or Sources
        A string is Verilog text.
    top : str
        The top module.
    includes, defines, parameters
        As of `Sources`, whose place they take.

    Raises
    ------
    ConfigError
        Something that is not supported, or no Verilog, named with its place.
    """
    if isinstance(verilog, str):
        verilog = source_text(verilog)
    sources = sources_of(verilog, includes=includes, defines=defines, parameters=parameters)
    if not sources.files:
        try:
            return _read(_plain(sources, top), sources, top)
        except _RefusedError as refused:
            raise ConfigError(_explained(refused.log, sources, top)) from None
    try:
        return _read(_slang(sources, top), sources, top)
    except _RefusedError as refused:
        if any(said in refused.log for said in _PLAIN_WRONG):
            raise ConfigError(_explained(refused.log, sources, top)) from None
        try:
            return _read(_plain(sources, top), sources, top)
        except _RefusedError as again:
            raise ConfigError(_explained(refused.log, sources, top, again.log)) from None


class _RefusedError(Exception):
    """Yosys did not take the sources; its log says why."""

    def __init__(self, log: str) -> None:
        super().__init__(log[-300:])
        self.log = log


def _read(read: Sequence[str], sources: Sources, top: str) -> Frozen:
    """Return what Yosys makes of sources that it reads with the commands `read`."""
    script = [*read, *_LOWER, f"write_json {_FROZEN}"]
    lines: list[str] = []
    with scratch_folder() as folder:
        sources.place_in(folder)
        (folder / _DIVIDE.name).write_text(_DIVIDE.read_text("utf-8"), "utf-8")
        (folder / _SCRIPT).write_text("\n".join(script), "utf-8")
        tool = require_tool("yosys")
        try:
            run_tool(
                "yosys", [*tool.command, _SCRIPT],
                folder=folder, timeout_s=_LIMIT_S, progress=lines.append,
            )  # fmt: skip
            found = (folder / _FROZEN).read_text("utf-8")
        except ToolError as error:
            log = "\n".join(lines)
            if "ERROR:" not in log and "error:" not in log:  # not for what it read
                raise
            raise _RefusedError(log) from error
    return read_frozen(json.loads(sources.as_typed(found)), top)


def _slang(sources: Sources, top: str) -> list[str]:
    words = [f"-I {folder}" for folder in sources.folders]
    words += [f"-D {name}={value}" for name, value in sources.defines.items()]
    words += [f"-G {name}={value}" for name, value in sources.parameters.items()]
    files = map(str, sources.paths)
    return [" ".join(["read_slang --ignore-timing", *words, *files, f"--top {top}"])]


def _plain(sources: Sources, top: str) -> list[str]:
    options = [f"-I{folder}" for folder in sources.folders]
    options += [f"-D{name}={value}" for name, value in sources.defines.items()]
    lines = []
    for path in sources.paths:
        standard = [] if sources.files and path.suffix == ".v" else ["-sv"]
        lines.append(" ".join(["read_verilog", *standard, *options, str(path)]))
    changed = "".join(f" -chparam {n} {value}" for n, value in sources.parameters.items())
    return [*lines, f"hierarchy -check -top {top}{changed}"]


def _explained(log: str, sources: Sources, top: str, again: str = "") -> str:
    """Return the errors of a log, each with its place; of a second reader's log the first."""
    texts = [sources.text, *(path.read_text("utf-8", "replace") for path in sources.files)]
    modules = [name for text in texts for name in _MODULE.findall(text)]
    if top not in modules and modules:
        where = ", ".join(map(str, sources.files)) or "the text"
        return f"--top: there is no module {top!r} in {where}{did_you_mean(top, modules)}"
    found = _errors(log)
    if "unsupported" in found[0] and (other := _errors(again)):
        found = [*found[:4], f"(read_verilog, tried as well: {other[0]})"]
    said = sources.as_typed("\n".join(found[:8]))
    return f"{said}\nmend the source, or give the missing file, include folder (-I) or macro (-D)"


def _errors(log: str) -> list[str]:
    found = [f"{path}:{line}: {what}" for path, line, what in _SLANG.findall(log)]
    found = found or [f"{path}:{line}: {what}" for path, line, what in _VERILOG.findall(log)]
    return found or _ERROR.findall(log) or [log[-500:].strip()]
