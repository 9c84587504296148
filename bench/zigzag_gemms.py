"""ZigZag's time for GEMMs on one architecture; `system_model.py` runs it in ZigZag's environment.

Reads ``[[m, k, n], ...]`` from standard input and prints processor seconds for each, imports left
out. The architecture is one that ZigZag ships for GEMMs, an 8x8x8 array with two levels of memory.
One unrolling of the loops is tried, and of their orders those that ZigZag tries by default.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import zigzag
from zigzag.api import get_hardware_performance_zigzag

HARDWARE = Path(zigzag.__file__).parent / "inputs" / "hardware" / "gemm_l1_l3.yaml"
MAPPING = """\
- name: default
  memory_operand_links: {O: O, W: I2, I: I1}
"""


def layer(m: int, k: int, n: int) -> dict[str, Any]:
    """Return a GEMM of 8-bit operands and 32-bit sums as ZigZag writes it."""
    return {
        "id": 0,
        "name": "gemm",
        "operator_type": "Gemm",
        "equation": "O[b][k]+=I[b][c]*W[c][k]",
        "loop_dims": ["B", "K", "C"],
        "loop_sizes": [m, n, k],
        "operand_precision": {"W": 8, "I": 8, "O": 32, "O_final": 32},
        "operand_source": {"I": 0, "W": 0},
    }


def seconds(m: int, k: int, n: int, folder: str) -> float:
    """Return the processor time of one call."""
    start = time.process_time()
    get_hardware_performance_zigzag(
        [layer(m, k, n)],
        str(HARDWARE),
        f"{folder}/mapping.yaml",
        opt="latency",
        dump_folder=folder,
        pickle_filename=f"{folder}/evaluations.pickle",
        nb_spatial_mappings_generated=1,
        loma_show_progress_bar=False,
    )
    return time.process_time() - start


def main() -> None:
    """Print the seconds as JSON."""
    logging.disable(logging.CRITICAL)
    shapes = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        Path(folder, "mapping.yaml").write_text(MAPPING)
        seconds(64, 64, 64, folder)  # what only the first call pays
        times = [seconds(*shape, folder) for shape in shapes]
    print(json.dumps(times))


if __name__ == "__main__":
    main()
