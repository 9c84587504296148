"""Measuring a design's transient failures: campaigns of every fault model, rated and judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sim.faults.campaign import Campaign, run_campaign
from sim.faults.experiment import Experiment
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
from sim.faults.model import FaultModel, find_model
from sim.faults.outcome import UNDETECTED
from sim.faults.sites import FLOP, MEMORY, NET, list_sites
from sim.faults.statistics import Frame, Stratified

__all__ = ["GROUP_OF", "Budget", "Measured", "measure", "permanent"]

GROUP_OF = {FLOP: "flops and logic", NET: "flops and logic", MEMORY: "memories"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much is injected, and what it counts for.

    Members
    -------
    faults : int
        Of each fault model.
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
    def metrics(self) -> list[Metric]:
        """SPFM and residual failures, of flops and logic, of memories, and of both."""
        return metrics(self.parts)

    def fit(self, *, residual: bool) -> dict[str, dict[str, float]]:
        """Return raw failures by structure and group, or those undetected, on the upper bound."""
        found: dict[str, dict[str, float]] = {}
        for part in self.parts:
            for h, stratum in enumerate(part.tally.strata):
                value = float(part.fit[h])
                if residual:
                    value *= part.tally.estimate(h).high
                row = found.setdefault(stratum.tag, {})
                group = GROUP_OF[stratum.kind]
                row[group] = row.get(group, 0.0) + value
        return found


def measure(
    experiment: Experiment,
    window: range,
    structure: Callable[[str], str],
    budget: Budget,
    *,
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
        result = run_campaign(Campaign(sites, plan, model), engine, jobs=1)
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
    progress: Callable[[str], None] | None = None,
) -> tuple[Failures, ...]:
    """Inject flip-flops and nets that are stuck at 0 and at 1 from the first cycle on."""
    engine = LanesEngine(experiment)
    found = []
    for name in ("stuck0", "stuck1"):
        for kind in (FLOP, NET):
            model = replace(find_model(name), kinds=(kind,))
            sites = list_sites(experiment.netlist, kinds=(kind,), tags=structure)
            frame = Frame.of(sites, range(1))
            sample = min(frame.size, max(budget.faults, 40 * len(frame.strata)))
            plan = Stratified(
                frame=frame, sample=sample, confidence=budget.confidence, seed=budget.seed
            )
            result = run_campaign(Campaign(sites, plan, model), engine, jobs=1)
            found.append(
                failures(
                    plan.tally(result.classes),
                    budget.rates,
                    PERMANENT,
                    mechanism=model.title,
                    share=0.5,
                    cells=_cells(frame, kind, budget),
                )
            )
            if progress is not None:
                high = found[-1].share(UNDETECTED).high
                progress(f"{name}, {len(result.classes):,} faults: {high:.3%} undetected")
    return tuple(found)
