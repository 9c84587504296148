"""Writing a report of fault campaigns."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hw.contracts import write_atomic

from .page import render_fault_page
from .record import FaultReport

__all__ = ["FaultFiles", "metrics_document", "write_fault_report"]


@dataclass(frozen=True, slots=True)
class FaultFiles:
    """What was written.

    Members
    -------
    page : Path
        ``faults.html``.
    figures : Path
        ``metrics.json``: metrics, verdicts, structures and rates.
    """

    page: Path
    figures: Path


def write_fault_report(folder: str | Path, report: FaultReport) -> FaultFiles:
    """Write ``faults.html`` and ``metrics.json`` into `folder`, each whole or not at all."""
    found = FaultFiles(Path(folder) / "faults.html", Path(folder) / "metrics.json")
    page = render_fault_page(report)
    write_atomic(found.figures, json.dumps(metrics_document(report), indent=1) + "\n")
    write_atomic(found.page, page)
    return found


def metrics_document(report: FaultReport) -> dict[str, Any]:
    """Return the figures of the page, for programs."""
    return {
        "title": report.title,
        "command": report.command,
        "is_complete": report.is_complete,
        "metrics": [asdict(metric) for metric in report.metrics],
        "verdicts": [
            {
                "name": v.metric.name,
                "nature": v.metric.nature,
                "group": v.metric.group,
                "asil": v.level,
                "limit": v.limit,
                "bound": v.metric.bound,
                "margin": v.margin,
                "passed": v.passed,
            }
            for v in report.verdicts
        ],
        "structures": [
            {
                "structure": row.stratum.tag,
                "kind": row.stratum.name.rpartition(", ")[2],
                "faults": row.mechanism,
                "nature": row.nature,
                "sites": row.stratum.sites,
                "fit": row.fit,
                "undetected_fit_upper": row.residual_fit,
                "shares": {name: asdict(found) for name, found in row.shares.items()},
            }
            for row in report.rows
        ],
        "rates": {f"{nature}.{name}": asdict(rate) for nature, name, rate in report.rates.rows},
        "shares_of_rates": {name: asdict(share) for name, share in report.rates.shares.items()},
        "application": {
            name: {
                "replayed": len(found.consequences),
                "token_changes": found.token_changes,
                "tokens_changed": found.tokens_changed,
                "perplexity": found.perplexity,
                "perplexity_cost": found.perplexity_cost,
            }
            for name, found in report.replayed.items()
        },
    }
