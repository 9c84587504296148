"""Verilator's lint over a design, without any waiver."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from .errors import CosimError
from .model import Design
from .tools import verilator_binary, verilator_root

__all__ = ["lint", "split_modules"]

_MODULE = re.compile(r"^\s*module\s+(\\\S+|\w+)", re.MULTILINE)
_END = re.compile(r"^\s*endmodule.*\n?", re.MULTILINE)


def split_modules(verilog: str) -> dict[str, str]:
    """Return module name to text, comments before a module included."""
    texts: dict[str, str] = {}
    start = 0
    for end in _END.finditer(verilog):
        text = verilog[start : end.end()]
        start = end.end()
        if found := _MODULE.search(text):
            texts[found[1]] = text
    return texts


def lint(design: Design) -> tuple[str, ...]:
    """Return the warnings and errors of ``verilator --lint-only -Wall``; none is what to expect.

    Each module lies in a file of its name, so that no warning is about the files.
    """
    with tempfile.TemporaryDirectory(prefix="kiln-lint-") as name:
        folder = Path(name)
        files = []
        for module, text in split_modules(design.verilog).items():
            files.append(f"{module}.v")
            (folder / files[-1]).write_text(text)
        done = subprocess.run(
            [str(verilator_binary()), "--lint-only", "-Wall", "--top-module", design.top, *files],
            cwd=folder,
            env=os.environ | {"VERILATOR_ROOT": str(verilator_root())},
            capture_output=True,
            text=True,
            check=False,
        )
    lines = [line for line in done.stderr.splitlines() if line.startswith("%")]
    found = tuple(line for line in lines if "Exiting due to" not in line)
    if done.returncode and not found:
        raise CosimError(f"verilator --lint-only failed:\n{done.stderr.strip()}")
    return found
