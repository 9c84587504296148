"""Flat synthesis beside the hierarchical sum: how far the area that every report prints is off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from boards.cache import Cache, Entry, cache_key
from boards.metrics import Metrics
from boards.netlist import read_netlist
from boards.sky130 import library
from boards.target import Target
from boards.tools import require_tool
from hw.contracts import ConfigError
from hw.export import ExportedDesign

from .families import FPGA_FAMILIES
from .flops import UNEXPLAINED, LostFlop, lost_flops
from .scripts import DESIGN_FILE, MAPPED_FILE, SOURCE_FILE, flat_script, source_text
from .synthesis import SYNTHESIS_LIMIT_S, Progress, area_figures, asic_files, run_yosys, synthesis

__all__ = ["FlatComparison", "compare_flat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatComparison:
    """Area of one design by both ways.

    Members
    -------
    hierarchical : Metrics
        ``engine_<resource>_measured``: every module once, times its instances.
    flat : Metrics
        ``flat_<resource>_measured``: flattened before mapping, the same script otherwise.
    lost : tuple of LostFlop
        Flip-flops that flat synthesis merges or removes; FPGA targets only.
    added : tuple of str
        Cells of flip-flops that only the flat netlist has; FPGA targets only.
    """

    hierarchical: Metrics
    flat: Metrics
    lost: tuple[LostFlop, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def unexplained(self) -> tuple[str, ...]:
        """Flip-flops that only one netlist has and nothing says why; none if all is well."""
        return (*(flop.name for flop in self.lost if flop.reason == UNEXPLAINED), *self.added)

    def error(self, resource: str) -> float:
        """Return the hierarchical sum over the flat figure, less one; 0 if there is none."""
        mine, flat = self._both(resource)
        return mine / flat - 1 if flat else mine

    def _both(self, resource: str) -> tuple[float, float]:
        return (
            self.hierarchical.value(f"engine_{resource}_measured", 0.0),
            self.flat.value(f"flat_{resource}_measured", 0.0),
        )


def compare_flat(
    design: ExportedDesign,
    target: Target,
    *,
    cache: Cache | None = None,
    timeout_s: float = SYNTHESIS_LIMIT_S,
    progress: Progress | None = None,
) -> FlatComparison:
    """Synthesise `design` flat as well, or recall that from the cache, and compare.

    Seconds for a 4x4 engine, half a minute for a 12x12 one.

    Raises
    ------
    ToolError
        Yosys is missing, failed or ran out of time.
    """
    cache = Cache() if cache is None else cache
    whole = synthesis(design, target, cache=cache, timeout_s=timeout_s, progress=progress)
    tool = require_tool("yosys")
    text = source_text(design.verilog)
    script = flat_script(target, design.top)
    extra = asic_files() if target.family == "sky130" else {}
    key = cache_key(verilog=text, tool=tool.identity, script=script, files=extra)

    def make() -> Entry:
        files = {DESIGN_FILE: text, **extra}
        outputs = (SOURCE_FILE, MAPPED_FILE)
        log, made = run_yosys(tool, script, files, outputs, timeout_s, progress)
        return Entry(payload={"top": design.top}, log=log, files=made)

    entry = cache.remember("flat", key, make)
    netlist = read_netlist(entry.files[MAPPED_FILE].decode(), design.top)
    if len(netlist.order) > 1:
        raise ConfigError(f"modules of {design.top!r} are marked to be kept; remove the attribute")
    cells = library() if target.family == "sky130" else None
    figures = area_figures(design, target, tool, netlist, cells)
    lost, added = _flops(design.top, target.family, whole.netlist, entry.files)
    return FlatComparison(
        hierarchical=whole.metrics, flat=_renamed(figures, target), lost=lost, added=added
    )


def _renamed(figures: Metrics, target: Target) -> Metrics:
    conditions = f"{target.name}; flattened before mapping"
    return Metrics(
        {
            name.replace("engine_", "flat_", 1): replace(figure, conditions=conditions)
            for name, figure in figures.items()
            if name.startswith("engine_")
        }
    )


def _flops(
    top: str, family: str, hierarchical: str, flat: Mapping[str, bytes]
) -> tuple[tuple[LostFlop, ...], tuple[str, ...]]:
    if family not in FPGA_FAMILIES:  # its cells hold inverted bits as well, which no name says
        return (), ()
    cells = FPGA_FAMILIES[family].cells
    source = {
        name: {net for net, about in module["netnames"].items() if not about["hide_name"]}
        for name, module in _modules(flat[SOURCE_FILE]).items()
    }
    return lost_flops(
        _modules(hierarchical),
        top,
        _modules(flat[MAPPED_FILE])[top],
        source,
        lambda name: "ff" in cells.get(name, {}),
    )


def _modules(netlist: str | bytes) -> dict[str, Any]:
    modules: dict[str, Any] = json.loads(netlist)["modules"]
    return modules
