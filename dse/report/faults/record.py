"""What a report of fault campaigns is made from; nothing else is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, did_you_mean
from sim.faults.campaign import CampaignResult
from sim.faults.metrics import (
    Failures,
    Metric,
    Rates,
    StructureRow,
    Verdict,
    assess,
    judge,
    load_rates,
    metrics,
    structure_rows,
)
from sim.faults.metrics.asil import PMHF_SHARE_FIT
from sim.faults.metrics.replay import Replayed
from sim.faults.outcome import NEVER
from sim.faults.statistics import Tally

__all__ = ["FaultReport"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FaultReport:
    """Campaigns on one design, and what they are judged by.

    Parameters
    ----------
    title : str
        The design in words.
    results : sequence of CampaignResult
        At least one campaign.
    command : str
        What makes all of it again.
    engine : str
        Which one ran the campaigns.
    versions : mapping of str to str
        Tools, compilers included.
    facts : mapping of str to object
        What else is to be told of design and stimulus, in the order given.
    observed : mapping of str to sequence of str
        Ports by what they count as.
    rates : Rates
        Raw failure rates.
    mechanisms : collection of str
        Structures that are safety mechanisms.
    hardened, cells
        As of `sim.faults.metrics.failures`.
    pmhf_share_fit : float
        What of the item's 10 FIT of ASIL D the design may take.
    replayed : mapping of str to Replayed
        What faults do to a model's text, by the name of the patterns.
    notes : sequence of str
        What else a reader should know.
    """

    title: str
    results: Sequence[CampaignResult]
    command: str = ""
    engine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    observed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rates: Rates = field(default_factory=load_rates)
    mechanisms: frozenset[str] = frozenset()
    hardened: frozenset[str] = frozenset()
    cells: Mapping[str, float] = field(default_factory=dict)
    pmhf_share_fit: float = PMHF_SHARE_FIT
    replayed: Mapping[str, Replayed] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.results or not any(len(result.outcomes) for result in self.results):
            raise ConfigError("no campaign has an outcome: there is nothing to report")
        frames = (result.campaign.plan.frame for result in self.results)
        known = {stratum.tag for frame in frames for stratum in frame.strata}
        for name in sorted(self.mechanisms | self.hardened):
            if name not in known:
                raise ConfigError(f"structure {name!r} is not known{did_you_mean(name, known)}")

    @cached_property
    def tallies(self) -> list[Tally]:
        """Counts of each campaign."""
        return [result.campaign.plan.tally(result.classes) for result in self.results]

    @cached_property
    def parts(self) -> list[Failures]:
        """Failure rates of the campaigns that have one."""
        return assess(self.results, self.rates, hardened=self.hardened, cells=self.cells)

    @cached_property
    def metrics(self) -> list[Metric]:
        return metrics(self.parts, mechanisms=self.mechanisms)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        return judge(self.metrics, pmhf_share_fit=self.pmhf_share_fit)

    @cached_property
    def rows(self) -> list[StructureRow]:
        """Structures of all campaigns that have a rate, worst first."""
        rows = [row for part in self.parts for row in structure_rows(part)]
        return sorted(rows, key=lambda row: -row.residual_fit)

    @property
    def is_complete(self) -> bool:
        return all(result.is_complete for result in self.results)

    @property
    def injected(self) -> int:
        return sum(len(result.outcomes) for result in self.results)

    @property
    def population(self) -> int:
        return sum(result.campaign.plan.frame.size for result in self.results)


@dataclass(frozen=True, slots=True)
class Delay:
    """How long faults of a structure take until something shows.

    Members
    -------
    mechanism, structure : str
        Campaign and structure.
    wrong, detected : tuple of (int, float, int)
        How many faults made an output wrong, or a detector fire, and the median and largest number
        of cycles from the fault until then; none are (0, NaN, 0).
    """

    mechanism: str
    structure: str
    wrong: tuple[int, float, int]
    detected: tuple[int, float, int]


def delays(result: CampaignResult) -> list[Delay]:
    """Return how long each structure of a campaign takes, the slowest to show first."""
    frame = result.campaign.plan.frame
    _, cycles = frame.pairs(result.numbers)
    strata = frame.stratum_of(result.numbers)
    wrong = np.minimum(result.outcomes["data"], result.outcomes["control"])
    found = []
    for h, stratum in enumerate(frame.strata):
        own = strata == h
        both = [_waits(when[own], cycles[own]) for when in (wrong, result.outcomes["detected"])]
        if any(count for count, _, _ in both):
            found.append(Delay(result.campaign.model.title, stratum.name, both[0], both[1]))
    return sorted(found, key=lambda d: -max(d.wrong[2], d.detected[2]))


def _waits(when: NDArray[np.uint32], since: NDArray[np.int64]) -> tuple[int, float, int]:
    shown = when != NEVER
    if not shown.any():
        return 0, float("nan"), 0
    waits = when[shown].astype(np.int64) - since[shown]
    return int(shown.sum()), float(np.median(waits)), int(waits.max())
