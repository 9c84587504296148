"""What upsets in a matrix engine do to the text of the small language model.

Run ``OPENBLAS_NUM_THREADS=1 python -m bench.fault_text``. Every single-event upset of every
flip-flop of an 8×8 int8 output-stationary engine in the cycles of one job is injected by the lanes
engine; the wrong results of each are its pattern. Patterns are replayed in the model's own int8
matrix products: with their bits inverted there (xor), and with the engine's error added
(difference). Beside them is what a software model does that knows nothing of the hardware: one
random bit of one random result inverted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from hw.matrix import MatrixConfig
from sim.faults.fault import faults_at
from sim.faults.lanes import LanesEngine
from sim.faults.metrics import Patterns, single_bits
from sim.faults.metrics.matrix import matrix_patterns
from sim.faults.metrics.replay import Replayed, replay
from sim.faults.sites import list_sites
from sim.quality.arithmetic import Arithmetic
from sim.quality.perplexity import QualityBench
from tests.sim.faults.experiments import matrix

__all__ = ["harvested", "main"]

CONFIG = MatrixConfig(rows=8, cols=8, a_depth=32, b_depth=32, result_rows=8)
SHAPE = (8, 16, 8)
TRIALS = 1200
LARGE = 1 << 16  # an error that is large


def harvested(*, most: int = 200_000) -> tuple[Patterns, int]:
    """Return the patterns of upsets, `most` of them drawn at random, and how many there were."""
    experiment = matrix(CONFIG, SHAPE)
    engine, sites = LanesEngine(experiment), list_sites(experiment.netlist)
    pairs = len(sites) * (experiment.cycles - 2)
    random = np.random.default_rng(0)
    chosen = random.permutation(pairs)[:most] if pairs > most else np.arange(pairs)
    cycles, numbers = np.divmod(chosen, len(sites))
    faults = faults_at(sites, numbers, cycles + 2)
    return matrix_patterns(engine, faults, CONFIG, CONFIG.plan(*SHAPE)), len(faults)


def line(name: str, found: Replayed) -> str:
    """Return the figures of one kind of patterns."""
    value, low, high = found.token_changes
    return (
        f"  {name:26s} P(a token changes) {value:6.1%} ({low:.1%} to {high:.1%}), tokens changed "
        f"{found.tokens_changed:.2%}, perplexity {found.perplexity:.2f} "
        f"{found.perplexity_cost:+.2%}, worst 1 % {found.loss_quantile(0.99):+.3f} nats a token"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=TRIALS)
    options = parser.parse_args(arguments)
    patterns, injected = harvested()
    single = patterns.share_of(lambda p: p.words == 1 and p.wrong_bits == 1)
    words = patterns.share_of(lambda p: p.words == 1)
    print(
        f"{len(patterns.patterns):,} of {injected:,} upsets make results wrong; in one word "
        f"{words:.1%}, in one bit {single:.1%}; mean "
        f"{np.mean([p.words for p in patterns.patterns]):.2f} words, "
        f"{np.mean([p.wrong_bits for p in patterns.patterns]):.2f} bits; off by {LARGE:,} or more "
        f"in {patterns.share_of(lambda p: bool(abs(p.difference).max() >= LARGE)):.1%} (of single "
        f"bits {1 - (LARGE.bit_length() - 1) / patterns.bits:.1%})",
        flush=True,
    )
    bench, int8 = QualityBench.small(limit=2048), Arithmetic(format="int8")
    kinds = {
        "harvested, xor": (patterns, "xor"),
        "harvested, difference": (patterns, "difference"),
        "single bits": (single_bits(patterns.bits, patterns.rows, patterns.columns), "xor"),
    }
    for name, (some, mode) in kinds.items():
        found = replay(bench, int8, some, trials=options.trials, seed=1, mode=mode)
        print(line(name, found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
