"""How long the export of a 64x64 array takes, and into how many modules it goes.

Run it on an idle machine: ``python -m bench.export [rows [cols]]``.
"""

from __future__ import annotations

import sys
import time

from hw.export import export
from hw.matrix import MatrixConfig


def main() -> None:
    """Print one line per dataflow."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    cols = int(sys.argv[2]) if len(sys.argv) > 2 else rows
    print("dataflow  rows  cols  modules  instances  kilobytes  seconds  cpu_seconds")
    for dataflow in ("os", "ws"):
        config = MatrixConfig(rows=rows, cols=cols, dataflow=dataflow, result_rows=2 * rows)
        wall, cpu = time.perf_counter(), time.process_time()
        design = export(config)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        instances = sum(module.count for module in design.modules)
        print(
            f"{dataflow:8}  {rows:4}  {cols:4}  {len(design.modules):7}  {instances:9}  "
            f"{len(design.verilog) / 1000:9.1f}  {wall:7.2f}  {cpu:11.2f}"
        )


if __name__ == "__main__":
    main()
