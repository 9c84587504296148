"""Clock by nextpnr: the mapped netlist flattened, placed and routed under stated conditions."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from boards.cache import Cache, Entry, cache_key
from boards.metrics import Fidelity, Figure, Metrics
from boards.pool import run_tool
from boards.target import Routing, Target
from boards.tools import ToolError, ToolStatus, require_tool
from hw.contracts import ConfigError, scratch_folder
from hw.export import ExportedDesign

from .harness import HARNESS_FILE, HARNESS_TOP, harness
from .prepare import prepared
from .scripts import FLAT_FILE, MAPPED_FILE, flatten_script
from .synthesis import Progress, run_yosys, synthesis, used

__all__ = ["Count", "RoutingReport", "check_fits", "median_clock", "route", "routing"]

ROUTING_LIMIT_S = 1800.0
REPORT_FILE = "report.json"
_ROUTED_FILE = "routed.json"

# nextpnr's default, named so that it is part of the conditions. Measured on engines of ours: its
# `static` placer takes 1.6 times as long on a 4x4 one and as long on an 8x8 one, for a lower clock;
# `--no-tmdriv` saves a tenth of the time and loses a third of the clock; without the router's
# clean-up passes nothing is saved.
_PLACER = "heap"

# nextpnr's names of what is used, and ours. Logic cells of the iCE40 hold the harness as well.
_USED = {
    "ecp5": {"TRELLIS_FF": "ff", "MULT18X18D": "dsp", "DP16KD": "bram"},
    "ice40": {"ICESTORM_DSP": "dsp", "ICESTORM_RAM": "bram", "ICESTORM_SPRAM": "spram"},
}
# Its report counts cells after packing, carry feed-ins included; LUTs are in its log (ECP5 only).
_LUTS = re.compile(r"Total LUT4s:\s+(\d+)/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What is counted in a routed netlist.

    Members
    -------
    key : str
        Everything that the counts depend on, beside the netlists.
    of : callable
        Takes the netlist that the router was given and the one that it wrote, both as JSON, and
        returns the counts. What it raises ends the routing.
    """

    key: str
    of: Callable[[bytes, bytes], dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingReport:
    """What place and route found.

    Members
    -------
    metrics : Metrics
        ``clock_mhz_measured`` and ``routed_<resource>_measured``.
    counts : mapping of str to int
        What was counted in the routed netlist, if anything was to be.
    report : mapping
        nextpnr's own report: critical paths, utilisation.
    log : Path
        What nextpnr printed.
    """

    metrics: Metrics
    report: Mapping[str, Any]
    log: Path
    counts: Mapping[str, int] = field(default_factory=dict)


def route(
    design: ExportedDesign,
    target: Target,
    seed: int = 1,
    *,
    cache: Cache | None = None,
    timeout_s: float = ROUTING_LIMIT_S,
    progress: Progress | None = None,
) -> Metrics:
    """Return `routing(...)`'s metrics: the clock of `design` on `target`."""
    return routing(
        design, target, seed, cache=cache, timeout_s=timeout_s, progress=progress
    ).metrics


def routing(
    design: ExportedDesign,
    target: Target,
    seed: int = 1,
    *,
    cache: Cache | None = None,
    timeout_s: float = ROUTING_LIMIT_S,
    progress: Progress | None = None,
    count: Count | None = None,
) -> RoutingReport:
    """Place and route `design` on `target`, synthesising it first, or recall that from the cache.

    Parameters
    ----------
    design : ExportedDesign
        Verilog with every module once.
    target : Target
        One with routing conditions.
    seed : int
        nextpnr's seed.
    cache : Cache or None
        The default cache if None.
    timeout_s : float
        Limit for each tool.
    progress : callable or None
        Given each line that a tool prints.
    count : Count or None
        What is counted in the routed netlist.

    Raises
    ------
    ConfigError
        No open router for the target, or a design larger than the part.
    ToolError
        A tool is missing, failed or ran out of time.
    """
    if target.routing is None:
        raise ConfigError(
            f"target {target.name!r} has no open router; leave out the rung `route` for it"
        )
    cache = Cache() if cache is None else cache
    mapped = synthesis(design, target, cache=cache, timeout_s=timeout_s, progress=progress)
    check_fits(mapped.metrics, target)
    router = require_tool(f"nextpnr-{target.family}")
    options = _options(target, target.routing, seed)
    flat = _Flat(design, target.routing, mapped.netlist)
    key = cache_key(
        netlist=mapped.netlist,
        script=flat.script,
        files=flat.files,
        tool=router.identity,
        options=options,
        **({"count": count.key} if count else {}),
    )

    def make() -> Entry:
        netlist = flat.netlist(timeout_s, progress)
        prepared(router.name, progress)
        return _run(router, options, netlist, timeout_s, progress, count)

    entry = cache.remember("route", key, make)
    return RoutingReport(
        metrics=_metrics(entry, design, target, router, seed, options),
        report={name: value for name, value in entry.payload.items() if name != "counts"},
        log=cache.log_path("route", key),
        counts=entry.payload.get("counts", {}),
    )


def median_clock(runs: Iterable[Metrics]) -> Metrics:
    """Return the run with the median clock, of runs with different seeds, and their spread.

    The clock is the median of all, marked so; lowest and highest stand beside it. A single run is
    returned as it is, marked as one seed.
    """
    ordered = sorted(runs, key=lambda metrics: metrics.value("clock_mhz_measured"))
    if len(ordered) == 1:
        return ordered[0]
    middle = ordered[(len(ordered) - 1) // 2]
    clock = middle["clock_mhz_measured"]
    clocks = [run["clock_mhz_measured"] for run in ordered]
    value = statistics.median(found.value for found in clocks)
    seeds = ", ".join(f"{found.seed} ({found.value:.1f} MHz)" for found in clocks)
    shared = clock.conditions.replace(f" --seed {clock.seed}", "").replace("; one seed", "")
    shown = replace(clock, value=value, conditions=f"{shared}; median of seeds {seeds}")
    return middle.merge(
        {
            "clock_mhz_measured": shown,
            "clock_min_mhz_measured": replace(clocks[0], conditions=f"{shared}; lowest of seeds"),
            "clock_max_mhz_measured": replace(clocks[-1], conditions=f"{shared}; highest of seeds"),
        }
    )


def check_fits(metrics: Metrics, target: Target) -> None:
    """Refuse a design that is larger than the whole part."""
    for name, budget in target.budget.items():
        if used(metrics, name) > budget:
            raise ConfigError(
                f"the design takes {used(metrics, name):g} {name}, {target.name} has {budget:g}; "
                "choose fewer rows or columns, or smaller buffers"
            )


class _Flat:
    """The flat netlist: how it is made, from what."""

    def __init__(self, design: ExportedDesign, routing: Routing, mapped: str) -> None:
        registered = routing.harness == "registered"
        self.files = {HARNESS_FILE: harness(design)} if registered else {}
        self.script = flatten_script(HARNESS_TOP if registered else design.top, *self.files)
        self._mapped = mapped

    def netlist(self, timeout_s: float, progress: Progress | None) -> bytes:
        inputs = {MAPPED_FILE: self._mapped, **self.files}
        yosys = require_tool("yosys")
        _, outputs = run_yosys(yosys, self.script, inputs, (FLAT_FILE,), timeout_s, progress)
        return outputs[FLAT_FILE]


def _options(target: Target, routing: Routing, seed: int) -> list[str]:
    """Return nextpnr's options; together they are the conditions of the figure."""
    options = [f"--{routing.device}", "--package", routing.package]
    if routing.speed:
        options += ["--speed", routing.speed]
    if routing.harness == "out-of-context":
        options += ["--out-of-context"]
    else:
        options += ["--pcf-allow-unconstrained"]
    options += ["--placer", _PLACER, "--freq", f"{target.clock.request_mhz:g}"]
    return [*options, "--seed", str(seed), "--timing-allow-fail"]


def _run(
    router: ToolStatus,
    options: list[str],
    netlist: bytes,
    timeout_s: float,
    progress: Progress | None,
    count: Count | None,
) -> Entry:
    files = ["--json", FLAT_FILE, "--report", REPORT_FILE]
    files += ["--write", _ROUTED_FILE] if count else []
    with scratch_folder() as folder:
        (folder / FLAT_FILE).write_bytes(netlist)
        run = run_tool(
            router.name,
            [*router.command, *options, *files],
            folder=folder,
            timeout_s=timeout_s,
            progress=progress,
        )
        report = json.loads((folder / REPORT_FILE).read_text("utf-8"))
        if count:
            report["counts"] = count.of(netlist, (folder / _ROUTED_FILE).read_bytes())
    report.pop("detailed_net_timings", None)
    return Entry(payload=report, log=run.log)


def _metrics(
    entry: Entry,
    design: ExportedDesign,
    target: Target,
    router: ToolStatus,
    seed: int,
    options: list[str],
) -> Metrics:
    report = entry.payload
    if not report["fmax"]:
        raise ToolError(
            f"{router.name} found no path between registers in {design.top!r}; add a register"
        )
    achieved = min(clock["achieved"] for clock in report["fmax"].values())
    limited = achieved > target.clock.max_mhz
    conditions = " ".join(option for option in options if option != "--timing-allow-fail")
    note = f"{conditions}; one seed" + ("; limited by the clock network" if limited else "")

    def figure(value: float, unit: str) -> Figure:
        return Figure(
            value=value,
            unit=unit,
            fidelity=Fidelity.MEASURED,
            tool=router.name,
            version=router.identity,
            seed=seed,
            conditions=note,
            inputs=design.digest,
        )

    figures = {"clock_mhz_measured": figure(min(achieved, target.clock.max_mhz), "MHz")}
    for theirs, ours in _USED[target.family].items():
        taken = report["utilization"].get(theirs, {}).get("used", 0)
        figures[f"routed_{ours}_measured"] = figure(taken, theirs)
    if luts := _LUTS.search(entry.log):
        figures["routed_lut_measured"] = figure(int(luts[1]), "LUT")
    return Metrics(figures)
