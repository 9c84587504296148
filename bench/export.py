"""How long the export of a 64x64 array takes, and into how many modules it goes.

Run it on an idle machine: ``python -m bench.export [rows [cols]]``. Fails where a dataflow takes
5 s or more, or more than 20 modules.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from bench.machine import busy
from hw.export import export
from hw.matrix import MatrixConfig

__all__ = ["MODULES", "SECONDS", "main", "verdict"]

SECONDS, MODULES = 5.0, 20


def verdict(seconds: float, modules: int) -> str:
    """Return ``"pass"``, or ``"FAIL"`` and what is over its bar."""
    over = [f"{seconds:.2f} s, bar {SECONDS:g}"] if seconds >= SECONDS else []
    over += [f"{modules} modules, bar {MODULES}"] if modules > MODULES else []
    return f"FAIL: {'; '.join(over)}" if over else "pass"


def main(arguments: Sequence[str] = ()) -> int:
    """Print one line per dataflow; return 1 if one is over a bar."""
    rows = int(arguments[0]) if arguments else 64
    cols = int(arguments[1]) if len(arguments) > 1 else rows
    verdicts = []
    print("dataflow  rows  cols  modules  instances  kilobytes  seconds  cpu_seconds  verdict")
    for dataflow in ("os", "ws"):
        config = MatrixConfig(rows=rows, cols=cols, dataflow=dataflow, result_rows=2 * rows)
        wall, cpu = time.perf_counter(), time.process_time()
        design = export(config)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        instances = sum(module.count for module in design.modules)
        verdicts.append(verdict(wall, len(design.modules)))
        print(
            f"{dataflow:8}  {rows:4}  {cols:4}  {len(design.modules):7}  {instances:9}  "
            f"{len(design.verilog) / 1000:9.1f}  {wall:7.2f}  {cpu:11.2f}  {verdicts[-1]}"
        )
    if remark := busy():
        print(remark)
    return int(any(found != "pass" for found in verdicts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
