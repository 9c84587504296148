"""What became of a fault, from what was seen with and without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.faults.experiment import Experiment, Step, Watched
from sim.faults.outcome import NEVER

__all__ = ["outcome_of"]


def outcome_of(
    experiment: Experiment,
    golden: Sequence[Mapping[str, int]],
    faulty: Sequence[Mapping[str, int]],
    *,
    start: int,
    state: bool,
) -> tuple[Any, ...]:
    """Return an `OUTCOME` as a tuple.

    Parameters
    ----------
    golden : sequence of dict of str to int
        Outputs of every cycle without the fault.
    faulty : sequence of dict of str to int
        Outputs with it, from cycle `start` on.
    state : bool
        Whether the state differs at the end.
    """
    observation = experiment.observation
    widths = {port.name: len(port.bits) for port in experiment.netlist.ports}
    firsts = dict.fromkeys(("data", "control", "detected", "corrected"), NEVER)
    beats = bits = largest = 0
    fires = {"detected": observation.detectors, "corrected": observation.correctors}
    for cycle, found in enumerate(faulty, start):
        wanted = golden[cycle]
        counted = [w for w in observation.data if _counts(w, wanted, experiment.inputs[cycle])]
        wrong = [w for w in counted if wanted[w.port] != found[w.port]]
        seen = {
            "data": bool(wrong),
            "control": any(wanted[name] != found[name] for name in observation.control),
            **{
                kind: any(found[name] & ~wanted[name] for name in names)
                for kind, names in fires.items()
            },
        }
        firsts |= {k: cycle for k, v in seen.items() if v and firsts[k] == NEVER}
        beats += bool(wrong)
        for w in wrong:
            bits += (wanted[w.port] ^ found[w.port]).bit_count()
            pairs = zip(
                _fields(wanted[w.port], widths[w.port], w),
                _fields(found[w.port], widths[w.port], w),
                strict=True,
            )
            largest = max(largest, *(abs(one - other) for one, other in pairs))
    return (*firsts.values(), beats, bits, np.uint64(largest).astype(np.float32), int(state))


def _counts(watched: Watched, outputs: Mapping[str, int], inputs: Step) -> bool:
    values = {**inputs, **outputs}
    return all(values.get(name, 0) for name in (watched.valid, watched.ready) if name)


def _fields(value: int, width: int, watched: Watched) -> list[int]:
    """Return the numbers that lie in a port side by side."""
    step = watched.field_bits or min(width, 64)
    found = []
    for low in range(0, width, step):
        size = min(step, width - low)
        number = value >> low & (1 << size) - 1
        negative = watched.signed and number >> (size - 1)
        found.append(number - (1 << size) if negative else number)
    return found
