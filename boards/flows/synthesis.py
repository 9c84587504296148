"""Area by Yosys: every unique module mapped once, its cells times its number of instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from boards.cache import Cache, Entry, cache_key
from boards.liberty import Library
from boards.metrics import Fidelity, Figure, Metrics
from boards.netlist import Netlist, read_netlist
from boards.pool import run_tool
from boards.sky130 import liberty_text, library
from boards.sky130.blackboxes import bind_memories
from boards.sky130.mapping import ABC_AREA
from boards.target import Target
from boards.tools import ToolStatus, require_tool
from hw.contracts import scratch_folder
from hw.export import ExportedDesign

from .families import FPGA_FAMILIES, UNITS, resources
from .scripts import (
    ABC_FILE,
    DESIGN_FILE,
    LIBERTY_FILE,
    MAPPED_FILE,
    SCRIPT_FILE,
    source_text,
    synthesis_script,
)

__all__ = [
    "SynthesisReport",
    "area_figures",
    "asic_files",
    "run_yosys",
    "synthesis",
    "synthesize",
    "used",
]

Progress = Callable[[str], None]
SYNTHESIS_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisReport:
    """What synthesis found.

    Members
    -------
    metrics : Metrics
        ``engine_<resource>_measured`` and, with the target's reserve added,
        ``total_<resource>_incl_reserve``.
    modules : mapping of str to mapping
        Own resources of one instance of each module (children left out), and its ``count``.
    netlist : str
        Mapped, hierarchical netlist in Yosys's JSON.
    log : Path
        What Yosys printed.
    """

    metrics: Metrics
    modules: Mapping[str, Mapping[str, float]]
    netlist: str = field(repr=False)
    log: Path


def synthesize(
    design: ExportedDesign,
    target: Target,
    *,
    cache: Cache | None = None,
    liberty: Path | None = None,
    timeout_s: float = SYNTHESIS_LIMIT_S,
    progress: Progress | None = None,
) -> Metrics:
    """Return `synthesis(...)`'s metrics: the area of `design` on `target`."""
    return synthesis(
        design, target, cache=cache, liberty=liberty, timeout_s=timeout_s, progress=progress
    ).metrics


def synthesis(
    design: ExportedDesign,
    target: Target,
    *,
    cache: Cache | None = None,
    liberty: Path | None = None,
    timeout_s: float = SYNTHESIS_LIMIT_S,
    progress: Progress | None = None,
) -> SynthesisReport:
    """Map `design` to the cells of `target`, or recall that from the cache.

    Parameters
    ----------
    design : ExportedDesign
        Verilog with every module once.
    target : Target
        Family and requested period; its reserve is added in figures of their own.
    cache : Cache or None
        The default cache if None.
    liberty : Path or None
        Another Liberty file than the built-in table, for ``sky130``.
    timeout_s : float
        Limit for Yosys.
    progress : callable or None
        Given each line that Yosys prints.

    Raises
    ------
    ToolError
        Yosys is missing, failed or ran out of time.
    """
    cache = Cache() if cache is None else cache
    tool = require_tool("yosys")
    text = source_text(design.verilog)
    script = synthesis_script(target, design.top)
    extra = asic_files(liberty) if target.family == "sky130" else {}
    key = cache_key(verilog=text, tool=tool.identity, script=script, files=extra)

    def make() -> Entry:
        files = {DESIGN_FILE: text, **extra}
        log, outputs = run_yosys(tool, script, files, (MAPPED_FILE,), timeout_s, progress)
        return Entry(payload={"top": design.top}, log=log, files=outputs)

    entry = cache.remember("synth", key, make)
    netlist = entry.files[MAPPED_FILE].decode()
    cells = library(liberty) if target.family == "sky130" else None
    figures = _Figures(design, target, tool, read_netlist(netlist, design.top), cells)
    return SynthesisReport(
        metrics=figures.fpga() if cells is None else figures.asic(cells),
        modules=figures.modules(cells),
        netlist=netlist,
        log=cache.log_path("synth", key),
    )


def used(metrics: Mapping[str, Figure], resource: str) -> float:
    """Return what the engine takes of `resource`, measured or, with macros in it, estimated."""
    for fidelity in (Fidelity.MEASURED, Fidelity.ESTIMATED):
        if (figure := metrics.get(f"engine_{resource}_{fidelity}")) is not None:
            return figure.value
    return 0.0


