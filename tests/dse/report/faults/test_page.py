"""The page of fault campaigns: whole, well-formed, and with the figures that follow from counts."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from dse.report.faults import FaultReport, report_of, write_fault_report
from dse.report.faults.page import render_fault_page
from dse.report.faults.record import delays
from hw.contracts import ConfigError
from sim.faults.campaign import Campaign, CampaignResult
from sim.faults.metrics.replay import Consequence, Gemm, Replayed
from sim.faults.model import FAULT_MODELS
from sim.faults.outcome import NEVER, no_outcomes
from sim.faults.sites import FLOP, MEMORY, NET, Sites, Word
from sim.faults.statistics import Exhaustive, Frame, Sampled

VOID = {"meta", "link", "br", "line", "rect", "path", "i"}


def words(kind, cell):
    return [
        Word(f"core.array.row_{r}.pe_{c}.sum<{kind}>", kind, 2 * r + c, 4, 1, cell, f"pe <{c}>")
        for r in (0, 1)
        for c in (0, 1)
    ]


def campaign(model, *, sample=0, cycles=range(2, 7)):
    kind, cell = {"memory": (MEMORY, "$mem_v2"), "set": (NET, "$add")}.get(model, (FLOP, "$dff"))
    check = Word("check.error", kind, 9, 2, 1, cell, "check")
    sites = Sites((*words(kind, cell), check))
    frame = Frame.of(sites, FAULT_MODELS[model].cycles(cycles))
    plan = Sampled(frame=frame, sample=sample, seed=7) if sample else Exhaustive(frame=frame)
    numbers = plan.next(np.zeros(0, np.uint8))
    outcomes = no_outcomes(len(numbers))
    site, when = frame.pairs(numbers)
    wrong = site % 4 == 0
    outcomes["data"][wrong] = when[wrong] + site[wrong]
    outcomes["beats"][wrong], outcomes["bits"][wrong] = 1, 3
    outcomes["largest"][wrong] = 1.5e9
    seen = site >= 16
    outcomes["detected"][seen] = when[seen] + 1
    return CampaignResult(Campaign(sites, plan, FAULT_MODELS[model]), numbers, outcomes, 0.5,
                          len(numbers))  # fmt: skip


def report(**changes):
    given = {
        "title": "array <b> & more",
        "results": [campaign("seu"), campaign("memory", sample=40), campaign("stuck0")],
        "command": "dse inject --verilog a.v > b",
        "engine": "lanes",
        "versions": {"yosys": "0.70", "g++": "13.2"},
        "facts": {"stimulus": "random, seed 3"},
        "observed": {"data": ["m_tdata"], "control": []},
        "mechanisms": frozenset({"check"}),
    }
    return FaultReport(**(given | changes))


class Balance(HTMLParser):
    """Checks that what is opened is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], Counter()

    def handle_starttag(self, tag, attrs):
        self.seen[tag] += 1
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed():
    page = render_fault_page(report())
    found = Balance()
    found.feed(page)
    assert not found.open
    assert found.seen["section"] >= 6
    for picture in re.findall(r"<svg.*?</svg>", page, re.S):
        ElementTree.fromstring(picture)
    assert page.count("<svg") == 4  # bars, and a map of each campaign


def test_a_verdict_says_what_nothing_was_injected_into():
    page = render_fault_page(report(mechanisms=frozenset()))
    assert page.count("flops and logic; logic not injected") == 4  # SPFM and PMHF, of each nature
    whole = [campaign("seu"), campaign("set"), campaign("memory")]
    assert "not injected" not in render_fault_page(report(results=whole, mechanisms=frozenset()))


