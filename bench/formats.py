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
from dse.precision.example import UNSEEN, run_example, unseen_bench
from dse.precision.options import HARDWARE_FORMATS
from dse.precision.page import render_formats
from dse.precision.readings import KEPT, TOKENS, Meter, ReadingFile
from dse.precision.sensitivities import known_formats, measure_sensitivities, sensitivity_plans
from hw.contracts import write_atomic
from sim.quality.assignment import Assignment
from sim.quality.perplexity import QualityBench

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, printing a line for each reading, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=Path("docs/formats.md"))
    parser.add_argument("--readings", type=Path, default=KEPT, help="file of the readings")
    parser.add_argument("--unseen", type=Path, default=UNSEEN, help="file of those on other text")
    parser.add_argument("--again", action="store_true", help="take every reading again")
    parser.add_argument("--kept", action="store_true", help="measure nothing: write what is kept")
    options = parser.parse_args(arguments)
    files = [options.readings, options.unseen]
    if options.again:
        for path in files:
            path.unlink(missing_ok=True)
    meter = _meter(QualityBench.small(limit=TOKENS), options.readings, not options.kept)
    unseen = _meter(unseen_bench(), options.unseen, not options.kept)
    if not options.kept:
        _measure(meter)
    table = measure_sensitivities(meter, known_formats(meter, HARDWARE_FORMATS))
    found = list(run_example(meter, table, say=_say))
    write_atomic(options.page, render_formats(table, meter, unseen, found))
    print(options.page)
    return 0


def _meter(bench: QualityBench, path: Path, measures: bool) -> Meter:
    file = ReadingFile(path)
    return Meter(bench, kept=file, keep=file, measures=measures)


def _measure(meter: Meter) -> None:
    wanted = {plan.text: plan for plan in _plans(meter)}
    missing = [plan for plan in wanted.values() if meter.known(plan) is None]
    for index, plan in enumerate(missing, 1):
        found = meter.read(plan)
        _say(
            f"{index}/{len(missing)} {plan.text}: divergence {found.divergence:.6f} +- "
            f"{found.divergence_error:.6f}, loss {found.loss:+.6f} +- {found.loss_error:.6f}"
        )


def _plans(meter: Meter) -> Iterator[Assignment]:
    """Yield the readings of the table, the most wanted first."""
    for _, _, plan in sensitivity_plans(meter, HARDWARE_FORMATS):
        yield plan
    for name in HARDWARE_FORMATS:
        yield Assignment(default=meter.arithmetic(name))


def _say(message: str) -> None:
    print(f"[{time.process_time():.0f} s of processor] {message}", flush=True)


if __name__ == "__main__":
    restart_on_one_core("bench.formats")
    sys.exit(main())
