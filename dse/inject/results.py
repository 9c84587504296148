"""What campaigns found: every outcome as CSV, counts and intervals as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import write_atomic
from sim.faults.campaign import CampaignResult
from sim.faults.fault import ALWAYS, MODELS
from sim.faults.original import Agreement
from sim.faults.outcome import CLASSES, DETECTED, NEVER, SDC, UNDETECTED, VIOLATION
from sim.faults.sites import KINDS, MEMORY, Sites
from sim.faults.statistics import Estimate

from .subject import Subject

__all__ = ["summary", "write_results"]

VISIBLE = (SDC, DETECTED, VIOLATION)
"""Classes in which an output is wrong, whether a detector fires or not."""

_HEAD = (
    "fault", "site", "structure", "kind", "cycle", "mode", "length", "pattern", "class",
    "first_wrong_data", "first_wrong_control", "first_detected", "first_corrected", "wrong_beats",
    "wrong_bits", "largest_error", "state_differs",
)  # fmt: skip


def write_results(folder: Path, results: Sequence[CampaignResult], document: Any) -> None:
    """Write ``outcomes.csv`` and ``summary.json``, each whole or not at all."""
    lines = [",".join(_HEAD)]
    for result in results:
        lines += _rows(result)
    write_atomic(folder / "outcomes.csv", "\n".join([*lines, ""]))
    write_atomic(folder / "summary.json", json.dumps(document, indent=1) + "\n")


def summary(
    subject: Subject,
    results: Sequence[CampaignResult],
    *,
    engine: str,
    command: str,
    agreement: Agreement | None,
) -> dict[str, Any]:
    """Return what a campaign was and what it found, for JSON."""
    netlist, experiment = subject.netlist, subject.experiment
    window = subject.played.window(subject.settings)
    return {
        "command": command,
        "kiln": version("kiln-dse"),
        "python": platform.python_version(),
        "engine": engine,
        "top": netlist.top,
        "sources": [str(path) for path in subject.sources.files],
        "sources_sha256": subject.sources.digest,
        **{f"{name}_sha256": value for name, value in subject.identity.items()},
        "clock": netlist.clock,
        "stimulus": subject.played.told,
        "cycles": experiment.cycles,
        "window": [window.start, window.stop - 1],
        "flop_bits": netlist.flop_bits,
        "memory_bits": sum(memory.width * memory.size for memory in netlist.memories),
        "net_bits": sum(len(cell.output) for cell in netlist.cells),
        "checked_against_sources": None
        if agreement is None
        else {"cycles": agreement.cycles, "unknown_bits_not_counted": agreement.unknown},
        "observed": {
            "data": [watched.port for watched in experiment.observation.data],
            "control": list(experiment.observation.control),
            "detectors": list(experiment.observation.detectors),
            "correctors": list(experiment.observation.correctors),
        },
        "campaigns": [_campaign(result) for result in results],
    }


def _campaign(result: CampaignResult) -> dict[str, Any]:
    plan, classes = result.campaign.plan, result.classes
    tally = plan.tally(classes)
    shares = {name: _share(plan.estimate(classes, of=(at,))) for at, name in enumerate(CLASSES)}
    structures = [
        {
            "structure": stratum.tag,
            "kind": KINDS[stratum.kind],
            "sites": stratum.sites,
            "injected": int(tally.counts[at].sum()),
            "counts": dict(zip(CLASSES, tally.counts[at].tolist(), strict=True)),
            "undetected": _share(tally.estimate(at, of=UNDETECTED)),
            "visible": _share(tally.estimate(at, of=VISIBLE)),
        }
        for at, stratum in enumerate(tally.strata)
    ]
    return {
        "fault": result.campaign.model.name,
        "title": result.campaign.model.title,
        "plan": plan.name,
        "told": plan.describe(),
        "seed": plan.seed,
        "confidence": plan.confidence,
        "population": plan.frame.size,
        "injected": len(classes),
        "is_complete": result.is_complete,
        "injected_now": result.injected,
        "seconds": result.seconds,
        "injections_per_s": result.rate,
        "counts": dict(zip(CLASSES, tally.counts.sum(axis=0).tolist(), strict=True)),
        "shares": shares,
        "undetected": _share(plan.estimate(classes, of=UNDETECTED)),
        "visible": _share(plan.estimate(classes, of=VISIBLE)),
        "structures": structures,
    }


def _share(found: Estimate) -> dict[str, Any]:
    return {
        "share": found.value,
        "low": found.low,
        "high": found.high,
        "hits": found.hits,
        "sample": found.sample,
        "method": found.method,
    }


def _rows(result: CampaignResult) -> Iterator[str]:
    """Yield a line for each injected fault; empty where something never happened."""
    campaign, outcomes = result.campaign, result.outcomes
    sites, cycles = campaign.plan.frame.pairs(result.numbers)
    faults = campaign.model.faults(campaign.sites, sites, cycles, seed=campaign.plan.seed)
    fault = campaign.model.name
    columns = zip(
        _told(campaign.sites, sites),
        *(faults[name].tolist() for name in ("cycle", "model", "length", "pattern")),
        result.classes.tolist(),
        *(_times(outcomes[name]) for name in ("data", "control", "detected", "corrected")),
        *(outcomes[name].tolist() for name in ("beats", "bits", "largest", "state")),
        strict=True,
    )
    for told, cycle, mode, length, pattern, klass, data, control, seen, mended, *counts in columns:
        beats, bits, largest, state = counts
        yield (
            f"{fault},{told},{cycle},{MODELS[mode]},{'always' if length == ALWAYS else length},"
            f"{pattern},{CLASSES[klass]},{data},{control},{seen},{mended},{beats},{bits},"
            f"{largest:g},{state}"
        )


def _told(sites: Sites, numbers: NDArray[np.int64]) -> list[str]:
    """Return the name, structure and kind of the site of each fault."""
    unique, which = np.unique(numbers, return_inverse=True)
    words = np.searchsorted(sites.firsts, unique, side="right") - 1
    inside = unique - sites.firsts[words]
    texts = []
    for at, within in zip(words.tolist(), inside.tolist(), strict=True):
        word = sites.words[at]
        row, bit = divmod(within, word.width)
        place = f"[{row}][{bit}]" if word.kind == MEMORY else f"[{bit}]"
        texts.append(f"{_quoted(word.name + place)},{_quoted(word.tag)},{KINDS[word.kind]}")
    return [texts[at] for at in which.tolist()]


def _times(cycles: NDArray[np.uint32]) -> list[int | str]:
    return ["" if cycle == NEVER else cycle for cycle in cycles.tolist()]


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text or '"' in text else text
