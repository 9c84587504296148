"""Clock of the multiply-accumulate unit on ECP5, routed, against its bar.

Run ``python -m bench.mac_clock [--seeds N]``: LFE5U-85F, speed grade 6, out of context, every
output registered. Fails where the median is below 150 MHz (PDPU: 75.0 and 71.2 MHz on this part).
One element per cycle in every mode, whatever the clock. About a minute for each seed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from bench.mac_units import REFERENCE
from boards.flows import median_clock, route
from boards.target import Target, load_target
from hw.export import export

__all__ = ["BAR_MHZ", "REQUEST_MHZ", "main", "target"]

BAR_MHZ = 150.0
REQUEST_MHZ = 250.0
"""What synthesis and router are asked for: more than they must reach, which makes both try."""


def target() -> Target:
    """Return the part, asked for more than its board's target asks for."""
    board = load_target("ulx3s-85f")
    return replace(board, clock=replace(board.clock, request_mhz=REQUEST_MHZ))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the clock of each seed and their median; return 1 if that misses the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args(arguments)
    design, part = export(REFERENCE, "kiln_mac"), target()
    print(f"{part.name}, latency {REFERENCE.latency} cycles, one element per cycle")
    runs = []
    for seed in range(1, options.seeds + 1):
        runs.append(route(design, part, seed))
        print(f"  seed {seed}: {runs[-1].value('clock_mhz_measured'):6.1f} MHz", flush=True)
    middle = median_clock(runs)
    clock = middle["clock_mhz_measured"]
    ok = clock.value >= BAR_MHZ
    print(f"  {middle.value('routed_lut_measured'):.0f} LUT4, {clock.conditions}")
    print(f"{'pass' if ok else 'FAIL'}: median {clock.value:.1f} MHz, bar {BAR_MHZ:g}")
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
