"""Measuring a design's failures: campaigns of every fault model, rated and judged.

Safety mechanisms are told by their structure: ``checksum``, and ``protection of X``, what was added
to guard structure X.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sim.faults.campaign import Campaign, CampaignResult, run_campaign
from sim.faults.experiment import Experiment, Observation, Step
from sim.faults.lanes import LanesEngine
from sim.faults.metrics import (
    PERMANENT,
    TRANSIENT,
    Failures,
    Metric,
    Rates,
    failures,
    load_rates,
    metrics,
)
from sim.faults.metrics.asil import LATENT
from sim.faults.model import FaultModel, find_model
from sim.faults.outcome import FALSE_ALARM, NEVER, UNDETECTED
from sim.faults.sites import FLOP, MEMORY, NET, list_sites
from sim.faults.statistics import Frame, Stratified

from .choice import PERMANENT_GROUP

__all__ = [
    "GROUP_OF",
    "GUARD",
    "Budget",
    "Measured",
    "group_of",
    "is_mechanism",
    "measure",
    "owner",
    "permanent",
]

GROUP_OF = {FLOP: "flops and logic", NET: "flops and logic", MEMORY: "memories"}
_OF = {FLOP: "flip-flop", NET: "net", MEMORY: "memory bit"}
GUARD = "protection of "
"""Begins the tags of what was added to guard a structure, whose name follows."""


def group_of(nature: str, kind: int) -> str:
    """Return what a kind of site is judged with."""
    return GROUP_OF[kind] + PERMANENT_GROUP * (nature == PERMANENT)


def owner(tag: str) -> str:
    """Return the structure that a tag belongs to, or guards."""
    return tag.removeprefix(GUARD)


def is_mechanism(tag: str) -> bool:
    """Return whether a structure is a safety mechanism, whose faults may be latent."""
    return tag.startswith(GUARD) or tag == "checksum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much is injected, and what it counts for.

    Members
    -------
    faults : int
        Of each fault model and kind of site.
    confidence : float
        Of bounds.
    mbu_share : float
        Share of upsets that hit several neighbours.
    gates : float
        Gates of the mapped netlist, which share the transients of all nets; 0 takes as many as
        there are bits of nets.
    """

    faults: int = 20_000
    confidence: float = 0.95
    mbu_share: float = 0.1
    gates: float = 0.0
    seed: int = 0
    rates: Rates = field(default_factory=load_rates)


