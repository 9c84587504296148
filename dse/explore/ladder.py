"""The measurement ladder of one design: export, synthesis, clock, simulation, power."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from boards.cache import Cache, Entry, cache_key
from boards.flows import Count, SynthesisReport, median_clock, routing, synthesis, used
from boards.metrics import Fidelity, Figure, Metrics
from boards.netlist import read_netlist
from boards.power import PowerReport, asic_power, fpga_power, memory_power
from boards.target import Target
from boards.tools import require_tool
from dse.workloads import Trace
from hw.contracts import KilnError
from hw.export import ExportedDesign, export
from hw.matrix import MatrixConfig, MatrixJob
from sim.cosim import GemmCase, run_jobs

from .bench_sources import bench_digest
from .limits import AREA
from .reports import area_text, power_text, simulation_text, timing_text
from .tile import tile_cases

__all__ = [
    "TOP",
    "Climb",
    "Ladder",
    "OverBudgetError",
    "WrongDesignError",
    "figure",
    "measure_clock",
    "over_budget",
    "require_tools",
]

TOP = "kiln_matrix"
_SIMULATION = ("verilator", "cocotb", "c++", "make", "perl")


class WrongDesignError(KilnError):
    """The generated Verilog does not do what the models say: a bug of Kiln's, worth a report."""