def run_yosys(
    tool: ToolStatus,
    script: list[str],
    inputs: Mapping[str, str],
    outputs: tuple[str, ...],
    timeout_s: float,
    progress: Progress | None = None,
) -> tuple[str, dict[str, bytes]]:
    """Run `script` in a fresh folder that holds `inputs`; return its log and the output files."""
    with scratch_folder() as folder:
        for path, text in {**inputs, SCRIPT_FILE: "\n".join(script)}.items():
            (folder / path).write_text(text, "utf-8")
        run = run_tool(
            "yosys",
            [*tool.command, SCRIPT_FILE],
            folder=folder,
            timeout_s=timeout_s,
            progress=progress,
        )
        return run.log, {path: (folder / path).read_bytes() for path in outputs}


def area_figures(
    design: ExportedDesign,
    target: Target,
    tool: ToolStatus,
    netlist: Netlist,
    cells: Library | None = None,
) -> Metrics:
    """Return the area of `netlist`, made of `design`; `cells` for ASIC targets."""
    figures = _Figures(design, target, tool, netlist, cells)
    return figures.fpga() if cells is None else figures.asic(cells)


def _cell_area(cells: Library, own: Mapping[str, int]) -> float:
    return sum(cells.cells[name].area_um2 * n for name, n in own.items() if name in cells.cells)


def asic_files(liberty: Path | None = None) -> dict[str, str]:
    """Return the files that mapping to sky130 needs, by name."""
    return {LIBERTY_FILE: liberty_text(liberty), ABC_FILE: ABC_AREA + "\n"}


class _Figures:
    """From a mapped netlist to figures with their provenance."""

    def __init__(
        self,
        design: ExportedDesign,
        target: Target,
        tool: ToolStatus,
        netlist: Netlist,
        cells: Library | None = None,
    ) -> None:
        self.design, self.target, self.tool, self.netlist = design, target, tool, netlist
        self.mapped_to = f"; cells: {cells.source} {cells.digest[:12]}" if cells else ""

    def fpga(self) -> Metrics:
        """Return the blocks taken, with and without the reserve."""
        found = resources(FPGA_FAMILIES[self.target.family], self.netlist.cell_counts)
        wanted = {*self.target.budget, *found}
        figures = {
            f"engine_{name}_measured": self._figure(found[name], UNITS[name], Fidelity.MEASURED)
            for name in UNITS
            if name in wanted
        }
        return self._with_reserve(figures)

    def asic(self, cells: Library) -> Metrics:
        """Return the area of mapped cells (measured) and of memory macros (from a table)."""
        bound, known, macros = bind_memories(self.netlist, cells)
        area = {n: known.cells[n].area_um2 * count for n, count in bound.cell_counts.items()}
        inside = sum(area[name] for name in macros)
        figures = {
            "engine_cell_area_um2_measured": self._figure(
                sum(area.values()) - inside, "um2", Fidelity.MEASURED
            ),
            "engine_cells_measured": self._figure(
                bound.cell_counts.total() - sum(bound.cell_counts[name] for name in macros),
                "cell",
                Fidelity.MEASURED,
            ),
        }
        if macros:
            figures["engine_macro_area_um2_estimated"] = self._figure(
                inside, "um2", Fidelity.ESTIMATED
            )
        whole = Fidelity.ESTIMATED if macros else Fidelity.MEASURED
        figures[f"engine_area_um2_{whole}"] = self._figure(sum(area.values()), "um2", whole)
        return self._with_reserve(figures)

    def modules(self, cells: Library | None) -> dict[str, dict[str, float]]:
        """Return the own resources of one instance of each module, and its count."""
        rows: dict[str, dict[str, float]] = {}
        for name, count in self.netlist.module_counts.items():
            own = self.netlist.modules[name].counts
            row: dict[str, float]
            if cells is None:
                row = {**resources(FPGA_FAMILIES[self.target.family], own)}
            else:
                row = {"area_um2": _cell_area(cells, own)}
            rows[name] = {**row, "count": count}
        return rows

    def _with_reserve(self, figures: dict[str, Figure]) -> Metrics:
        for name in self.target.budget:
            reserve = self.target.reserve.get(name, 0)
            unit = UNITS.get(name, "um2")
            total = used(figures, name) + reserve
            note = f"{self.target.reserve_note} ({reserve:g} {unit}) reserved, not measured"
            figures[f"total_{name}_incl_reserve"] = self._figure(
                total, unit, Fidelity.RESERVED, note
            )
        return Metrics(figures)

    def _figure(self, value: float, unit: str, fidelity: Fidelity, note: str = "") -> Figure:
        whole = int(value) if float(value).is_integer() else value
        conditions = f"{self.target.name}; per unique module times instances{self.mapped_to}"
        return Figure(
            value=whole,
            unit=unit,
            fidelity=fidelity,
            tool="yosys",
            version=self.tool.identity,
            conditions=f"{conditions}; {note}" if note else conditions,
            inputs=self.design.digest,
        )
