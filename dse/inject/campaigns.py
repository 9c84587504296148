"""The campaigns of a command: a fault model each, planned, run, and taken up again."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from hw.contracts import ConfigError, did_you_mean, tree_digest
from sim.faults.campaign import Campaign, CampaignResult, Store, run_campaign
from sim.faults.experiment import Engine
from sim.faults.model import FAULT_MODELS, FaultModel, find_model
from sim.faults.sites import FLOP, KINDS, MEMORY, NET, Sites, list_sites
from sim.faults.statistics import (
    Exhaustive,
    Frame,
    Plan,
    Sampled,
    Sequential,
    Stratified,
    leveugle,
)

from .subject import Subject

__all__ = [
    "ENGINES",
    "PLANS",
    "Settled",
    "check_mechanisms",
    "fault_models",
    "make_engine",
    "run_all",
]

ENGINES = ("lanes", "gates", "verilator", "cocotb")
PLANS = ("auto", "exhaustive", "sampled", "stratified", "sequential")
WHOLE = 2_000_000
"""Pairs of site and cycle up to which `auto` injects all."""

_TOGETHER = {
    "stuck": ("stuck0", "stuck1"),
    "intermittent": ("intermittent0", "intermittent1"),
}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How campaigns are run.

    Members
    -------
    plan : str
        Of `PLANS`.
    sample : int
        Pairs to inject; 0 follows from `margin` and `confidence`.
    margin, confidence : float
        Half the width of the interval, and how often it covers the truth.
    shard : (int, int)
        Which part of the campaign this process runs, and of how many.
    """

    plan: str = "auto"
    sample: int = 0
    margin: float = 0.01
    confidence: float = 0.95
    seed: int = 0
    jobs: int | None = None
    shard: tuple[int, int] = (0, 1)


def fault_models(names: str) -> list[FaultModel]:
    """Return the models of a list such as ``seu,memory,stuck``.

    Raises
    ------
    ConfigError
        A name that is not known.
    """
    known = [*FAULT_MODELS, *_TOGETHER]
    found: list[FaultModel] = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in known:
            raise ConfigError(f"--faults: {name!r} is not known{did_you_mean(name, known)}")
        found += [find_model(each) for each in _TOGETHER.get(name, (name,))]
    if not found:
        raise ConfigError(f"--faults names no fault model; known: {', '.join(known)}")
    return list(dict.fromkeys(found))


def make_engine(name: str, subject: Subject) -> Engine:
    """Return an engine by name."""
    experiment = subject.experiment
    if name == "lanes":
        from sim.faults.lanes import LanesEngine

        return LanesEngine(experiment)
    if name == "verilator":
        from sim.faults.verilator import VerilatorEngine

        return VerilatorEngine(experiment)
    if name == "gates":
        from sim.faults.gates import GatesEngine

        return GatesEngine(experiment)
    if name == "cocotb":
        from sim.faults.cocotb import CocotbEngine

        return CocotbEngine(experiment, subject.sources)
    raise ConfigError(f"--engine: {name!r} is not known{did_you_mean(name, ENGINES)}")


def run_all(
    subject: Subject,
    engine: Engine,
    models: Sequence[FaultModel],
    settled: Settled,
    folder: Path,
    *,
    progress: Progress | None = None,
) -> list[CampaignResult]:
    """Run a campaign for each fault model; parts that are in `folder` are not run again.

    Raises
    ------
    ConfigError
        A model that finds no site in the design, or a plan that cannot be.
    """
    campaigns = [_campaign(subject, engine, model, settled) for model in models]
    results = []
    for campaign in campaigns:
        name = campaign.model.name

        def told(done: int, planned: int, name: str = name) -> None:
            if progress is not None:
                progress(name, done, planned)

        text = json.dumps(campaign.described(), sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:12]
        store = Store(folder / f"{name}-{key}")
        result = run_campaign(
            campaign, engine, store=store, jobs=settled.jobs, shard=settled.shard, progress=told
        )
        results.append(result)
    return results


def _campaign(subject: Subject, engine: Engine, model: FaultModel, settled: Settled) -> Campaign:
    sites = _sites(subject, engine, model)
    if not len(sites):
        kinds = " or ".join(KINDS[kind] for kind in model.kinds)
        raise ConfigError(
            f"--faults {model.name}: {subject.netlist.top} has no {kinds}; leave it out"
        )
    window = subject.played.window(subject.settings)
    frame = Frame.of(sites, model.cycles(window))
    return Campaign(
        sites,
        _plan(frame, settled),
        model,
        {**subject.identity, "engine": engine.name, "code": _code_digest()},
        subject.settings.within,
    )


@functools.cache
def _code_digest() -> str:
    """Return the digest of our own code that decides outcomes: a mended engine asks again."""
    root = Path(__file__).parents[2]
    folders = [root / "sim" / "faults", root / "boards" / "frozen"]
    return tree_digest(folders, (".py", ".cpp", ".h"))


def check_mechanisms(subject: Subject, names: Collection[str]) -> None:
    """Refuse structures that the design has not, before anything is injected."""
    known = list_sites(subject.netlist, kinds=(FLOP, MEMORY, NET), tags=subject.structure).tags()
    for name in names:
        if name not in known:
            raise ConfigError(f"--mechanism: {name!r} is no structure{did_you_mean(name, known)}")


def _sites(subject: Subject, engine: Engine, model: FaultModel) -> Sites:
    if NET in model.kinds and engine.name == "gates":
        from sim.faults.gates import GatesEngine, gate_sites

        assert isinstance(engine, GatesEngine)
        kinds = tuple(kind for kind in model.kinds if kind != NET)
        plain = list_sites(subject.netlist, kinds=kinds, tags=subject.structure)
        return Sites((*plain.words, *gate_sites(engine.gates).words))
    return list_sites(subject.netlist, kinds=model.kinds, tags=subject.structure)


def _plan(frame: Frame, settled: Settled) -> Plan:
    name = settled.plan
    if name == "auto":
        name = "exhaustive" if frame.size <= WHOLE and not settled.sample else "sampled"
    sample = settled.sample or leveugle(frame.size, settled.margin, confidence=settled.confidence)
    confidence, seed = settled.confidence, settled.seed
    if name == "exhaustive":
        return Exhaustive(frame=frame, confidence=confidence, seed=seed)
    if name == "sampled":
        return Sampled(frame=frame, confidence=confidence, seed=seed, sample=sample)
    if name == "stratified":
        return Stratified(frame=frame, confidence=confidence, seed=seed, sample=sample)
    if name == "sequential":
        most = settled.sample or None
        return Sequential(
            frame=frame, confidence=confidence, seed=seed, margin=settled.margin, most=most
        )
    raise ConfigError(f"--campaign: {name!r} is not known{did_you_mean(name, PLANS)}")
