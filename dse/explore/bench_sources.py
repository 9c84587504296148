"""Digest of our own code that decides what the simulation of a tile finds.

A corrected test bench asks another question: without this in the cache key, an old count of
wrong results or of toggles would answer for it.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

__all__ = ["ROOT", "SOURCES", "bench_digest", "digest"]

ROOT = Path(__file__).parents[2]

SOURCES = (
    "dse/explore/tile.py",
    "hw/matrix/descriptor.py",
    "hw/matrix/layout.py",
    "hw/matrix/numbers.py",
    "hw/matrix/plan.py",
    "sim/cosim/activity.py",
    "sim/cosim/bench/kiln_tb.v",
    "sim/cosim/bench/kiln_test.py",
    "sim/cosim/coverage.py",
    "sim/cosim/model.py",
    "sim/cosim/result.py",
    "sim/cosim/run.py",
    "sim/cosim/stimulus.py",
)
"""Operands and their layout, stimulus, test bench, golden model, counting; relative to `ROOT`."""


def digest(root: Path) -> str:
    """Return the SHA-256 over names and contents of `SOURCES` below `root`."""
    total = hashlib.sha256()
    for name in SOURCES:
        content = hashlib.sha256((root / name).read_bytes()).hexdigest()
        total.update(f"{name} {content}\n".encode())
    return total.hexdigest()


@functools.cache
def bench_digest() -> str:
    """Return the digest of the installed sources, computed once per process."""
    return digest(ROOT)
