"""Measure what the table of perplexities lacks, and write ``docs/quality.md``.

Run ``python -m bench.perplexity``. The small model, its held-out text; about an hour of one
core from nothing. Rows are kept in ``sim/quality/small/perplexity.json`` as they come: killed, it
goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.machine import restart_on_one_core
from dse.benchmark.quality_page import all_plans, render_quality
from hw.contracts import write_atomic
from sim.quality.table import TABLE, Table, measure_missing

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, printing a line for each row, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=Path("docs/quality.md"))
    parser.add_argument("--table", type=Path, default=TABLE, help="file of the measured rows")
    parser.add_argument("--again", action="store_true", help="measure every row again")
    options = parser.parse_args(arguments)
    if options.again:
        options.table.unlink(missing_ok=True)
    table = Table(options.table)
    started = time.process_time()
    missing = [plan for plan in all_plans() if plan not in table]
    for index, (plan, found) in enumerate(measure_missing(table, missing), 1):
        seconds = time.process_time() - started
        print(
            f"{index}/{len(missing)} {plan.key}: {found.perplexity:.4f} "
            f"({found.increase:+.3%} +- {found.increase_error:.3%}); {seconds:.0f} s of processor",
            flush=True,
        )
    write_atomic(options.page, render_quality(table))
    print(options.page)
    return 0


if __name__ == "__main__":
    restart_on_one_core("bench.perplexity")
    sys.exit(main())
