"""Rates and ISO 26262's metrics, worked by hand and against published sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hw.contracts import ConfigError
from sim.faults.metrics import (
    PERMANENT,
    TRANSIENT,
    Failures,
    failures,
    judge,
    load_rates,
    metrics,
    rates,
    structure_rows,
    together,
)
from sim.faults.metrics.asil import Metric, lfm, pmhf, spfm
from sim.faults.metrics.failures import residual_fit
from sim.faults.outcome import CLASSES, CORRECTED, DETECTED, DORMANT, MASKED, SDC, VIOLATION
from sim.faults.sites import FLOP, MEMORY, NET
from sim.faults.statistics import Stratum, Tally

RATES = load_rates()


def tally(*rows, exhaustive=True):
    """Return a tally of (tag, kind, {class: count}) rows."""
    counts = np.zeros((len(rows), len(CLASSES)), np.int64)
    for at, (_, _, found) in enumerate(rows):
        for name, count in found.items():
            counts[at, name] = count
    drawn = counts.sum(axis=1)
    strata = tuple(Stratum(tag, kind, 1000) for tag, kind, _ in rows)
    return Tally(strata, drawn if exhaustive else drawn * 1000, counts)


def part(nature, rows, fit, exhaustive=True):
    return Failures(nature, nature, tally(*rows, exhaustive=exhaustive), np.array(fit, float))


def test_single_point_metric_of_a_published_sheet():
    """Failure rates of TI's TCAN1167-Q1 (SFFS142): die, permanent and transient."""
    permanent = part(PERMANENT, [("die", FLOP, {SDC: 249, DETECTED: 564})], [8.13])
    assert spfm(permanent)[0] == pytest.approx(0.6936, abs=2e-4)
    transient = part(TRANSIENT, [("die", FLOP, {SDC: 60, DETECTED: 60})], [1.20])
    assert spfm(transient) == (0.5, 0.5)
    value, bound = pmhf([permanent, transient])
    assert value == bound == pytest.approx(2.49 + 0.60)


def test_metrics_by_hand():
    """100 FIT of data path of which 2 % escape, 20 FIT of checkers of which 15 % are latent."""
    rows = [
        ("data", FLOP, {SDC: 15, VIOLATION: 5, DETECTED: 880, MASKED: 100}),
        ("check", NET, {DETECTED: 850, MASKED: 100, DORMANT: 50}),
    ]
    found = part(PERMANENT, rows, [100.0, 20.0])
    assert spfm(found)[0] == pytest.approx(1 - 2 / 120)
    assert lfm(found, {"check"})[0] == pytest.approx(1 - 3 / (120 - 2))
    by_name = {(m.name, m.group): m for m in metrics([found], mechanisms={"check"})}
    assert by_name["PMHF", "flops and logic"].value == pytest.approx(2.0)
    assert set(by_name) == {(n, "flops and logic") for n in ("SPFM", "LFM", "PMHF")}


def test_two_faults_of_a_lifetime():
    found = part(PERMANENT, [("x", FLOP, {SDC: 1, MASKED: 99})], [100.0])
    value, _ = pmhf([found], latent_fit=50.0, lifetime_h=10_000)
    assert value == pytest.approx(1.0 + 50 * 100e-9 * 10_000 / 2)


def test_latent_faults_are_a_matter_of_permanent_ones():
    rows = [("data", FLOP, {MASKED: 100}), ("check", FLOP, {MASKED: 100})]
    assert not [m for m in metrics([part(TRANSIENT, rows, [1, 1])], mechanisms={"check"})
                if m.name == "LFM"]  # fmt: skip
    with pytest.raises(ConfigError, match="latent-fault metric needs those of the safety"):
        lfm(part(PERMANENT, rows, [1, 1]), {"other"})


def test_memories_do_not_hide_flops():
    rows = [("ram", MEMORY, {CORRECTED: 10_000}), ("regs", FLOP, {SDC: 500, MASKED: 500})]
    found = {m.group: m for m in metrics([part(TRANSIENT, rows, [1000.0, 5.0])])
             if m.name == "SPFM"}  # fmt: skip
    assert found["both"].value > 0.99
    assert found["memories"].value == 1.0
    assert found["flops and logic"].value == 0.5
    passed = {(v.metric.group, v.level): v.passed
              for v in judge(list(found.values()))}  # fmt: skip
    assert passed["both", "D"]
    assert not passed["flops and logic", "B"]