def test_nothing_is_loaded_from_elsewhere():
    page = render_fault_page(report())
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:,)""", page)
    assert not re.findall(r"url\(|@import", page)


def test_names_are_escaped():
    page = render_fault_page(report())
    assert "array &lt;b&gt; &amp; more" in page
    assert "pe &lt;0&gt;" in page
    assert "pe <0>" not in page


def test_what_was_run_is_told():
    page = render_fault_page(report())
    for told in (
        "every one of 90 (site, cycle) pairs",
        "40 of 90 (site, cycle) pairs",
        "18 sites × 5 cycles (2 to 6)",
        "seed 7",
        "dse inject --verilog a.v &gt; b",
        "g++",
        "random, seed 3",
        "180 injections/s",
        "IEC 61508-7",
        "Transients in logic: none were injected",
        "Permanent faults of memory cells",
    ):
        assert told in page, told


def test_nets_are_told_to_count_as_gates():
    told = "a bit of a net counts as a gate"
    assert told in render_fault_page(report(results=[campaign("set")]))
    assert told not in render_fault_page(report())
    known = report(results=[campaign("set")], cells={"check, net": 20.0})
    assert told not in render_fault_page(known)
    assert known.parts[0].raw_fit > report(results=[campaign("set")]).parts[0].raw_fit


def test_metrics_are_of_the_bound(tmp_path):
    files = write_fault_report(tmp_path, report())
    found = json.loads(files.figures.read_text())
    by_name = {(m["name"], m["nature"], m["group"]): m for m in found["metrics"]}
    seu = by_name["SPFM", "transient", "flops and logic"]
    assert seu["value"] == seu["bound"] == pytest.approx(1 - 4 / 18)
    memory = by_name["SPFM", "transient", "memories"]
    assert memory["bound"] < memory["value"]
    assert by_name["LFM", "permanent", "flops and logic"]["value"] == 1.0
    assert ("LFM", "transient", "flops and logic") not in by_name
    verdicts = [v for v in found["verdicts"] if v["name"] == "SPFM" and v["asil"] == "D"]
    assert verdicts
    assert not any(v["passed"] for v in verdicts)
    assert all(v["margin"] == pytest.approx(v["bound"] - 0.99) for v in verdicts)


def test_raw_rates_are_shared_between_models():
    flips = report(results=[campaign("seu"), campaign("mbu")]).parts
    assert flips[1].raw_fit == pytest.approx(flips[0].raw_fit / 9)
    alone = report(results=[campaign("seu")]).parts
    assert alone[0].raw_fit == pytest.approx(18 * 1.2e-3)
    assert sum(part.raw_fit for part in flips) == pytest.approx(alone[0].raw_fit)
    stuck = report(results=[campaign("stuck0"), campaign("stuck1")]).parts
    assert stuck[0].raw_fit == stuck[1].raw_fit == pytest.approx(18 * 82e-6 / 2)
    assert not report(results=[campaign("intermittent0")]).parts


def test_a_campaign_without_a_rate_is_reported_without_metrics():
    page = render_fault_page(report(results=[campaign("intermittent0")]))
    assert "Nothing with a failure rate was injected" in page


def test_slow_structures_come_first():
    found = delays(campaign("seu"))
    assert [d.structure for d in found] == ["check, flop", "pe <1>, flop", "pe <0>, flop"]
    assert [d.wrong[2] for d in found] == [16, 12, 8]
    assert found[0].detected == (10, 1.0, 1)


def test_shards_that_are_missing_are_told():
    part = replace(campaign("seu"), is_complete=False)
    page = render_fault_page(report(results=[part]))
    assert "Other shards have yet to run" in page
    assert "Shards that have yet to run" in page


def test_an_empty_campaign_is_refused():
    empty = replace(campaign("seu"), numbers=np.zeros(0, np.int64), outcomes=no_outcomes(0))
    with pytest.raises(ConfigError, match="nothing to report"):
        report(results=[empty])


def test_text_of_a_model_is_shown():
    gemm = Gemm("qkv", 0, 64, 384, 128)
    some = Replayed((Consequence(gemm, 8, 2, 0.5), Consequence(gemm, 1, 0, 0.0)), 3.0, 64)
    page = render_fault_page(report(replayed={"harvested": some, "single bits": some}))
    assert "What it does to text" in page
    assert page.count("50.00%") >= 2
    assert "What it does to text" not in render_fault_page(report())


def test_the_same_campaigns_make_the_same_page():
    assert render_fault_page(report()) == render_fault_page(report())


def test_never_is_no_cycle():
    assert str(NEVER) not in render_fault_page(report())


def test_a_commands_campaigns_make_a_report():
    document = {
        "top": "core",
        "engine": "lanes",
        "command": "dse inject --verilog core.v",
        "kiln": "0.1.0",
        "stimulus": "random, seed 3",
        "sources_sha256": "ab" * 32,
        "window": [2, 40],
        "checked_against_sources": {"cycles": 50, "unknown_bits_not_counted": 0},
        "observed": {"data": ["q"], "control": []},
    }
    found = report_of([campaign("seu")], document, pmhf_share_fit=2.0)
    page = render_fault_page(found)
    assert found.versions["pyosys"]
    for told in ("Faults in core", "ab" * 32, "equal in 50 cycles", "2 to 40", "may take 20%"):
        assert told in page, told
    unchecked = report_of([campaign("seu")], {**document, "checked_against_sources": None})
    assert "not compared" in render_fault_page(unchecked)


def test_unknown_structures_are_refused():
    with pytest.raises(ConfigError, match="structure 'chek' is not known; did you mean 'check'"):
        report(mechanisms=frozenset({"chek"}))
    with pytest.raises(ConfigError, match="--pmhf-share 11 is no part of the item's 10 FIT"):
        render_fault_page(report(pmhf_share_fit=11))


def test_long_lists_are_cut_and_told(monkeypatch):
    monkeypatch.setattr("dse.report.faults.structures._MOST_ROWS", 2)
    monkeypatch.setattr("dse.report.faults.structures._MOST_BARS", 1)
    page = render_fault_page(report(results=[campaign("seu")]))
    assert "The 2 worst of 3 are listed" in page
    assert "The 1 worst of 3 are drawn" in page