class OverBudgetError(KilnError):
    """A design larger than its target: what synthesis found, and by how much it misses."""

    def __init__(self, metrics: Metrics, missed: Mapping[str, float]) -> None:
        self.metrics, self.missed = metrics, dict(missed)
        super().__init__("larger than the target; choose a smaller design or a larger --target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """How far one design came, and what was found.

    Parameters
    ----------
    design : ExportedDesign
        The Verilog.
    metrics : Metrics
        Area, clock, cycles and power, each with its provenance.
    area, clock_mhz, power_mw : float
        The figures that the model is corrected by.
    causes : dict
        Where the time of the trace goes, per operator.
    files : dict
        Tool logs and reports, by their place in the design folder.
    """

    design: ExportedDesign
    metrics: Metrics
    area: float
    clock_mhz: float
    power_mw: float
    causes: dict[str, Any]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Simulated:
    peak_share: float
    activity: dict[str, float]
    metrics: Metrics
    files: dict[str, str]


class Ladder:
    """Measures designs for one trace and target; every rung is cached by content.

    Parameters
    ----------
    target : Target
        Decides the rungs: routed where an open router exists, static timing otherwise.
    trace_of : callable
        Takes a configuration and returns its trace, of which a tile is simulated.
    causes : callable
        Takes a configuration and a clock in MHz, and returns where the time of the trace goes.
    seed : int
        Of the router and of the tile's operands.
    routings : int
        Seeds of the router, `seed` the first; the clock is their median.
    cache : Cache, optional
        The default cache if left out.
    liberty : Path, optional
        Cells to map to instead of the built-in sky130 table.
    """

    def __init__(
        self,
        target: Target,
        trace_of: Callable[[Any], Trace],
        causes: Callable[[Any, float], dict[str, Any]],
        *,
        seed: int = 0,
        routings: int = 1,
        cache: Cache | None = None,
        liberty: Path | None = None,
    ) -> None:
        self._target, self._trace_of, self._causes = target, trace_of, causes
        self._seed = seed
        self._routings = routings
        self._cache, self._liberty = cache or Cache(), liberty

    def climb(self, config: Any) -> Climb:
        """Measure one design.

        Raises
        ------
        OverBudgetError
            Synthesis found it larger than the target; nothing further was measured.
        ToolError
            A tool is missing, failed or ran out of time.
        WrongDesignError
            Simulation disagrees with the golden model or the cycle model.
        """
        design = export(config, TOP)
        area = synthesis(design, self._target, cache=self._cache, liberty=self._liberty)
        if missed := over_budget(area.metrics, self._target):
            raise OverBudgetError(area.metrics, missed)
        clock, files = measure_clock(
            design,
            area,
            self._target,
            seed=self._seed,
            routings=self._routings,
            cache=self._cache,
            liberty=self._liberty,
        )
        simulated = self._simulate(config, design)
        clock_mhz = min(figure(clock, "clock_mhz"), self._target.clock.max_mhz)
        causes = self._causes(config, clock_mhz)
        use = _peak_share(causes, config, clock_mhz) / simulated.peak_share
        watts = power_report(area, self._target, simulated.activity, self._liberty)
        power = _trace_power(watts, clock_mhz, use) | _memory_power(causes, self._target)
        return Climb(
            design=design,
            metrics=area.metrics | clock | simulated.metrics | power,
            area=used(area.metrics, AREA.get(self._target.family, "lut")),
            clock_mhz=clock_mhz,
            power_mw=figure(power, "power_mw"),
            causes=causes,
            files={
                "logs/synthesis.log": _text(area.log),
                "reports/area.csv": area_text(area),
                **files,
                **simulated.files,
                "reports/power.json": power_text(watts, clock_mhz),
            },
        )

    def _simulate(self, config: Any, design: ExportedDesign) -> _Simulated:
        """Run the tile; results must be bit-exact and take exactly the modelled cycles.

        Blocks that are not driven like the matrix engine are not simulated here: their own tests
        answer for them, and their switching is assumed.
        """
        if not isinstance(config, MatrixConfig):
            return _Simulated(peak_share=1.0, activity={}, metrics=Metrics(), files={})
        cases = tile_cases(config, self._trace_of(config), self._seed)
        shapes = [_shape(case) for case in cases]
        tool = require_tool("verilator")
        key = cache_key(
            verilog=design.verilog,
            tools=[tool.identity, require_tool("cocotb").identity],
            bench=bench_digest(),
            shapes=shapes,
            seed=self._seed,
        )
        entry = self._cache.remember("simulate", key, lambda: _run_tile(config, design, cases))
        cycles = [int(value) for value in entry.payload["cycles"]]
        modelled = [config.cycles(_job(case)).total for case in cases]
        if entry.payload["mismatches"] or cycles != modelled:
            raise WrongDesignError(
                f"simulation of {shapes} took {cycles} cycles, modelled {modelled}, with "
                f"{entry.payload['mismatches']} wrong results; report it with `dse doctor --json`"
            )
        pairs = sum(job.m * job.elements * job.n for job in map(_job, cases))
        tile = f"tile {shapes} (m, k, n), streams always willing"
        counted = Figure(
            value=sum(cycles),
            unit="cycles",
            fidelity=Fidelity.MEASURED,
            tool="verilator",
            version=tool.identity,
            seed=self._seed,
            conditions=f"{tile}; equals the cycle model",
            inputs=design.digest,
        )
        closed_form = Figure(
            value=sum(modelled),
            unit="cycles",
            fidelity=Fidelity.MODELLED,
            tool="kiln-cycles",
            conditions=f"{tile}; closed form",
        )
        return _Simulated(
            peak_share=pairs / (sum(cycles) * config.rows * config.cols),
            activity=entry.payload["activity"],
            files={
                "logs/simulation.log": _text(self._cache.log_path("simulate", key)),
                "reports/simulation.json": simulation_text(shapes, entry.payload),
            },
            metrics=Metrics(engine_cycles_measured=counted, engine_cycles_modelled=closed_form),
        )


def power_report(
    area: SynthesisReport,
    target: Target,
    activity: Mapping[str, float],
    liberty: Path | None = None,
) -> PowerReport:
    """Return the power of what was synthesised, at the activity of a simulation."""
    if target.family == "sky130":
        from boards.sky130 import library

        return asic_power(area.netlist, library(liberty), activity)
    modules = {
        name: {k: v * row["count"] for k, v in row.items() if k != "count"}
        for name, row in area.modules.items()
    }
    return fpga_power(target.family, modules, activity, device_lut=target.budget.get("lut"))


def _job(case: GemmCase) -> MatrixJob:
    job = case.job
    assert isinstance(job, MatrixJob)
    return job


def _shape(case: GemmCase) -> list[Any]:
    """Return a case as cache and reports name it: its shape, and the format where there is one."""
    job = case.job
    return [job.m, job.k, job.n, *([job.mode] if job.mode else [])]


def require_tools(target: Target) -> None:
    """Raise `ToolError` unless every tool that a measurement on `target` needs is usable."""
    router = (f"nextpnr-{target.family}",) if target.routing else ()
    for name in ("yosys", *router, *_SIMULATION):
        require_tool(name)


def measure_clock(
    design: ExportedDesign,
    area: SynthesisReport,
    target: Target,
    *,
    seed: int,
    routings: int = 1,
    cache: Cache | None = None,
    liberty: Path | None = None,
    count: Count | None = None,
    counts: dict[str, Any] | None = None,
) -> tuple[Metrics, dict[str, str]]:
    """Return the clock, routed or by static timing before layout, and its logs and reports.

    A design is routed with as many seeds as `routings` says; log and report are the median's.
    `liberty` is what `area` was mapped with, None for the built-in table. What `count` finds in
    each routed netlist goes to `counts`.
    """
    if target.routing is not None:
        seeds = range(seed + 1, seed + 1 + routings)
        runs = [routing(design, target, n, cache=cache, count=count) for n in seeds]
        if count and counts is not None:
            counts |= {f"routing, seed {n}": run.counts for n, run in zip(seeds, runs, strict=True)}
        clock = median_clock(run.metrics for run in runs)
        shown = runs[(clock["clock_mhz_measured"].seed or 0) - seed - 1]
        report = json.dumps(shown.report, indent=1) + "\n"
        return clock, {
            "logs/routing.log": _text(shown.log),
            "reports/routing.json": report,
        }
    netlist = read_netlist(area.netlist, design.top)
    if target.family == "sky130":
        from boards.sky130 import library
        from boards.sky130.blackboxes import bind_memories
        from boards.timing import analyse

        bound, cells, _ = bind_memories(netlist, library(liberty))
        timed = analyse(bound, cells)
        return timed.metrics(), {"reports/timing.txt": timing_text(timed)}
    from boards.timing.xcup import analyse_xcup, xcup_metrics

    timed = analyse_xcup(netlist)
    return xcup_metrics(timed), {"reports/timing.txt": timing_text(timed)}


def _run_tile(config: MatrixConfig, design: ExportedDesign, cases: list[GemmCase]) -> Entry:
    with tempfile.TemporaryDirectory(prefix="kiln-") as name:
        result = run_jobs(design, config, cases, activity=True, workdir=Path(name))
        log = _text(Path(name) / "simulation.log")
    return Entry(
        payload={
            "cycles": list(result.cycles),
            "mismatches": result.mismatches,
            "activity": result.activity or {},
        },
        log=log,
    )


def over_budget(metrics: Metrics, target: Target) -> dict[str, float]:
    """Return the log-ratio by which each resource of `target` that is exceeded is missed."""
    pairs = {name: (used(metrics, name), there) for name, there in target.available.items()}
    # One more of each, so that a resource of which there is none can be compared.
    return {
        name: float(np.log((taken + 1) / (there + 1)))
        for name, (taken, there) in pairs.items()
        if taken > there
    }


def _peak_share(causes: Mapping[str, Any], config: Any, clock_mhz: float) -> float:
    """Return the share of the array's peak that the whole trace uses, host time included."""
    if not isinstance(config, MatrixConfig):
        return 1.0
    pairs = sum(
        op["macs"] / config.numbers.lanes(op["format"])
        for op in causes["operators"]
        if op["block"] != "host"
    )
    seconds = sum(op["ms"] for op in causes["operators"]) / 1e3
    return float(pairs / (seconds * clock_mhz * 1e6 * config.rows * config.cols))


def _trace_power(report: PowerReport, clock_mhz: float, activity_scale: float) -> Metrics:
    """Return the power averaged over the trace: clocks run always, data moves when there is any.

    The tile's switching is scaled by the trace's use of the array over the tile's.
    """
    scale = min(1.0, activity_scale)
    energy = {
        cause: value if cause == "clock" else value * scale
        for cause, value in report.energy_pj.items()
    }
    kind = report.fidelity.value
    busy = report.metrics(clock_mhz)
    average = sum(energy.values()) * clock_mhz * 1e-3 + report.static_mw
    template = busy[f"power_mw_{kind}"]
    return Metrics(
        {
            f"tile_power_mw_{kind}": template,
            f"static_power_mw_{kind}": busy[f"static_power_mw_{kind}"],
            f"power_uncertainty_mw_{kind}": busy[f"power_uncertainty_mw_{kind}"],
            f"power_mw_{kind}": Figure(
                value=float(f"{average:.10g}"),
                unit="mW",
                fidelity=template.fidelity,
                tool=template.tool,
                version=template.version,
                seed=template.seed,
                conditions=f"{template.conditions}; engine only, averaged over the trace, "
                f"switching of the tile times {scale:.3f}",
                inputs=template.inputs,
            ),
        }
    )


def _memory_power(causes: Mapping[str, Any], target: Target) -> Metrics:
    """Return the power of the memory chips, averaged over the trace, host time included."""
    rows = causes.get("operators", ())
    seconds = sum(row["ms"] for row in rows) / 1e3
    return memory_power(target.memory.kind, sum(row["bytes"] for row in rows), seconds)


def figure(metrics: Metrics, stem: str) -> float:
    """Return the figure called `stem` of whatever fidelity it has."""
    for fidelity in (Fidelity.MEASURED, Fidelity.MODELLED, Fidelity.ESTIMATED):
        name = f"{stem}_{fidelity.value}"
        if name in metrics:
            return metrics[name].value
    raise KilnError(f"no figure {stem!r} was measured; run the same search again")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
