"""What a hardening found, as plain data: for files, tables and the search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, make_folder, write_atomic
from sim.faults.metrics import Metric
from sim.faults.metrics.asil import ITEM_PMHF_FIT, LEVELS, SPFM_LEAST

from .choice import Limits
from .loop import Hardened, Variant

__all__ = ["asil_limits", "document", "files", "write"]


def asil_limits(asil: str, pmhf_share: float = 1.0) -> Limits:
    """Return what an ASIL asks of a block that may take `pmhf_share` FIT of the item's 10."""
    level = asil.upper()
    if level not in LEVELS:
        raise ConfigError(f"asil={asil!r} is not known; use {', '.join(LEVELS)}")
    if not 0 < pmhf_share <= ITEM_PMHF_FIT["D"]:
        raise ConfigError(f"pmhf_share={pmhf_share}: use more than 0 and 10 FIT at most")
    most = pmhf_share * ITEM_PMHF_FIT[level] / ITEM_PMHF_FIT["D"]
    return Limits(spfm=SPFM_LEAST[level], pmhf_fit=most)


def document(found: Hardened, base: Variant, limits: Limits) -> dict[str, Any]:
    """Return limits, choice, and figures before and after."""
    last = found.attempts[-1]
    return {
        "limits": {"spfm": limits.spfm, "pmhf_fit": limits.pmhf_fit},
        "attempts": len(found.attempts),
        "variant": last.variant or "as it is",
        "chosen": {name: option.name for name, option in last.chosen.options.items()},
        "area_um2": {
            "unprotected": base.area_um2,
            "protected": last.mapped.area_um2,
            "added_share": last.added(base.area_um2),
            "memories_unprotected": base.macro_area_um2,
            "memories_protected": last.mapped.macro_area_um2,
        },
        "period_ns": {"unprotected": base.period_ns, "protected": last.mapped.period_ns},
        "greedy_area_um2": last.hasty.area_um2 if last.hasty else None,
        "chosen_area_um2": last.chosen.area_um2,
        "before": _metrics(found.base.metrics),
        "after": _metrics(last.metrics),
        "injections": found.base.injections + sum(a.measured.injections for a in found.attempts),
    }


def files(found: Hardened, told: dict[str, Any]) -> dict[str, str]:
    """Return the files of a protected design by name."""
    made = found.attempts[-1].protected
    return {
        f"{made.netlist.top}.v": made.verilog,
        "manifest.json": made.manifest.to_json() + "\n",
        "hardened.json": json.dumps(told, indent=1) + "\n",
    }


def write(folder: Path, found: Hardened, told: dict[str, Any]) -> None:
    """Write protected Verilog, manifest and figures."""
    make_folder(folder)
    for name, text in files(found, told).items():
        write_atomic(folder / name, text)


def _metrics(found: Sequence[Metric]) -> list[dict[str, Any]]:
    return [{"name": m.name, "group": m.group, "value": m.value, "bound": m.bound} for m in found]
