"""What is measured of a design in a sweep: area by synthesis, clock by routing.

The tools' own files are not kept: a dataset has thousands of designs, and its folder is the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from boards.cache import Cache
from boards.flows import routing, synthesis
from boards.metrics import Metrics
from boards.pool import stopping
from boards.target import Target
from boards.tools import ToolError
from hw.contracts import ConfigError, scratch_folder
from hw.export import ExportedDesign
from surrogates.data import DesignRecord, Measurement, module_name

__all__ = ["MEASURES", "Measure", "measurement_key"]

_AREA_LIMIT_S = 300.0
_CLOCK_LIMIT_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A way to measure.

    Members
    -------
    takes : callable
        Whether it can be done on a target.
    measure : callable
        Takes a design's record, its Verilog, a target and a seed; returns what was found.
    """

    takes: Callable[[Target], bool]
    measure: Callable[[DesignRecord, ExportedDesign, Target, int], Measurement]


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
    """Return a measure that keeps why there is no figure: too large for the part is a result."""

    def measured(
        record: DesignRecord, design: ExportedDesign, target: Target, seed: int
    ) -> Measurement:
        try:
            return measure(record, design, target, seed)
        except (ConfigError, ToolError) as error:
            if stopping():  # then the tool was killed
                raise
            return Measurement(
                design=record.digest, kind=kind, target=target.name, family=target.family,
                seed=seed, error=str(error).splitlines()[0],
            )  # fmt: skip

    return measured


MEASURES = {
    "area": Measure(takes=lambda target: True, measure=_kept("area", _area)),
    "clock": Measure(
        takes=lambda target: target.routing is not None, measure=_kept("clock", _clock)
    ),
}
