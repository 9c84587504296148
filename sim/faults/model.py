"""Fault models: which kinds of sites are hit, how, how wide and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError

from .fault import ALWAYS, FLIP, SINGLE, STUCK_0, STUCK_1, faults_at, pattern
from .sites import FLOP, MEMORY, NET, Sites

__all__ = ["FAULT_MODELS", "FaultModel", "find_model"]


@dataclass(frozen=True, slots=True)
class FaultModel:
    """What happens at a site.

    Members
    -------
    name : str
        What users call it.
    title : str
        What reports call it.
    kinds : tuple of int
        Kinds of sites that it hits.
    mode : int
        `FLIP`, `STUCK_0` or `STUCK_1`.
    length : int
        Cycles; `ALWAYS` is permanent.
    patterns : tuple of (int, float)
        Patterns of neighbouring bits, and their shares.
    """

    name: str
    title: str
    kinds: tuple[int, ...]
    mode: int = FLIP
    length: int = 1
    patterns: tuple[tuple[int, float], ...] = ((SINGLE, 1.0),)

    @property
    def is_permanent(self) -> bool:
        return self.length == ALWAYS

    def cycles(self, window: range) -> range:
        """Return the cycles in which it may begin: a permanent fault is there from the start."""
        return range(1) if self.is_permanent else window

    def faults(
        self,
        sites: Sites,
        numbers: NDArray[np.integer],
        cycles: NDArray[np.integer],
        *,
        seed: int = 0,
    ) -> NDArray[np.void]:
        """Return the `FAULT` at each pair of site number and cycle.

        Which of several patterns hits a pair depends on the pair and `seed` alone, so that a
        campaign can be cut anywhere.
        """
        found = faults_at(sites, numbers, cycles, model=self.mode, length=self.length)
        if len(self.patterns) > 1:
            edges = np.cumsum([share for _, share in self.patterns])
            which = np.searchsorted(edges, _drawn(numbers, cycles, seed) * edges[-1], side="right")
            found["pattern"] = np.array([p for p, _ in self.patterns], dtype=np.uint16)[which]
        else:
            found["pattern"] = self.patterns[0][0]
        return found


def _drawn(
    numbers: NDArray[np.integer], cycles: NDArray[np.integer], seed: int
) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each pair: SplitMix64 (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        z = np.asarray(numbers).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.asarray(cycles).astype(np.uint64) * np.uint64(0xD1B54A32D192ED03)
        z += np.uint64(seed % (1 << 64))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) / 2.0**53


_NEIGHBOURS = (
    (pattern((0, 0), (0, 1)), 0.6),
    (pattern((0, 0), (1, 0)), 0.2),
    (pattern((0, 0), (0, 1), (0, 2)), 0.1),
    (pattern((0, 0), (0, 1), (1, 0), (1, 1)), 0.1),
)
"""Two, three or four neighbours in a word or a memory's rows. The shares are an assumption: the
layout is not known before placement. Give your own `FaultModel` where you know better."""

FAULT_MODELS: Mapping[str, FaultModel] = {
    model.name: model
    for model in (
        FaultModel("seu", "single-event upset of a flip-flop", (FLOP,)),
        FaultModel("memory", "single-event upset of a memory bit", (MEMORY,)),
        FaultModel("mbu", "multi-bit upset of neighbours", (FLOP, MEMORY), patterns=_NEIGHBOURS),
        FaultModel("set", "transient of a net for a cycle", (NET,)),
        FaultModel("stuck0", "net or flip-flop stuck at 0", (FLOP, NET), STUCK_0, ALWAYS),
        FaultModel("stuck1", "net or flip-flop stuck at 1", (FLOP, NET), STUCK_1, ALWAYS),
        FaultModel("stuck0_memory", "memory bit stuck at 0", (MEMORY,), STUCK_0, ALWAYS),
        FaultModel("stuck1_memory", "memory bit stuck at 1", (MEMORY,), STUCK_1, ALWAYS),
        FaultModel("intermittent0", "net or flip-flop at 0 for 8 cycles", (FLOP, NET), STUCK_0, 8),
        FaultModel("intermittent1", "net or flip-flop at 1 for 8 cycles", (FLOP, NET), STUCK_1, 8),
    )
}


def find_model(name: str) -> FaultModel:
    """Return a fault model by name; `ConfigError` lists the names."""
    if name not in FAULT_MODELS:
        raise ConfigError(f"fault model {name!r} is not known; use {', '.join(FAULT_MODELS)}")
    return FAULT_MODELS[name]