@dataclass(frozen=True)
class Measured:
    """What campaigns found.

    Members
    -------
    parts : tuple of Failures
        One for each fault model and kind of site.
    injections : int
        How many.
    seconds : float
        In how long, compilation left out.
    """

    parts: tuple[Failures, ...]
    injections: int
    seconds: float

    @property
    def mechanisms(self) -> set[str]:
        """Structures that are safety mechanisms."""
        return {s.tag for part in self.parts for s in part.tally.strata if is_mechanism(s.tag)}

    @property
    def metrics(self) -> list[Metric]:
        """SPFM and residual failures, of flops and logic, of memories, and of both, and LFM."""
        return metrics(self.parts, mechanisms=self.mechanisms)

    def fit(self, *, residual: bool) -> dict[str, dict[str, float]]:
        """Return raw failures by structure and group, or those undetected, on the upper bound.

        What guards a structure counts with it.
        """
        return self._rows(lambda part, h: part.tally.estimate(h).high if residual else 1.0)

    def latent(self) -> dict[str, dict[str, float]]:
        """Return latent failures of mechanisms by structure and group, on the upper bound."""

        def share(part: Failures, h: int) -> float:
            if part.nature != PERMANENT or not is_mechanism(part.tally.strata[h].tag):
                return 0.0
            return part.tally.estimate(h, of=LATENT).high

        return self._rows(share)

    def _rows(self, share: Callable[[Failures, int], float]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for part in self.parts:
            for h, stratum in enumerate(part.tally.strata):
                row = found.setdefault(owner(stratum.tag), {})
                group = group_of(part.nature, stratum.kind)
                row[group] = row.get(group, 0.0) + float(part.fit[h]) * share(part, h)
        return found

    def __or__(self, other: Measured) -> Measured:
        return Measured(
            self.parts + other.parts,
            self.injections + other.injections,
            self.seconds + other.seconds,
        )


def measure(
    experiment: Experiment,
    window: range,
    structure: Callable[[str], str],
    budget: Budget,
    *,
    within: int | None = None,
    hardened: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Measured:
    """Inject upsets of flip-flops and memories, single and multiple, and transients of nets.

    Parameters
    ----------
    window : range
        Cycles in which faults begin.
    structure : callable
        The structure of a hierarchical name.
    within : int, optional
        Cycles after the first wrong output in which a detector must fire; any, if left out.
    """
    engine = LanesEngine(experiment)
    parts: list[Failures] = []
    injections, begun = 0, time.perf_counter()
    for model, kind, share in _mixture(experiment, budget):
        sites = list_sites(experiment.netlist, kinds=(kind,), tags=structure)
        frame = Frame.of(sites, window)
        weights = tuple(float(s.sites) for s in frame.strata)
        sample = max(budget.faults, 40 * len(frame.strata))
        plan = Stratified(
            frame=frame,
            sample=min(sample, frame.size),
            weights=weights,
            confidence=budget.confidence,
            seed=budget.seed,
        )
        result = run_campaign(Campaign(sites, plan, model, within=within), engine, jobs=1)
        injections += len(result.classes)
        parts.append(
            failures(
                plan.tally(result.classes),
                budget.rates,
                TRANSIENT,
                mechanism=model.title,
                share=share,
                hardened=hardened,
                cells=_cells(frame, kind, budget),
            )
        )
        if progress is not None:
            found = parts[-1].share(UNDETECTED)
            progress(f"{model.name}, {len(result.classes):,} faults: {found.high:.3%} undetected")
    return Measured(tuple(parts), injections, time.perf_counter() - begun)


def _mixture(experiment: Experiment, budget: Budget) -> list[tuple[FaultModel, int, float]]:
    """Return fault models, the kind of site that each hits, and its share of the raw rate."""
    single, several = 1 - budget.mbu_share, budget.mbu_share
    kinds: Mapping[int, bool] = {
        FLOP: bool(experiment.netlist.flops),
        MEMORY: bool(experiment.netlist.memories),
        NET: bool(experiment.netlist.cells),
    }
    found: list[tuple[FaultModel, int, float]] = []
    for kind, name in ((FLOP, "seu"), (MEMORY, "memory")):
        if kinds[kind]:
            found.append((find_model(name), kind, single))
            if several:
                found.append((replace(find_model("mbu"), kinds=(kind,)), kind, several))
    if kinds[NET]:
        found.append((find_model("set"), NET, 1.0))
    return found


def _cells(frame: Frame, kind: int, budget: Budget) -> dict[str, float] | None:
    """Return the gates behind each structure's nets, in proportion to their bits."""
    if kind != NET or not budget.gates:
        return None
    bits = np.array([stratum.sites for stratum in frame.strata], dtype=np.float64)
    gates = bits / bits.sum() * budget.gates
    return {s.name: float(g) for s, g in zip(frame.strata, gates, strict=True)}


def permanent(
    experiment: Experiment,
    structure: Callable[[str], str],
    budget: Budget,
    *,
    within: int | None = None,
    tests: Sequence[Sequence[Step]] = (),
    progress: Callable[[str], None] | None = None,
) -> Measured:
    """Inject flip-flops, nets and memory bits that are stuck at 0 and 1 from the first cycle on.

    Parameters
    ----------
    tests : sequence of sequences of dict of str to int
        Inputs of the start-up self-tests. Faults of mechanisms of which the experiment shows
        nothing are injected into these too: they are latent if no detector then speaks when it
        should not, or keeps silent when it should speak. What only a self-test shows is no help to
        SPFM.
    """
    engine = LanesEngine(experiment)
    referees = _self_tests(experiment, tests)
    parts: list[Failures] = []
    injections, begun = 0, time.perf_counter()
    for name in ("stuck0", "stuck1"):
        for kind in (FLOP, NET, MEMORY):
            model = replace(find_model(name), kinds=(kind,))
            sites = list_sites(experiment.netlist, kinds=(kind,), tags=structure)
            if not len(sites):
                continue
            frame = Frame.of(sites, range(1))
            sample = min(frame.size, max(budget.faults, 40 * len(frame.strata)))
            plan = Stratified(
                frame=frame, sample=sample, confidence=budget.confidence, seed=budget.seed
            )
            result = run_campaign(Campaign(sites, plan, model, within=within), engine, jobs=1)
            injections += len(result.classes)
            parts.append(
                failures(
                    plan.tally(_after_tests(result, referees)),
                    budget.rates,
                    PERMANENT,
                    mechanism=f"{_OF[kind]} {model.title.removeprefix('net or flip-flop ')}",
                    share=0.5,
                    cells=_cells(frame, kind, budget),
                )
            )
            if progress is not None:
                high = parts[-1].share(UNDETECTED).high
                progress(f"{name}, {len(result.classes):,} faults: {high:.3%} undetected")
    return Measured(tuple(parts), injections, time.perf_counter() - begun)


def _self_tests(experiment: Experiment, tests: Sequence[Sequence[Step]]) -> list[LanesEngine]:
    """Return engines that see detectors alone, whose every cycle counts: a host compares them."""
    seen = experiment.observation
    watched = Observation(control=(*seen.detectors, *seen.correctors))
    return [LanesEngine(Experiment(experiment.netlist, t, watched)) for t in tests]


def _after_tests(result: CampaignResult, referees: Sequence[LanesEngine]) -> NDArray[np.uint8]:
    """Return classes; faults of mechanisms that only a self-test shows are false alarms."""
    classes = result.classes.copy()
    frame = result.campaign.plan.frame
    guards = np.array([is_mechanism(stratum.tag) for stratum in frame.strata])
    for referee in referees:
        left = guards[frame.stratum_of(result.numbers)] & np.isin(classes, LATENT)
        if left.any():
            seen = referee.inject(result.campaign.faults(result.numbers[left]))
            classes[np.flatnonzero(left)[seen["control"] != NEVER]] = FALSE_ALARM
    return classes
