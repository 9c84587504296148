"""Resilience as a rung of the ladder: a design counts as what it is once it is protected.

Its area and clock on the front are then those of the protected netlist, mapped, with its manifest
counted; that the bounds of the ASIL hold was measured by injecting into that netlist again.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from boards.cache import Cache, Entry, cache_key
from boards.metrics import Fidelity, Figure, Metrics
from boards.target import Target
from boards.tools import require_tool
from hw.contracts import ConfigError, KilnError, tree_digest

from .ladder import TOP, Climb

__all__ = ["NotResilientError", "Resilience", "find_resilience", "protected_climb"]

_ROOT = Path(__file__).parents[2]
_SOURCES = ("boards/frozen", "boards/protect", "dse/harden", "hw/protect", "sim/faults")
_SUFFIXES = (".py", ".cpp", ".h", ".toml")


class NotResilientError(KilnError):
    """A design that no protection brings within the bounds; says which bound is missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience:
    """What designs have to keep.

    Members
    -------
    asil : str
        B, C or D.
    pmhf_share : float
        FIT that the engine may take of the item's 10.
    faults : int
        Injected of each fault model and kind of site, before and after protection.
    attempts : int
        Rounds of choosing, building and injecting, at most.
    """

    asil: str = "D"
    pmhf_share: float = 1.0
    faults: int = 20_000
    attempts: int = 8


def find_resilience(
    asil: str | None, target: Target, block: str, liberty: str | Path | None
) -> Resilience | None:
    """Return what an ASIL asks; `ConfigError` where protected designs cannot be measured."""
    if asil is None:
        return None
    from dse.harden.document import asil_limits

    asil_limits(asil)
    if target.family != "sky130":
        raise ConfigError(
            f"asil={asil!r} on {target.name}: protection is chosen and measured in sky130 cells; "
            "an FPGA's configuration memory is upset more often than what is built from it, and "
            "nobody injects into that here; use --target sky130"
        )
    if block != "matrix":
        raise ConfigError(f"asil={asil!r} is for block='matrix'; leave it out for {block!r}")
    if liberty is not None:
        raise ConfigError(
            f"liberty={str(liberty)!r} with asil={asil!r}: protection is mapped to the built-in "
            "sky130 cells; leave one of them out"
        )
    return Resilience(asil=asil.upper())


def protected_climb(
    config: Any, climb: Climb, asked: Resilience, *, seed: int, cache: Cache | None = None
) -> Climb:
    """Return what was found of the design, with area, clock and power of the protected one.

    Raises
    ------
    NotResilientError
        The bounds do not hold after the last attempt.
    """
    key = cache_key(
        verilog=climb.design.verilog,
        tools=[require_tool("yosys").identity],
        asked=repr(asked),
        seed=seed,
        sources=_sources_digest(),
    )
    entry = (cache or Cache()).remember("harden", key, lambda: _harden(config, asked, seed))
    if entry.payload["missed"]:
        raise NotResilientError(str(entry.payload["missed"]))
    return _combined(climb, asked, entry.payload["told"], entry.payload["files"], seed)


def _harden(config: Any, asked: Resilience, seed: int) -> Entry:
    from dse.harden import Budget, NoProtectionError, NotHardenedError, harden, matrix_target
    from dse.harden.document import asil_limits, document, files

    limits = asil_limits(asked.asil, asked.pmhf_share)
    subject = matrix_target(config, TOP, seed=seed)
    budget = Budget(faults=asked.faults, seed=seed)
    try:
        found = harden(subject.variants, subject.structure, limits, budget, attempts=asked.attempts)
    except (NotHardenedError, NoProtectionError) as error:
        return Entry(payload={"missed": str(error), "told": {}, "files": {}})
    told = document(found, subject.variants[0], limits)
    return Entry(payload={"missed": "", "told": told, "files": files(found, told)})


def _combined(
    climb: Climb, asked: Resilience, told: dict[str, Any], files: Mapping[str, str], seed: int
) -> Climb:
    area, period = told["area_um2"], told["period_ns"]
    whole = area["protected"] + area["memories_protected"]
    clock = min(climb.clock_mhz, climb.clock_mhz * period["unprotected"] / period["protected"])
    power = climb.power_mw * (1 + area["added_share"]) * clock / climb.clock_mhz
    told_by = f"protected for ASIL {asked.asil}, {told['variant']}"
    metrics = dict(climb.metrics)
    for name, value, note in (
        ("engine_cell_area_um2_measured", area["protected"], "mapped flat, manifest counted"),
        ("engine_macro_area_um2_estimated", area["memories_protected"], "memories"),
        ("engine_area_um2_estimated", whole, "mapped flat, manifest counted"),
        ("clock_mhz_modelled", clock, "the unprotected clock by the ratio of periods, both flat"),
        ("power_mw_modelled", power, "the unprotected power by the ratio of cell areas and clocks"),
    ):
        old = metrics[name]
        metrics[f"unprotected_{name}"] = old
        metrics[name] = replace(old, value=value, conditions=f"{told_by}; {note}")
    return replace(
        climb,
        metrics=Metrics(metrics) | _bounds(told, told_by, seed),
        area=whole,
        clock_mhz=clock,
        power_mw=power,
        files={**climb.files, **{f"protected/{name}": text for name, text in files.items()}},
    )


def _bounds(told: dict[str, Any], told_by: str, seed: int) -> Metrics:
    """Return the bounds that were judged, and what protection adds."""
    conditions = f"{told_by}; 95 % bound from {told['injections']:,} injections"
    figures = {
        _bound_name(m): Figure(
            value=m["bound"],
            unit="" if m["name"] == "SPFM" else "FIT",
            fidelity=Fidelity.MEASURED,
            tool="kiln-faults",
            seed=seed,
            conditions=f"{conditions}, rates assumed as in sim/faults/metrics/rates.toml",
        )
        for m in told["after"]
    }
    figures["protection_added_cell_area_measured"] = Figure(
        value=told["area_um2"]["added_share"],
        unit="",
        fidelity=Fidelity.MEASURED,
        tool="yosys",
        conditions=f"{told_by}; share of the unprotected standard cells, both mapped flat",
    )
    return Metrics(figures)


def _bound_name(metric: Mapping[str, Any]) -> str:
    """Return a column's name: of both kinds of sites together, or with the kind before it."""
    stem = {"SPFM": "spfm_lower_bound", "PMHF": "pmhf_upper_bound_fit"}[metric["name"]]
    group = metric["group"].replace(" ", "_")
    return f"{stem}_measured" if group == "both" else f"{group}_{stem}_measured"


@functools.cache
def _sources_digest() -> str:
    """Return the digest of our own code that decides what a hardening finds."""
    return tree_digest([_ROOT / folder for folder in _SOURCES], _SUFFIXES)