def test_the_bound_is_judged_not_the_estimate():
    sample = [("x", FLOP, {SDC: 2, MASKED: 298})]
    sampled = part(TRANSIENT, sample, [10.0], exhaustive=False)
    value, bound = spfm(sampled)
    assert bound < 0.99 < value
    verdicts = {v.level: v for v in judge(metrics([sampled])) if v.metric.name == "SPFM"}
    assert not verdicts["D"].passed
    assert verdicts["C"].passed
    assert verdicts["D"].margin == pytest.approx(bound - 0.99)
    whole = part(TRANSIENT, sample, [10.0])
    assert spfm(whole) == (pytest.approx(1 - 2 / 300),) * 2


UNSEEN = [("data", FLOP, {SDC: 10, DETECTED: 90}), ("rest", FLOP, {})]
"""All of `data` injected, a tenth of it escapes; of `rest` nothing was, any share may: 0 to 1."""


def test_a_failure_rate_has_the_bounds_of_its_share():
    """30 FIT seen and 10 FIT unseen: 3 FIT escape at least, 3 + 10 at most, 40 / 10 as is seen."""
    found = part(PERMANENT, UNSEEN, [30.0, 10.0])
    assert residual_fit(found) == pytest.approx((4.0, 3.0, 13.0))
    metric = next(m for m in metrics([found]) if m.name == "PMHF")
    assert (metric.value, metric.bound) == pytest.approx((4.0, 13.0))


def test_the_latent_metrics_bound_takes_both_upper_bounds():
    """40 FIT: 30 of data, 6 of a checker of which a fifth is latent, 4 of one that nobody tried."""
    rows = [
        UNSEEN[0],
        ("check", NET, {DETECTED: 80, MASKED: 15, DORMANT: 5}),
        ("other", NET, {}),
    ]
    found = lfm(part(PERMANENT, rows, [30.0, 6.0, 4.0]), {"check", "other"})
    residual, worst = 40 * 3 / 36, 3 + 4  # FIT
    latent, most = 10 * 0.2, 6 * 0.2 + 4
    assert found == pytest.approx((1 - latent / (40 - residual), 1 - most / (40 - worst)))


def test_both_bounds_of_the_failure_rate_have_the_term_of_two_faults():
    """Of each nature 40 FIT, 4 escape, 13 at most; two faults: 100 * 80 * 1e-9 * 1e5 / 2."""
    parts = [part(nature, UNSEEN, [30.0, 10.0]) for nature in (TRANSIENT, PERMANENT)]
    assert pmhf(parts, latent_fit=100.0, lifetime_h=1e5) == pytest.approx((8.4, 26.4))
    assert pmhf(parts) == pytest.approx((8.0, 26.0))


LIMITS = {
    "SPFM": {"B": 0.90, "C": 0.97, "D": 0.99},
    "LFM": {"B": 0.60, "C": 0.80, "D": 0.90},
    "PMHF": {"B": 100.0, "C": 100.0, "D": 10.0},  # 1e-7, 1e-7 and 1e-8 an hour
}
"""ISO 26262-5:2018, tables 4, 5 and 6."""


def test_limits_are_the_standards():
    found = [Metric(name, PERMANENT, "both", 0.5, 0.5) for name in LIMITS]
    whole = judge(found, pmhf_share_fit=10.0)
    assert {(v.metric.name, v.level): v.limit for v in whole} == {
        (name, level): limit for name, table in LIMITS.items() for level, limit in table.items()
    }
    tenth = [v.limit for v in judge(found) if v.metric.name == "PMHF"]
    assert tenth == [10.0, 10.0, 1.0]


