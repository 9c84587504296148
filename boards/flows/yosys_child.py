"""Child process: runs a Yosys script with the pyosys wheel. ``python -m boards.flows.yosys_child``.

Yosys ends its process on an error and holds the interpreter lock while it works, so it gets a
process of its own, which can also be given a time limit.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["main"]


def main(script: str) -> None:
    """Run every line of the file `script` as one Yosys command, naming each on stderr first."""
    from pyosys import libyosys  # type: ignore[import-untyped]

    design = libyosys.Design()
    for line in Path(script).read_text("utf-8").splitlines():
        print(f"kiln: {line[:160]}", file=sys.stderr, flush=True)
        libyosys.run_pass(line, design)


if __name__ == "__main__":
    main(sys.argv[1])
