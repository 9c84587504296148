"""Measure what formats cost group by group, search the example, and write ``docs/formats.md``.

Run ``python -m bench.formats``. The small model, its held-out text; about half an hour of one core
from nothing. Readings are kept in ``dse/precision/readings.json`` as they come: killed, it goes on
where it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.machine import restart_on_one_core
from dse.precision.options import HARDWARE_FORMATS
from dse.precision.readings import KEPT, Meter, ReadingFile
from dse.precision.sensitivities import WIDE_WINDOW, sensitivity_plans
from sim.quality.assignment import Assignment
from sim.quality.perplexity import QualityBench

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, printing a line for each reading, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=Path, default=KEPT, help="file of the readings")
    parser.add_argument("--again", action="store_true", help="take every reading again")
    options = parser.parse_args(arguments)
    if options.again:
        options.readings.unlink(missing_ok=True)
    file = ReadingFile(options.readings)
    meter = Meter(QualityBench.small(), kept=file)
    _measure(meter, file)
    return 0


def _measure(meter: Meter, file: ReadingFile) -> None:
    wanted = {plan.text: plan for plan in _plans(meter)}
    missing = [plan for plan in wanted.values() if meter.known(plan) is None]
    started = time.process_time()
    for index, plan in enumerate(missing, 1):
        found = meter.keep(plan, file)
        print(
            f"{index}/{len(missing)} {plan.text}: divergence {found.divergence:.6f} +- "
            f"{found.divergence_error:.6f}, loss {found.loss:+.6f} +- {found.loss_error:.6f}; "
            f"{time.process_time() - started:.0f} s of processor",
            flush=True,
        )


def _plans(meter: Meter) -> Iterator[Assignment]:
    """Yield the readings of the page, the most wanted first."""
    for _, _, plan in sensitivity_plans(meter, HARDWARE_FORMATS):
        yield plan
    for window in (None, WIDE_WINDOW):
        for name in HARDWARE_FORMATS:
            yield Assignment(default=meter.arithmetic(name, window))


if __name__ == "__main__":
    restart_on_one_core("bench.formats")
    sys.exit(main())
