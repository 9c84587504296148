"""Resilience as a rung of the ladder: a design counts as what it is once it is protected.

Its area and clock on the front are then those of the protected netlist, mapped (and routed, where
a router is), with its manifest counted; that the bounds of the ASIL hold was measured by injecting
into that netlist again.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from boards.cache import Cache, Entry, cache_key
from boards.flows import used
from boards.metrics import Fidelity, Figure, Metrics
from boards.target import Target
from boards.tools import require_tool
from hw.contracts import ConfigError, KilnError, tree_digest

from .ladder import TOP, Climb, OverBudgetError
from .protected_fpga import CONFIGURATION, on_fpga

__all__ = ["NotResilientError", "Resilience", "find_resilience", "protected_climb"]

_ROOT = Path(__file__).parents[2]
_SOURCES = ("boards/frozen", "boards/protect", "dse/harden", "hw/protect", "sim/faults")
_SUFFIXES = (".py", ".cpp", ".h", ".toml")
_LAYOUT = 2  # of what is kept of a hardening


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


def find_resilience(asil: str | None, block: str, liberty: str | Path | None) -> Resilience | None:
    """Return what an ASIL asks; `ConfigError` where protected designs cannot be measured."""
    if asil is None:
        return None
    from dse.harden.document import asil_limits

    asil_limits(asil)
    if block != "matrix":
        raise ConfigError(f"asil={asil!r} is for block='matrix'; leave it out for {block!r}")
    if liberty is not None:
        raise ConfigError(
            f"liberty={str(liberty)!r} with asil={asil!r}: protection is mapped to the built-in "
            "sky130 cells; leave one of them out"
        )
    return Resilience(asil=asil.upper())


def protected_climb(
    config: Any,
    climb: Climb,
    asked: Resilience,
    target: Target,
    *,
    seed: int,
    routings: int = 1,
    cache: Cache | None = None,
) -> Climb:
    """Return what was found of the design, with area, clock and power of the protected one.

    Raises
    ------
    ManifestError
        Synthesis or routing for an FPGA removed redundancy.
    NotResilientError
        The bounds do not hold after the last attempt, or the protected design is larger than the
        target.
    """
    has_blocks = target.family != "sky130"
    key = cache_key(
        verilog=climb.design.verilog,
        tools=[require_tool("yosys").identity],
        asked=repr(asked),
        seed=seed,
        sources=_sources_digest(),
        layout=_LAYOUT,
        **({"block_ram": True} if has_blocks else {}),
    )
    entry = (cache or Cache()).remember(
        "harden", key, lambda: _harden(config, asked, seed, has_blocks)
    )
    found = entry.payload
    if found["missed"]:
        raise NotResilientError(str(found["missed"]))
    climb = replace(climb, files={**climb.files, **_folder(found)})
    if not has_blocks:
        return _combined(climb, asked, found["told"], seed)
    told_by = _told_by(asked, found["told"])
    try:
        placed = on_fpga(climb, found, target, told_by, seed=seed, routings=routings, cache=cache)
    except OverBudgetError as error:
        sizes = ", ".join(
            f"{used(error.metrics, name):g} {name} of {target.available[name]:g}"
            for name in error.missed
        )
        raise NotResilientError(
            f"{told_by}, it takes {sizes} that {target.name} has; choose a smaller design or a "
            "larger --target"
        ) from error
    bounds = _bounds(found["told"], f"{told_by}; {CONFIGURATION}", seed)
    return replace(placed, metrics=placed.metrics | bounds)


def _folder(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of the protected design, which ``dse inject --design`` takes as a design."""
    written = {
        f"verilog/{name}" if name.endswith(".v") else name: text
        for name, text in {**found["files"], "config.toml": found["config"]}.items()
    }
    return {f"protected/{name}": text for name, text in written.items()}


def _told_by(asked: Resilience, told: Mapping[str, Any]) -> str:
    return f"protected for ASIL {asked.asil}, {told['variant']}"


def _harden(config: Any, asked: Resilience, seed: int, has_blocks: bool) -> Entry:
    """Harden a design; for families with block RAMs their registers are left to the memories."""
    from dse.designs import config_text
    from dse.harden import Budget, NoProtectionError, NotHardenedError, harden, matrix_target
    from dse.harden.document import asil_limits, document, files

    from .block_ram import with_block_ram

    limits = asil_limits(asked.asil, asked.pmhf_share)
    subject = matrix_target(config, TOP, seed=seed)
    budget = Budget(faults=asked.faults, seed=seed)
    try:
        found = harden(subject.variants, subject.structure, limits, budget, attempts=asked.attempts)
        if has_blocks:
            found = with_block_ram(found, subject.structure, limits, budget)
    except (NotHardenedError, NoProtectionError) as error:
        return Entry(payload={"missed": str(error)})
    told, last = document(found, subject.variants[0], limits), found.attempts[-1]
    kind = last.variant.name.removeprefix("checksum=").strip("'")
    ports = last.protected.netlist.ports
    return Entry(
        payload={
            "missed": "",
            "told": told,
            "files": files(found, told),
            "config": config_text(replace(config, checksum=kind) if kind else config, TOP),
            "ports": [[port.name, len(port.bits), port.is_input] for port in ports],
        }
    )


def _combined(climb: Climb, asked: Resilience, told: dict[str, Any], seed: int) -> Climb:
    area, period = told["area_um2"], told["period_ns"]
    whole = area["protected"] + area["memories_protected"]
    clock = min(climb.clock_mhz, climb.clock_mhz * period["unprotected"] / period["protected"])
    power = climb.power_mw * (1 + area["added_share"]) * clock / climb.clock_mhz
    told_by = _told_by(asked, told)
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
        metrics=Metrics(metrics) | _bounds(told, told_by, seed) | _added(told, told_by),
        area=whole,
        clock_mhz=clock,
        power_mw=power,
    )


def _bounds(told: dict[str, Any], told_by: str, seed: int) -> Metrics:
    """Return the bounds that were judged."""
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
    return Metrics(figures)


def _added(told: dict[str, Any], told_by: str) -> Metrics:
    return Metrics(
        protection_added_cell_area_measured=Figure(
            value=told["area_um2"]["added_share"],
            unit="",
            fidelity=Fidelity.MEASURED,
            tool="yosys",
            conditions=f"{told_by}; share of the unprotected standard cells, both mapped flat",
        )
    )


def _bound_name(metric: Mapping[str, Any]) -> str:
    """Return a column's name: of both kinds of sites together, or with the kind before it."""
    stem = {"SPFM": "spfm_lower_bound", "PMHF": "pmhf_upper_bound_fit"}[metric["name"]]
    group = metric["group"].replace(" ", "_")
    return f"{stem}_measured" if group == "both" else f"{group}_{stem}_measured"


@functools.cache
def _sources_digest() -> str:
    """Return the digest of our own code that decides what a hardening finds."""
    return tree_digest([_ROOT / folder for folder in _SOURCES], _SUFFIXES)
