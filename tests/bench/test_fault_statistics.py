"""The bench of intervals: its truth, its ideals, and that each bar can be missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.fault_statistics import (
    Coverage,
    cases,
    is_met,
    kind_of,
    line,
    measure,
    read_truth,
    simple_ideal,
    stratified_ideal,
)
from sim.faults.outcome import UNDETECTED

CASES = {case.name: case for case in cases()}


def test_the_truth_is_of_every_pair():
    fine, coarse = read_truth(), read_truth(by=kind_of)
    assert fine.frame.size == len(fine.classes) == 481_368
    assert (len(fine.frame.strata), len(coarse.frame.strata)) == (89, 16)
    whole = fine.shares(UNDETECTED) @ fine.frame.sizes / fine.frame.size
    assert whole == pytest.approx(fine.share(UNDETECTED))


def test_ideals_know_the_truth():
    truth = read_truth(by=kind_of)
    p, n, N = truth.share(UNDETECTED), 3000, truth.frame.size
    spread = (
        np.random.default_rng(0).hypergeometric(round(p * N), N - round(p * N), n, 20_000).std()
    )
    assert simple_ideal(truth, UNDETECTED, n) == pytest.approx(2 * 1.96 * spread / n, rel=0.03)
    assert stratified_ideal(truth, UNDETECTED, n) < simple_ideal(truth, UNDETECTED, n)


@pytest.mark.parametrize(
    "name", ["sampled, 1,000", "stratified, 3,000 in 16 structures", "sequential, ±2.0%"]
)
def test_campaigns_keep_their_word(name):
    found = measure(CASES[name], 60)
    assert found.covered >= 0.945 - 3 * (0.055 * 0.945 / 60) ** 0.5
    assert 0.95 < found.ratio <= 1.15


def test_bars_can_be_missed():
    good = Coverage("x", 0.95, 1.1, 1.0, 10)
    case = CASES["sampled, 1,000"]
    assert is_met(case, good)
    assert line(case, good).startswith("pass")
    for bad in (replace(good, covered=0.944), replace(good, width=1.16)):
        assert not is_met(case, bad)
        assert line(case, bad).startswith("FAIL")
    assert is_met(replace(case, width_judged=False), replace(good, width=2.0))
