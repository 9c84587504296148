"""The sub-space that is measured whole: 336 small engines, routed.

``python -m dse.benchmark.subspace`` measures what ``subspace.csv`` lacks, about two core-hours
from nothing, and may be stopped and started again: the table is written after every design.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

from boards.flows import used
from boards.pool import Pool
from boards.target import Target, load_target
from dse.explore.ladder import Ladder
from dse.workloads import Trace, load_workload
from hw.contracts import SearchSpace, choice, power_of_two, write_atomic
from hw.matrix import MatrixConfig
from sim.system import time_trace

__all__ = ["SUBSPACE", "TABLE", "TARGET", "WORKLOAD", "main", "read_table"]

TABLE = Path(__file__).with_name("subspace.csv")
TARGET = "ecpix5-85f"
WORKLOAD = "gpt2"

FIGURES = ("lut", "ff", "dsp", "bram", "clock_mhz", "power_mw", "digest")


SUBSPACE = SearchSpace(
    MatrixConfig.from_knobs,
    {
        "rows": power_of_two(2, 4),
        "cols": power_of_two(2, 4),
        "dataflow": choice("os", "ws"),
        "operand_bits": choice(8),
        "multiplier": choice("dsp", "lut"),
        "pipeline": choice(0, 1, 2),
        "a_depth": power_of_two(256, 16384),
        "b_depth": choice(512),
        "banks": choice(1),
        "result_ratio": choice(1),
    },
)
"""336 engines of 4 to 16 processing elements."""


def read_table(path: Path = TABLE) -> dict[int, dict[str, str]]:
    """Return the measured rows by their index in `SUBSPACE`."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {SUBSPACE.index(_typed(row)): row for row in csv.DictReader(file)}


def _typed(row: Mapping[str, str]) -> dict[str, Any]:
    """Return the knobs of a row with the types that the space has."""
    return {
        name: next(value for value in knob.values if str(value) == row[name])
        for name, knob in SUBSPACE.knobs.items()
    }


def _write_table(rows: Mapping[int, Mapping[str, Any]], path: Path = TABLE) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*SUBSPACE.knobs, *FIGURES], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[index] for index in sorted(rows))
    write_atomic(path, text.getvalue())


class _Measurer:
    """Climbs the ladder as a search does, and keeps what depends on the Verilog alone."""

    def __init__(self, trace: Trace, target: Target) -> None:
        self._trace, self._target = trace, target
        self._ladder = Ladder(target, lambda config: trace, self._causes)

    def _causes(self, config: MatrixConfig, clock_mhz: float) -> dict[str, Any]:
        return time_trace(self._trace, config, self._target, clock_mhz).to_dict()

    def row(self, index: int) -> dict[str, Any]:
        """Measure one design; ``power_mw`` is estimated, all other figures are measured."""
        point = SUBSPACE.point(index)
        climb = self._ladder.climb(SUBSPACE.decode(point))
        counts = {name: int(used(climb.metrics, name)) for name in ("lut", "ff", "dsp", "bram")}
        return {
            **point,
            **counts,
            "clock_mhz": round(climb.clock_mhz, 4),
            "power_mw": float(f"{climb.power_mw:.6g}"),
            "digest": climb.design.digest[:16],
        }


def _measure(missing: list[int], jobs: int) -> Iterator[tuple[int, dict[str, Any]]]:
    target = load_target(TARGET)
    measurer = _Measurer(load_workload(WORKLOAD).trace(), target)
    pool = Pool(jobs)
    try:
        futures = {pool.submit(measurer.row, index): index for index in missing}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.stop()


def main(jobs: int = 1) -> int:
    """Measure what the table lacks."""
    rows: dict[int, Mapping[str, Any]] = {**read_table()}
    missing = [index for index in range(len(SUBSPACE)) if index not in rows]
    for index, row in _measure(missing, jobs):
        rows[index] = row
        _write_table(rows)
        print(f"{len(rows)} of {len(SUBSPACE)}: {row}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
