"""The card of ISO 26262's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from dse.report.markup import cell, section, table
from dse.report.source import plain
from dse.report.text import number
from sim.faults.metrics import Metric, Verdict
from sim.faults.metrics.asil import ITEM_PMHF_FIT, LEVELS, LFM_LEAST, SPFM_LEAST
from sim.faults.metrics.failures import GROUPS
from sim.faults.metrics.rates import NATURES
from sim.faults.sites import FLOP, MEMORY, NET

from .record import FaultReport
from .shares import percent

__all__ = ["verdict_card"]

_KINDS = {FLOP: "flops", NET: "logic", MEMORY: "memories"}


def verdict_card(report: FaultReport) -> str:
    """Return every metric against ASIL B, C and D."""
    if not report.metrics:
        return section(
            "verdict",
            "ISO 26262",
            "<p class='hint'>Nothing with a failure rate was injected: upsets, transients or "
            "permanent faults give one.</p>",
        )
    heads = [("metric", ""), ("faults", ""), ("of", ""), ("estimate", "n"), ("bound", "n")]
    heads += [(f"ASIL {level}", "") for level in LEVELS]
    by_metric: dict[Metric, list[Verdict]] = {}
    for verdict in report.verdicts:
        by_metric.setdefault(verdict.metric, []).append(verdict)
    confidence = max(result.campaign.plan.confidence for result in report.results)
    hint = (
        f"Judged on the end of the {confidence:.0%} interval that is against the design: the lower "
        "one of SPFM and LFM, the upper one of PMHF. Flops and logic, memories, and both are "
        "judged apart, so that a large protected memory hides nothing; so are transient and "
        "permanent faults."
    )
    return section(
        "verdict",
        "ISO 26262",
        table(heads, (_verdict_row(report, m, v) for m, v in by_metric.items()), sortable=False)
        + _limits(report),
        hint,
    )


def _verdict_row(report: FaultReport, metric: Metric, verdicts: Sequence[Verdict]) -> str:
    figures = [_figure(metric, value) for value in (metric.value, metric.bound)]
    nature = "transient and permanent" if metric.nature == "both" else metric.nature
    cells = [cell(text, plain("name")) for text in (metric.name, nature, _of(report, metric))]
    cells += [f'<td class="n"{plain("count")}>{text}</td>' for text in figures]
    cells += [_judged(verdict) for verdict in verdicts]
    return f"<tr>{''.join(cells)}</tr>"


def _of(report: FaultReport, metric: Metric) -> str:
    """Return which cells a metric is of, and which of them nothing was injected into."""
    natures = NATURES if metric.nature == "both" else (metric.nature,)
    parts = [part for part in report.parts if part.nature in natures]
    injected = {stratum.kind for part in parts for stratum in part.tally.strata}
    asked = set(GROUPS[metric.group]) - injected
    missing = [words for kind, words in _KINDS.items() if kind in asked]
    return f"{metric.group}; {' and '.join(missing)} not injected" if missing else metric.group


def _figure(metric: Metric, value: float) -> str:
    return f"{number(value)} FIT" if metric.name == "PMHF" else percent(value)


def _judged(verdict: Verdict) -> str:
    word = "pass" if verdict.passed else "fail"
    if verdict.metric.name == "PMHF":
        margin = f"{number(abs(verdict.margin))} FIT {'below' if verdict.passed else 'over'}"
    else:
        margin = f"{abs(verdict.margin) * 100:.3g} points {'above' if verdict.passed else 'short'}"
    return (
        f'<td{plain("count")}><span class="verdict {word}">{word}</span> '
        f"<small>{margin}</small></td>"
    )


def _limits(report: FaultReport) -> str:
    part = report.pmhf_share_fit / ITEM_PMHF_FIT["D"]

    def listed(limits: Mapping[str, float], shown: str) -> str:
        return ", ".join(f"{level} {limit:{shown}}" for level, limit in limits.items())

    text = (
        f"Limits of ISO 26262-5. SPFM at least {listed(SPFM_LEAST, '.0%')}; LFM at least "
        f"{listed(LFM_LEAST, '.0%')}; PMHF of the item below {listed(ITEM_PMHF_FIT, 'g')} FIT, of "
        f"which this design may take {part:.0%}. LFM is a matter of permanent faults and of safety "
        "mechanisms: "
    )
    text += (
        f"{', '.join(sorted(report.mechanisms))}."
        if report.mechanisms
        else "none was named, and none is judged."
    )
    return f'<p class="hint"{plain("setting")}>{escape(text)}</p>'
