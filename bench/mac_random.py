"""A thousand random multiply-accumulate units: each works, or is refused with a remedy.

Run ``python -m bench.mac_random [--count N] [--first N] [--log FILE]``. Each configuration that is
not refused is built, simulated against the golden model and synthesised to gates; an error that
names no field, value and remedy is a failure, and so is any other exception. With a log, what is in
it already is not tried again, so that a run may be broken off.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.hw.mac.random_units import try_random

__all__ = ["main"]


def one(seed: int) -> dict[str, Any]:
    """Try one configuration and say what became of it."""
    started = time.perf_counter()
    try:
        outcome, said = "works", try_random(seed)
        if said != "works":
            outcome = "refused"
    except Exception as error:  # whatever it is, it is what this looks for
        outcome, said = "FAILS", f"{type(error).__name__}: {error}"
    seconds = round(time.perf_counter() - started, 1)
    return {"seed": seed, "outcome": outcome, "said": said[:500], "seconds": seconds}


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all of them; return 1 if any fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--log", type=Path, help="file to continue")
    options = parser.parse_args(arguments)
    wanted = range(options.first, options.first + options.count)
    lines = options.log.read_text().splitlines() if options.log and options.log.exists() else []
    found = {line["seed"]: line for line in map(json.loads, lines) if line["seed"] in wanted}
    for seed in wanted:
        if seed in found:
            continue
        found[seed] = one(seed)
        if options.log:
            with options.log.open("a") as file:
                file.write(json.dumps(found[seed]) + "\n")
        if found[seed]["outcome"] == "FAILS":
            print(f"seed {seed}: {found[seed]['said']}", flush=True)
    counts = {
        outcome: sum(line["outcome"] == outcome for line in found.values())
        for outcome in ("works", "refused", "FAILS")
    }
    print(f"{len(found)} configurations: {counts}")
    return int(counts["FAILS"] > 0)


if __name__ == "__main__":
    sys.exit(main())
