"""Verilator's opinion on a design that `write_design` has written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from boards.tools import require_tool
from hw.export import ExportedDesign

__all__ = ["lint"]


def lint(design: ExportedDesign, folder: Path) -> str:
    """Return all warnings and errors of ``verilator --lint-only -Wall``, without any waiver."""
    tool = require_tool("verilator")
    root = Path(tool.command[0]).parent.parent
    path = f"{root / 'bin'}:{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [
            *tool.command,
            "--lint-only",
            "-Wall",
            "--top-module",
            design.top,
            "-f",
            f"{design.top}.f",
        ],
        cwd=folder,
        env=os.environ | {"VERILATOR_ROOT": str(root), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in lines if line.startswith("%"))
