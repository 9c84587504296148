"""Random stimuli: every input at random from a seed, reset held first."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from boards.frozen import Frozen

__all__ = ["RESET_CYCLES", "random_steps"]

RESET_CYCLES = 4


def random_steps(
    netlist: Frozen,
    cycles: int,
    *,
    seed: int = 0,
    resets: Mapping[str, int],
    hold: Mapping[str, int],
) -> Iterator[dict[str, int]]:
    """Yield `cycles` steps; resets are active in the first `RESET_CYCLES` and never again."""
    rng = random.Random(seed)
    for cycle in range(cycles):
        step = {port.name: rng.getrandbits(len(port.bits)) for port in netlist.inputs}
        for name, value in resets.items():
            step[name] = value if cycle < RESET_CYCLES else 1 - value
        yield step | dict(hold)
