"""The bench of hardening judges every bar: each of them can be missed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bench.harden_engine import bars


def target(nature: str, name: str, bound: float, limit: float) -> dict[str, Any]:
    passed = bound < limit if name == "PMHF" else bound >= limit
    return {"name": name, "nature": nature, "group": "both", "bound": bound, "limit": limit,
            "passed": passed}  # fmt: skip


TARGETS = [
    target("transient", "SPFM", 0.995, 0.99),
    target("transient", "PMHF", 0.2, 1.0),
    target("permanent", "SPFM", 0.993, 0.99),
    target("permanent", "LFM", 0.98, 0.9),
    target("both", "PMHF", 0.3, 1.0),
    {**target("", "period", 7.0, 7.4), "group": "", "passed": True},
]
TOLD: dict[str, Any] = {
    "targets": TARGETS,
    "area_um2": {"transient_alone_share": 0.09, "permanent_more_share": 0.05},
    "chosen": {"control": "lockstep"},
    "transient_alone": {"chosen": {"control": "none"}},
    "duplication": {"added_share": 1.04, "targets": [dict(TARGETS[0])]},
}


def missed(told: dict[str, Any]) -> list[str]:
    return [text for text, met in bars(told) if not met]


def test_all_bars_can_be_met() -> None:
    assert missed(TOLD) == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("area_um2", "transient_alone_share"), 0.38, "cells for transient targets"),
        (("area_um2", "permanent_more_share"), 1.0, "duplicated +104.0%"),
        (("chosen", "control"), "hardened", "no hardened"),
        (("targets", 2, "passed"), False, "permanent SPFM both: bound 99.3000%"),
        (("targets", 5, "passed"), False, "period 7.000 ns"),
        (("targets",), TARGETS[:3], "every kind of target was judged"),
    ],
)
def test_each_bar_can_be_missed(path: tuple[Any, ...], value: Any, words: str) -> None:
    told = copy.deepcopy(TOLD)
    inner: Any = told
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert len(missed(told)) == 1
    assert words in missed(told)[0]
