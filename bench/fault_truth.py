"""Make an exhaustive truth for `bench.fault_statistics`: every upset of an 8x8 engine.

Run ``python -m bench.fault_truth FILE``; seconds. The file in the repository,
``bench/fault_truth.npz``, is kept, so that figures compare while engines and generators change.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.fault_designs import engine
from hw.contracts import write_atomic
from sim.faults.fault import exhaustive
from sim.faults.lanes import LanesEngine
from sim.faults.outcome import CLASSES, classify
from sim.faults.sites import list_sites

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Inject everything and write the classes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    experiment, first = engine(8)
    cycles = range(first, experiment.cycles)
    sites = list_sites(experiment.netlist)
    classes = classify(LanesEngine(experiment).inject(exhaustive(sites, cycles)))
    tags = list(dict.fromkeys(word.tag for word in sites.words))
    made = io.BytesIO()
    np.savez_compressed(
        made,
        classes=classes,
        of_word=np.array([tags.index(word.tag) for word in sites.words], dtype=np.uint16),
        bits=np.array([word.bits for word in sites.words], dtype=np.uint16),
        tags=np.array(tags),
        cycles=np.array([cycles.start, cycles.stop]),
    )
    write_atomic(options.file, made.getvalue())
    counts = np.bincount(classes, minlength=len(CLASSES))
    print(", ".join(f"{n:,} {name}" for name, n in zip(CLASSES, counts, strict=True) if n))
    return 0


if __name__ == "__main__":
    sys.exit(main())
