"""Kills a fault campaign ten times at random moments, resumes it, and compares the outcomes.

Run ``python -m bench.fault_kill [--sample 2000000]``. `dse inject` on an 8x8 engine with three
fault models: once left alone, once killed with SIGKILL (its whole process group) at random moments:
one to three parts after the start, and up to the mean time of a part later, so that kills reach
all of the campaign. No part that had been stored may be gone or written again; in the end the
outcomes must be the same byte for byte.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.killing import Victim, kill_and_resume, mark

__all__ = ["main"]

KILLS = 10
_MODELS = "seu,memory,set"


class _Campaign(Victim):
    """`dse inject` into a folder of its own."""

    def __init__(self, folder: Path, design: Path, options: Sequence[str]) -> None:
        self.out = folder / "faults"
        command = ["inject", "--design", str(design), "--faults", _MODELS, "--no-check"]
        super().__init__(folder, [*command, *options, "--out", str(self.out)], {})

    def parts(self) -> dict[str, tuple[int, int]]:
        """Return the stored parts of all fault models."""
        found = self.out.glob("parts/**/part-*.npz")
        return {str(path.relative_to(self.out)): mark(path) for path in found}

    @property
    def outcomes(self) -> bytes:
        return (self.out / "outcomes.csv").read_bytes()

    @property
    def counts(self) -> list[Any]:
        """Counts of each fault model, as the summary has them."""
        document = json.loads((self.out / "summary.json").read_text("utf-8"))
        return [(each["title"], each["counts"]) for each in document["campaigns"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; return 1 if anything was lost, repeated or other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--sample", type=int, default=2_000_000, help="faults of each model")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="fault-kill-"))
    design = folder / "engine"
    Victim(folder / "made", ["generate", "matrix", "--output", str(design)], {}).left_alone()
    how = ["--campaign", "sampled", "--sample", str(options.sample)]
    alone = _Campaign(folder / "alone", design, how)
    seconds, start = alone.left_alone(), alone.left_alone()  # the second time all is there
    parts = len(alone.parts())
    print(f"left alone: {seconds:.1f} s for {parts} parts, {start:.1f} s with all of them there")
    draw, each = random.Random(options.seed), (seconds - start) / parts
    moments = [(draw.choice((1, 2, 3)), draw.uniform(0, each)) for _ in range(KILLS)]
    told = ", ".join(f"{n} parts and {s:.2f} s" for n, s in moments)
    print(f"seed {options.seed}, killed after {told}", flush=True)
    victim = _Campaign(folder / "killed", design, how)
    found = kill_and_resume(victim.start, victim.kill, moments, victim.parts)
    same = victim.outcomes == alone.outcomes and victim.counts == alone.counts
    print(
        f"{found.kills} kills with {', '.join(map(str, found.kept))} of {parts} parts stored, "
        f"{found.lost} lost, {found.repeated} written again; outcomes of "
        f"{alone.outcomes.count(10) - 1:,} faults {'the same' if same else 'DIFFERENT'}"
    )
    if found.kills < KILLS:
        print(f"it ended after {found.kills} of {KILLS} kills: give it a larger --sample")
    return int(found.kills < KILLS or found.lost > 0 or found.repeated > 0 or not same)


if __name__ == "__main__":
    sys.exit(main())
