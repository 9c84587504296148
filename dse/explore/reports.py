"""What the rungs found, in detail, as files of a design folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from boards.flows import SynthesisReport
from boards.power import PowerReport
from boards.timing import TimingReport
from dse.results import rows_to_csv

__all__ = ["area_text", "power_text", "simulation_text", "timing_text"]


def area_text(area: SynthesisReport) -> str:
    """Return CSV: own resources of one instance of each module, and how many instances there are.

    Count times resources, summed up, is the engine's area; memory macros of an ASIC are in its
    metrics alone.
    """
    rows = [{"module": name, **row} for name, row in area.modules.items()]
    return rows_to_csv(rows)


def timing_text(timed: TimingReport) -> str:
    """Return the longest path of each kind, and that between registers step by step, in ns."""
    kinds = ("register", "input", "output", "through")
    lines = [f"{kind:>10}  {getattr(timed, f'{kind}_ns'):8.3f} ns" for kind in kinds]
    lines += [
        f"{'period':>10}  {timed.period_ns:8.3f} ns",
        "",
        "  delay ns    sum ns  place (cell)",
    ]
    total = 0.0
    for step in timed.path:
        total += step.delay_ns
        lines.append(f"{step.delay_ns:10.3f}{total:10.3f}  {step.place} ({step.cell})")
    return "\n".join([*lines, ""])


def power_text(power: PowerReport, clock_mhz: float) -> str:
    """Return JSON: the energy of a cycle by cause and by module while the tile runs, in pJ."""
    found = {
        "clock_mhz": clock_mhz,
        "fidelity": power.fidelity.value,
        "conditions": f"{power.conditions}; while the simulated tile runs",
        "power_mw": power.power_mw(clock_mhz),
        "power_uncertainty_mw": power.sigma_mw(clock_mhz),
        "static_mw": power.static_mw,
        "cycle_energy_pj": dict(power.energy_pj),
        "relative_uncertainty": dict(power.uncertainty),
        "cycle_energy_pj_by_module": dict(power.modules_pj),
    }
    return json.dumps(found, indent=1) + "\n"


def simulation_text(shapes: Sequence[Sequence[Any]], found: Mapping[str, Any]) -> str:
    """Return JSON: products of the tile, cycles of each, wrong results, toggles per cycle."""
    products = [
        dict(zip(("m", "k", "n", "format"), shape, strict=False)) | {"cycles": cycles}
        for shape, cycles in zip(shapes, found["cycles"], strict=True)
    ]
    return (
        json.dumps(
            {
                "products": products,
                "wrong_results": found["mismatches"],
                "activity": found["activity"],
            },
            indent=1,
        )
        + "\n"
    )
