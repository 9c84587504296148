"""A protected design on an FPGA: mapped, routed where a router is, its redundancy counted twice.

What is chosen and injected is the same netlist for every target. Only flip-flops and memories of
the design count, and its logic as sky130 gates: the FPGA's configuration memory, which holds what
the logic is, has far more bits, and no fault of it is injected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from boards.cache import Cache
from boards.flows import SynthesisReport, synthesis, used
from boards.metrics import Figure, Metrics
from boards.netlist import read_netlist
from boards.protect import Manifest, check_manifest
from boards.protect.routed import routed_count
from boards.target import Target
from hw.export import ExportedDesign, ExportedModule, Port

from .ladder import TOP, Climb, OverBudgetError, measure_clock, over_budget
from .reports import area_text

__all__ = ["CONFIGURATION", "on_fpga"]

CONFIGURATION = (
    "only flip-flops and memories of the design are counted, and its logic as sky130 gates, at the "
    "rates of sim/faults/metrics/rates.toml, which has none of an FPGA's fabric: assumed to be "
    "those of any flip-flop, memory bit and gate. Upsets of the FPGA's configuration memory, which "
    "are more, are not: no ASIL of the part follows without scrubbing and figures for it"
)
_SCALED = ("lut", "ff", "dsp", "bram", "carry", "lutram", "spram", "uram")


def on_fpga(
    climb: Climb,
    payload: Mapping[str, Any],
    target: Target,
    told_by: str,
    *,
    seed: int,
    routings: int = 1,
    cache: Cache | None = None,
) -> Climb:
    """Return what was found of a design, with area, clock and power of the protected one.

    Parameters
    ----------
    payload : mapping
        Its files and ports, as hardening kept them.

    Raises
    ------
    ManifestError
        Synthesis or routing removed redundancy.
    OverBudgetError
        The protected design is larger than the target.
    """
    files = payload["files"]
    manifest = Manifest.from_json(files["manifest.json"])
    design = _design(files[f"{TOP}.v"], payload["ports"])
    area = synthesis(design, target, cache=cache)
    counts = {"synthesis": check_manifest(read_netlist(area.netlist, TOP), manifest)}
    if missed := over_budget(area.metrics, target):
        raise OverBudgetError(area.metrics, missed)
    is_counted = target.routing is not None and target.family == "ecp5"
    clock, logs = measure_clock(
        design,
        area,
        target,
        seed=seed,
        routings=routings,
        cache=cache,
        count=routed_count(manifest, TOP) if is_counted else None,
        counts=counts,
    )
    mhz = min(_value(clock, "clock_mhz"), target.clock.max_mhz)
    watts = _power(climb, area, mhz)
    found = {**area.metrics, **clock, **watts}
    metrics = dict(climb.metrics)
    for name, figure in found.items():
        if name in metrics:
            metrics[f"unprotected_{name}"] = metrics[name]
        metrics[name] = replace(figure, conditions=f"{told_by}; {figure.conditions}")
    shown = {"target": target.name, "manifest": counts, "counted": CONFIGURATION}
    return replace(
        climb,
        metrics=Metrics(metrics) | _added(climb, area, told_by),
        area=used(area.metrics, "lut"),
        clock_mhz=mhz,
        power_mw=_value(Metrics(watts), "power_mw"),
        files={
            **climb.files,
            **{f"protected/{name}": text for name, text in logs.items()},
            "protected/reports/area.csv": area_text(area),
            "protected/counted.json": json.dumps(shown, indent=1) + "\n",
        },
    )


def _design(verilog: str, ports: list[tuple[str, int, bool]]) -> ExportedDesign:
    module = ExportedModule(name=TOP, verilog=verilog, count=1, children={})
    listed = tuple(Port(name=n, width=width, is_input=way) for n, width, way in ports)
    return ExportedDesign(top=TOP, modules=(module,), ports=listed, config=None)


def _value(metrics: Mapping[str, Figure], stem: str) -> float:
    return next(f.value for n, f in metrics.items() if n.rpartition("_")[0] == stem)


def _power(climb: Climb, area: SynthesisReport, mhz: float) -> dict[str, Figure]:
    """Return the power: static as it was, the rest by the ratio of LUTs and clocks."""
    share = used(area.metrics, "lut") / max(1.0, used(climb.metrics, "lut"))
    static = climb.metrics.value("static_power_mw_estimated", 0.0)
    name = "power_mw_estimated"
    old = climb.metrics[name]
    value = static + (old.value - static) * share * mhz / climb.clock_mhz
    said = "the unprotected power, what is not static by the ratio of LUTs and of clocks"
    return {name: replace(old, value=value, conditions=said)}


def _added(climb: Climb, area: SynthesisReport, told_by: str) -> Metrics:
    """Return the share of each resource that protection adds."""
    figures = {}
    for name in _SCALED:
        column = f"engine_{name}_measured"
        if column in area.metrics and climb.metrics.value(column, 0.0):
            before, after = climb.metrics[column].value, area.metrics[column]
            figures[f"protection_added_{name}_measured"] = replace(
                after,
                value=after.value / before - 1,
                unit="",
                conditions=f"{told_by}; share of the unprotected design's",
            )
    return Metrics(figures)
