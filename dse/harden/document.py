"""What a hardening found, as plain data: for files, tables and the search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hw.contracts import ConfigError, make_folder, write_atomic
from sim.faults.experiment import Experiment, Observation
from sim.faults.lanes import LanesEngine
from sim.faults.metrics import PERMANENT, Metric
from sim.faults.metrics.asil import ITEM_PMHF_FIT, LEVELS, LFM_LEAST, SPFM_LEAST, Verdict

from .bounds import LIFETIME_H, latent_term_fit
from .choice import Limits
from .duplicate import Duplicated
from .loop import Attempt, Hardened
from .measure import Measured
from .options import Variant

__all__ = ["asil_limits", "document", "files", "write"]


_TRANSIENTS = (
    "nets of the word-level netlist, which share the rate of all mapped gates by their bits; "
    "gates themselves are not injected"
)


def asil_limits(asil: str, pmhf_share: float = 1.0, *, permanent: bool = False) -> Limits:
    """Return what an ASIL asks of a block that may take `pmhf_share` FIT of the item's 10.

    `permanent` asks it of permanent faults as well.
    """
    level = asil.upper()
    if level not in LEVELS:
        raise ConfigError(f"asil={asil!r} is not known; use {', '.join(LEVELS)}")
    if not 0 < pmhf_share <= ITEM_PMHF_FIT["D"]:
        raise ConfigError(f"pmhf_share={pmhf_share}: use more than 0 and 10 FIT at most")
    most = pmhf_share * ITEM_PMHF_FIT[level] / ITEM_PMHF_FIT["D"]
    lfm = LFM_LEAST[level] if permanent else 0.0
    return Limits(spfm=SPFM_LEAST[level], pmhf_fit=most, lfm=lfm)


def document(
    found: Hardened, base: Variant, limits: Limits, double: Duplicated | None = None
) -> dict[str, Any]:
    """Return limits, choice, and figures before and after; duplication beside them if given."""
    last, first = found.attempts[-1], found.transient
    told: dict[str, Any] = {
        "limits": {"spfm": limits.spfm, "lfm": limits.lfm, "pmhf_fit": limits.pmhf_fit},
        "attempts": len(found.attempts),
        "variant": last.variant.name or "as it is",
        "chosen": {name: option.name for name, option in last.chosen.options.items()},
        "targets": [*_targets(last.verdicts), _clock(last, found.period_ns)],
        "area_um2": {
            "unprotected": base.area_um2,
            "protected": last.mapped.area_um2,
            "added_share": last.added(base.area_um2),
            "transient_alone": first.mapped.area_um2,
            "transient_alone_share": first.added(base.area_um2),
            "permanent_more_share": last.added(base.area_um2) - first.added(base.area_um2),
            "memories_unprotected": base.macro_area_um2,
            "memories_protected": last.mapped.macro_area_um2,
            "memories_transient_alone": first.mapped.macro_area_um2,
        },
        "transient_alone": {
            "variant": first.variant.name or "as it is",
            "chosen": {name: option.name for name, option in first.chosen.options.items()},
        },
        "period_ns": {
            "unprotected": base.period_ns,
            "transient_alone": first.mapped.period_ns,
            "protected": last.mapped.period_ns,
        },
        "greedy_area_um2": last.hasty.area_um2 if last.hasty else None,
        "chosen_area_um2": last.chosen.area_um2,
        "before": _metrics(found.base.metrics, transient=True),
        "after": _metrics(last.metrics, transient=True),
        "permanent_before": _metrics(found.base.metrics, transient=False),
        "permanent_after": _metrics(last.metrics, transient=False),
        "latent_term": _latent_term(last.measured),
        "injections": found.base.injections + sum(a.measured.injections for a in found.attempts),
        "transients": _TRANSIENTS,
    }
    if double:
        told["duplication"] = {
            "area_um2": double.mapped.area_um2,
            "added_share": double.mapped.area_um2 / base.area_um2 - 1,
            "memories_um2": double.mapped.macro_area_um2,
            "period_ns": double.mapped.period_ns,
            "targets": _targets(double.verdicts),
        }
    return told


def _targets(judged: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "name": verdict.metric.name,
            "nature": verdict.metric.nature,
            "group": verdict.metric.group,
            "value": verdict.metric.value,
            "bound": verdict.metric.bound,
            "limit": verdict.limit,
            "margin": verdict.margin,
            "passed": verdict.passed,
        }
        for verdict in judged
    ]


def _clock(last: Attempt, most_ns: float) -> dict[str, Any]:
    period = last.mapped.period_ns
    return {
        "name": "period", "nature": "", "group": "", "value": period, "bound": period,
        "limit": most_ns, "margin": most_ns - period, "passed": period <= most_ns,
    }  # fmt: skip


def _latent_term(measured: Measured) -> dict[str, float] | None:
    """Return the term of two faults in PMHF; None if permanent faults were left out."""
    parts = [part for part in measured.parts if part.nature == PERMANENT]
    if not parts:
        return None
    latent = sum(sum(row.values()) for row in measured.latent().values())
    raw = sum(part.raw_fit for part in measured.parts)
    return {
        "latent_fit_bound": latent,
        "lifetime_h": LIFETIME_H,
        "fit_modelled": latent_term_fit(latent, raw),
    }


def files(found: Hardened, told: dict[str, Any]) -> dict[str, str]:
    """Return the files of a protected design by name."""
    last = found.attempts[-1]
    made = last.protected
    named = {
        f"{made.netlist.top}.v": made.verilog,
        "manifest.json": made.manifest.to_json() + "\n",
        "hardened.json": json.dumps(told, indent=1) + "\n",
    }
    if last.tests and told.get("permanent_after"):
        named["self_test.json"] = json.dumps({"runs": _expected(last)}, indent=1) + "\n"
    return named


def _expected(last: Attempt) -> list[dict[str, Any]]:
    """Return each self-test: inputs of every cycle, and what detectors must say in it."""
    netlist = last.protected.netlist
    seen = [p.name for p in netlist.outputs if p.name in ("error_detected", "error_corrected")]
    runs = []
    for inputs in last.tests:
        trace = LanesEngine(Experiment(netlist, inputs, Observation(control=tuple(seen)))).trace()
        runs.append({"inputs": inputs, **{name: [step[name] for step in trace] for name in seen}})
    return runs


def write(folder: Path, found: Hardened, told: dict[str, Any]) -> None:
    """Write protected Verilog, manifest and figures."""
    make_folder(folder)
    for name, text in files(found, told).items():
        write_atomic(folder / name, text)


def _metrics(found: Sequence[Metric], *, transient: bool) -> list[dict[str, Any]]:
    return [
        {"name": m.name, "group": m.group, "value": m.value, "bound": m.bound}
        for m in found
        if m.nature == ("transient" if transient else PERMANENT)
    ]
