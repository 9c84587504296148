"""What is measured of a design in a sweep: area by synthesis, clock by routing, energy of a cycle.

The tools' own files are not kept: a dataset has thousands of designs, and its folder is the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from boards.cache import Cache, Entry, cache_key
from boards.flows import routing, synthesis
from boards.metrics import Metrics
from boards.target import Target
from boards.tools import ToolError, require_tool
from dse.explore.ladder import power_report
from dse.explore.tile import draw_case
from hw.contracts import ConfigError, scratch_folder
from hw.export import ExportedDesign
from sim.cosim import run_jobs
from surrogates.data import DesignRecord, Measurement, module_name

__all__ = ["MEASURES", "Measure", "measurement_key"]

_AREA_LIMIT_S = 300.0
_CLOCK_LIMIT_S = 900.0
_POWER_MHZ = 100.0
"""Clock at which power is given; the energy of a cycle does not depend on it."""
_POWER_DEPTH = 64
"""Longest dot product simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A way to measure.

    Members
    -------
    takes : callable
        Whether it can be done on a target.
    generators : tuple of str
        What it can be done for; everything, if there is none.
    measure : callable
        Takes a design's record, its Verilog, a target and a seed; returns what was found.
    """

    takes: Callable[[Target], bool]
    measure: Callable[[DesignRecord, ExportedDesign, Target, int], Measurement]
    generators: tuple[str, ...] = ()

    def suits(self, generator: str, target: Target) -> bool:
        """Return whether designs of a generator can be measured on a target."""
        return self.takes(target) and generator in (self.generators or (generator,))


def measurement_key(kind: str, target: Target, seed: int) -> str:
    """Return `Measurement.key` of a measurement that is yet to be made."""
    return Measurement(
        design="", kind=kind, target=target.name, family=target.family, seed=seed
    ).key


def _area(record: DesignRecord, design: ExportedDesign, target: Target, seed: int) -> Measurement:
    """Return resources of the whole design and of each of its modules."""
    with _no_cache() as cache:
        found = synthesis(design, target, cache=cache, timeout_s=_AREA_LIMIT_S)
    modules = {module_name(name, design.top): row for name, row in found.modules.items()}
    return _measurement(record, "area", target, 0, found.metrics, modules)


def _clock(record: DesignRecord, design: ExportedDesign, target: Target, seed: int) -> Measurement:
    """Return the clock of one placement."""
    with _no_cache() as cache:
        found = routing(design, target, seed, cache=cache, timeout_s=_CLOCK_LIMIT_S)
    return _measurement(record, "clock", target, seed, found.metrics, {})


def _power(record: DesignRecord, design: ExportedDesign, target: Target, seed: int) -> Measurement:
    """Return the energy of a clock cycle while an engine runs a small job."""
    with _no_cache() as cache:
        area = synthesis(design, target, cache=cache, timeout_s=_AREA_LIMIT_S)
    report = power_report(area, target, _activity(design, seed))
    modules = {
        module_name(name, design.top): {
            "cycle_pj": energy / area.modules[name]["count"],
            "count": area.modules[name]["count"],
        }
        for name, energy in report.modules_pj.items()
    }
    return _measurement(record, "power", target, seed, report.metrics(_POWER_MHZ), modules)


def _activity(design: ExportedDesign, seed: int) -> dict[str, float]:
    """Return how often everything switches in a job of a few tiles, in every format; the record is
    small, and kept, as every target asks for it."""
    tool = require_tool("verilator")
    key = cache_key(
        verilog=design.verilog, config=repr(design.config), seed=seed, tool=tool.identity
    )

    def make() -> Entry:
        return Entry(payload=_simulated(design, seed))

    return dict(Cache().remember("activity", key, make).payload)


def _simulated(design: ExportedDesign, seed: int) -> dict[str, float]:
    config, rng = design.config, np.random.default_rng(seed)
    shape = (2 * config.rows, max(_POWER_DEPTH, 2 * config.rows), 2 * config.cols)
    cases = [draw_case(config, shape, mode, rng) for mode in config.formats or ("",)]
    with scratch_folder() as folder:
        result = run_jobs(design, config, cases, activity=True, cache=folder)
    if result.mismatches:
        raise ToolError(f"{config}: {result.mismatches} wrong results in simulation")
    return dict(result.activity or {})


@contextmanager
def _no_cache() -> Iterator[Cache]:
    with scratch_folder() as folder:
        yield Cache(folder)


def _measurement(
    record: DesignRecord,
    kind: str,
    target: Target,
    seed: int,
    metrics: Metrics,
    modules: Mapping[str, Mapping[str, float]],
) -> Measurement:
    figures = {name: f.value for name, f in metrics.items() if not name.startswith("total_")}
    tools = {figure.tool: figure.version for figure in metrics.values()}
    return Measurement(
        design=record.digest, kind=kind, target=target.name, family=target.family,
        figures=figures, modules=modules, seed=seed, tools=tools,
    )  # fmt: skip


def _kept(kind: str, measure: Callable[..., Measurement]) -> Callable[..., Measurement]:
    """Return a measure that keeps why there is no figure: too large for the part is a result.

    What a tool did not finish is none: on another machine, or a quieter one, it does.
    """

    def measured(
        record: DesignRecord, design: ExportedDesign, target: Target, seed: int
    ) -> Measurement:
        try:
            return measure(record, design, target, seed)
        except ConfigError as error:
            return Measurement(
                design=record.digest, kind=kind, target=target.name, family=target.family,
                seed=seed, error=str(error).splitlines()[0],
            )  # fmt: skip

    return measured


MEASURES = {
    "power": Measure(
        takes=lambda target: True,
        measure=_kept("power", _power),
        generators=("matrix", "mixed"),  # a job is known of them alone
    ),
    "area": Measure(takes=lambda target: True, measure=_kept("area", _area)),
    "clock": Measure(
        takes=lambda target: target.routing is not None, measure=_kept("clock", _clock)
    ),
}