@pytest.mark.parametrize("name", list(LIMITS))
def test_a_share_may_be_at_the_limit_and_a_rate_must_be_below(name):
    for level, limit in LIMITS[name].items():
        for bound, passed in [
            (limit, name != "PMHF"),
            (limit * 0.999, name == "PMHF"),
            (limit * 1.001, name != "PMHF"),
        ]:
            verdicts = judge([Metric(name, PERMANENT, "both", 0.5, bound)], pmhf_share_fit=10.0)
            assert next(v.passed for v in verdicts if v.level == level) is passed


@pytest.mark.parametrize(("fit", "passed"), [(0.99, True), (1.0, False), (1.5, False)])
def test_failure_rate_is_below_the_share(fit, passed):
    found = part(TRANSIENT, [("x", FLOP, {SDC: 100})], [fit])
    verdicts = {v.level: v for v in judge(metrics([found])) if v.metric.name == "PMHF"}
    assert verdicts["D"].passed is passed
    assert verdicts["B"].limit == 10.0
    assert judge(metrics([found]), pmhf_share_fit=2.0)[-1].passed


def test_no_injection_is_no_evidence():
    rows = [("seen", FLOP, {MASKED: 5000}), ("unseen", FLOP, {})]
    found = part(TRANSIENT, rows, [9.0, 1.0])
    assert spfm(found)[1] <= 0.9


def test_rates_are_counted_by_cell():
    counts = tally(("a", FLOP, {MASKED: 1}), ("b", MEMORY, {MASKED: 1}), ("c", NET, {MASKED: 1}))
    found = failures(counts, RATES, TRANSIENT, cells={"c, net": 5000})
    assert found.fit == pytest.approx([1.2, 1.2, 5000 * 0.00012 * 0.1])
    hard = failures(counts, RATES, TRANSIENT, hardened={"a", "b"}, share=0.5)
    assert hard.fit == pytest.approx([0.06, 0.6, 1000 * 0.00012 * 0.1 / 2])


def test_structures_come_worst_first_with_ends_apart():
    rows = [("a", FLOP, {SDC: 10, DETECTED: 30, MASKED: 60}), ("b", FLOP, {VIOLATION: 90, SDC: 10})]
    found = structure_rows(part(TRANSIENT, rows, [1.0, 1.0]))
    assert [row.stratum.tag for row in found] == ["b", "a"]
    shares = {name: e.value for name, e in found[1].shares.items()}
    assert shares == {"undetected": 0.1, "SDC": 0.1, "DUE": 0.3, "violation": 0, "corrected": 0}


def test_campaigns_of_one_nature_are_added():
    a = part(TRANSIENT, [("a", FLOP, {SDC: 100})], [1.0])
    b = part(TRANSIENT, [("b", MEMORY, {MASKED: 100})], [3.0])
    both = together([a, b, part(PERMANENT, [("p", FLOP, {SDC: 1})], [1.0])], TRANSIENT)
    assert spfm(both)[0] == pytest.approx(0.75)
    assert together([a], PERMANENT) is None


def test_every_rate_has_a_source():
    assert all(rate.source for _, _, rate in RATES.rows)
    memory = RATES.of(TRANSIENT, MEMORY)
    assert (memory.basis, memory.fit_per_cell) == ("standard", pytest.approx(1.2e-3))
    assert len(RATES.assumptions) == 7


TABLE = Path(rates.__file__).with_name("rates.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[transient.flop]", "[transient.flip]", r"transient\.flip\] is not known; did you mean"),
        ("[permanent.gate]", "[permanant.gate]", "permanant.*did you mean 'permanent'"),
        ('per = "Mbit"', 'per = "Gbit"', "per='Gbit' is one of Mbit, cell"),
        ("fit = 1200", "fit = -1", "fit=-1"),
        ("fit = 1200", 'fit = "many"', "fit='many' is no number"),
        ("derating = 1.0", "derate = 1.0", "needs fit, per, derating, basis, source"),
        ("fit = 1200", "fit = = 2", "cannot read rates"),
    ],
)
def test_broken_tables_are_refused(tmp_path, old, new, message):
    path = tmp_path / "rates.toml"
    path.write_text(TABLE.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_rates(path)
    with pytest.raises(ConfigError, match="cannot read rates"):
        load_rates(tmp_path / "none.toml")
