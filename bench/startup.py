"""How fast the command line answers: ``dse --help``, and what it imports on the way.

Run ``python -m bench.startup``. The best of several starts counts, each in a process of its own;
fails at 0.3 s or more, or if a heavy package was imported.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from bench.machine import busy

__all__ = ["HEAVY", "SECONDS", "help_seconds", "imported", "main"]

SECONDS = 0.3
HEAVY = ("torch", "pandas", "matplotlib", "optuna")
_STARTS = 5
_DSE = str(Path(sys.executable).with_name("dse"))


def help_seconds(starts: int = _STARTS) -> list[float]:
    """Return the wall time of each of several ``dse --help``."""
    seconds = []
    for _ in range(starts):
        began = time.perf_counter()
        subprocess.run([_DSE, "--help"], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    return seconds


def imported() -> list[str]:
    """Return which of `HEAVY` are imported by ``dse --help``."""
    command = [sys.executable, "-X", "importtime", _DSE, "--help"]
    done = subprocess.run(
        command, check=True, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    if "typer" not in names:
        raise SystemExit(f"{_DSE} --help imported nothing that is known; is it another program?")
    return [name for name in HEAVY if name in names]


def main() -> int:
    """Print times and heavy imports; return 1 if a bar is missed."""
    seconds, heavy = help_seconds(), imported()
    ok = min(seconds) < SECONDS and not heavy
    print(
        f"dse --help: best {min(seconds):.2f} s of {', '.join(f'{s:.2f}' for s in seconds)}; "
        f"heavy imports: {', '.join(heavy) or 'none'}"
    )
    print(f"{'pass' if ok else 'FAIL'}: bar {SECONDS:g} s, none of {', '.join(HEAVY)}")
    if remark := busy():
        print(remark)
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
