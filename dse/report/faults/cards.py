"""The cards of text, rates, the safety manual, and how to reproduce it all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from dse.report.markup import cell, section, table
from dse.report.source import plain
from dse.report.text import is_finite, number
from sim.faults.metrics import PERMANENT
from sim.faults.sites import MEMORY, NET

from .record import FaultReport
from .shares import percent

__all__ = ["application_card", "rates_card", "reproduce_card", "safety_card"]


def application_card(report: FaultReport) -> str:
    """Return what wrong results do to the text of a language model."""
    if not report.replayed:
        return ""
    heads = [("patterns", ""), ("replayed", "n"), ("a token changes", "n"), ("tokens changed", "n")]
    heads += [("perplexity<br><small>without a fault</small>", "n")]
    heads += [("perplexity grows by", "n"), ("worst 1 %: nats per token", "n")]
    rows = []
    for name, found in report.replayed.items():
        value, low, high = found.token_changes
        cells = [cell(name), cell(len(found.consequences), plain("count"))]
        cells.append(
            f'<td class="n" data-v="{value}"{plain("count")}>{percent(value)}'
            f"<br><small>{percent(low)} to {percent(high)}</small></td>"
        )
        cells.append(f'<td class="n"{plain("count")}>{percent(found.tokens_changed)}</td>')
        cells.append(cell(found.perplexity, plain("count")))
        cells.append(f'<td class="n"{plain("count")}>{percent(found.perplexity_cost)}</td>')
        cells.append(cell(found.loss_quantile(0.99), plain("count")))
        rows.append(f"<tr>{''.join(cells)}</tr>")
    hint = (
        "Wrong results as the campaign saw them, with their places in a tile, replayed in the "
        "matrix products of the small language model: what one fault that reaches a result does "
        "to a window of text. A software model that inverts a single bit of a single result "
        "stands beside it."
    )
    return section("application", "What it does to text", table(heads, rows), hint)


def rates_card(report: FaultReport) -> str:
    """Return the raw rates, with their sources."""
    heads = [("faults", ""), ("cell", ""), ("rate", "n"), ("derating", "n"), ("FIT of a cell", "n")]
    heads += [("basis", ""), ("source", "")]
    rows = [
        f"<tr>{cell(nature)}{cell(name.replace('_', ' '))}"
        f'<td class="n"{plain("setting")}>{number(rate.fit)} FIT/{escape(rate.per)}</td>'
        f"{cell(rate.derating, plain('setting'))}{cell(rate.fit_per_cell, plain('setting'))}"
        f"<td><span class='basis {rate.basis}'>{rate.basis}</span></td>"
        f"{cell(rate.source, plain('source'), 'long')}</tr>"
        for nature, name, rate in report.rates.rows
    ]
    rows += [
        f"<tr><td>transient</td>{cell(name.upper())}"
        f'<td class="n"{plain("setting")}>{percent(share.of)} of upsets</td><td></td><td></td>'
        f"<td><span class='basis {share.basis}'>{share.basis}</span></td>"
        f"{cell(share.source, plain('source'), 'long')}</tr>"
        for name, share in report.rates.shares.items()
    ]
    hint = (
        f"Raw failure rates before any outcome, from {report.rates.name}. Where the basis is an "
        "assumption nobody vouches for the figure: give your process's own with a table of rates."
    )
    return section("rates", "Rates", table(heads, rows, sortable=False), hint)


def safety_card(report: FaultReport) -> str:
    """Return the summary that a safety manual would begin with."""
    body = (
        f"<h3>Assumptions of use</h3>{_listed(_assumptions(report))}"
        f"<h3>Not covered</h3>{_listed(_not_covered(report))}"
    )
    if report.notes:
        body += f"<h3>Worth knowing</h3>{_listed(report.notes)}"
    return section("safety", "For the safety manual", body)


def _listed(items: Sequence[str] | Iterator[str]) -> str:
    found = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<ul class="said"{plain("setting")}>{found}</ul>'


def _assumptions(report: FaultReport) -> Iterator[str]:
    yield (
        "The workload is that of the stimulus: vulnerability is of the cycles injected into, and "
        "another job, or idling, has another. Faults are equally likely in every cycle of them."
    )
    yield "One fault at a time; it is gone, or the design is reset, before the next."
    yield (
        "A detector that fires is acted upon, within the fault-tolerant time interval, by "
        "whoever integrates the design."
    )
    for result in report.results[:1]:
        within = result.campaign.within
        if within is not None:
            yield f"A detector counts if it fires within {within} cycles of the first wrong output."
    yield (
        "The environment does what it does without a fault; a design that answers it otherwise "
        "is counted as a violation."
    )
    if report.rates.assumptions:
        names = ", ".join(
            f"{nature} {name.replace('_', ' ')}" for nature, name, _ in report.rates.assumptions
        )
        yield f"Rates without a standard or a measurement behind them: {names}."
    if any(result.campaign.model.name == "set" for result in report.results):
        yield (
            "A transient is as long as the cycle that it is injected in; that a real pulse is "
            "shorter is in the derating."
        )
    if NET in _kinds(report) and not report.cells:
        yield (
            "In logic, a bit of a net counts as a gate: a netlist of words has no gates. Give the "
            "mapped design's own numbers where its logic decides."
        )
    if report.hardened:
        yield f"Hardened flip-flops in {', '.join(sorted(report.hardened))}."


def _kinds(report: FaultReport, *natures: str) -> set[int]:
    """Return the kinds of sites that faults of some natures, or any, were injected into."""
    parts = [part for part in report.parts if not natures or part.nature in natures]
    return {stratum.kind for part in parts for stratum in part.tally.strata}


def _not_covered(report: FaultReport) -> Iterator[str]:
    injected = {result.campaign.model.name for result in report.results}
    lacking = {
        "seu": "upsets of flip-flops",
        "memory": "upsets of memory bits",
        "set": "transients in logic",
        "mbu": "upsets of several bits",
    }
    for name, words in lacking.items():
        if name not in injected:
            told = f"{words[0].upper()}{words[1:]}"
            yield f"{told}: none were injected, and no figure holds for them."
    if not any(name.startswith("stuck") for name in injected):
        yield "Permanent faults: none were injected; there is no latent-fault metric."
    elif MEMORY not in _kinds(report, PERMANENT):
        yield "Permanent faults of memory cells: none were injected."
    yield (
        "Clock and reset trees, power, pads, packages, analogue parts; bridges and delays; "
        "systematic faults."
    )
    yield "Dependent failures: common causes of replicas and checkers that lie beside each other."
    if not report.is_complete:
        yield "Shards that have yet to run."


def reproduce_card(report: FaultReport) -> str:
    """Return the command, versions and conditions."""
    command = escape(report.command)
    body = (
        f'<div class="copy"><pre id="command"{plain("command")}>{command}</pre>'
        '<button type="button" data-copy="command">Copy</button></div>'
        f'<div class="two"><div><h3>Engine and tools</h3>{_pairs(_tools(report))}</div>'
        f"<div><h3>Conditions</h3>{_pairs(_conditions(report))}</div></div>"
    )
    hint = (
        "The same seed gives the same faults, and every engine the same outcomes. Each outcome is "
        "a line of outcomes.csv, if the campaign kept them."
    )
    return section("reproduce", "Reproduce this", body, hint)


def _tools(report: FaultReport) -> dict[str, object]:
    return {"engine": report.engine, **report.versions}


def _conditions(report: FaultReport) -> dict[str, object]:
    seeds = sorted({result.campaign.plan.seed for result in report.results})
    observed = {f"counts as {name}": ", ".join(p) for name, p in report.observed.items() if p}
    return {"seed": ", ".join(map(str, seeds)), **observed, **report.facts}


def _pairs(pairs: Mapping[str, object]) -> str:
    rows = (
        f"<tr><td>{escape(str(name).replace('_', ' '))}</td><td>{escape(_text(value))}</td></tr>"
        for name, value in pairs.items()
        if value not in (None, "", (), [], {})
    )
    return f"<table{plain('setting')}><tbody>{''.join(rows)}</tbody></table>"


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return number(value) if is_finite(value) else str(value)
