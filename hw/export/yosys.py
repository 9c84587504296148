"""Yosys in a process of its own: a crash, a log line or an exit in it stays there."""

from __future__ import annotations

import subprocess
import sys

from ..contracts import KilnError

__all__ = ["run_yosys"]

_RUNNER = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.stdin.read().splitlines():
    libyosys.run_pass(command, design)
"""


def run_yosys(*commands: str) -> str:
    """Run `commands` one after the other on one design and return the log.

    Raises
    ------
    KilnError
        Yosys reports an error.
    """
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER],
        input="\n".join(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise KilnError(f"Yosys failed: {tail}\nrun `dse doctor` to check the tools")
    return done.stdout
