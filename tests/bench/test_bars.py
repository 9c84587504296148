"""The benches judge what they measure: each bar can be missed, and the exit code says so."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bench import decode_gemv, export, search
from bench.limits import missed
from bench.search import Timed, front_bars, repeat_bars, table, timed_search, verify_bar
from dse.benchmark.pairs import Pair

FIRST = Timed(first=10.0, whole=100.0, front=b"design\n1\n")
SHAPES = [(4, 4), (4, 8), (8, 4), (8, 8), (4, 4), (4, 4)]


def front(shapes, clock="90") -> list[dict[str, str]]:
    return [{"rows": str(r), "cols": str(c), "clock_mhz_measured": clock} for r, c in shapes]


def met(bars) -> list[bool]:
    return [bar.met for bar in bars]


def test_a_front_of_six_with_three_counts_passes() -> None:
    assert met(front_bars(front(SHAPES))) == [True, True]
    assert front_bars(front(SHAPES))[1].found == "16 32 64"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (front(SHAPES[:5]), [False, True]),
        (front(SHAPES[:3] * 2), [True, False]),  # none of 64
        (front([(8, 8), (4, 4)] * 3), [True, False]),  # two counts
        (front(SHAPES, clock=""), [False, False]),  # nothing routed
    ],
)
def test_smaller_fronts_fail(rows, expected) -> None:
    assert met(front_bars(rows)) == expected


@pytest.mark.parametrize(
    ("again", "new", "expected"),
    [
        (replace(FIRST, whole=14.9), 0, [True, True, True]),
        (replace(FIRST, whole=15.0), 0, [False, True, True]),
        (replace(FIRST, whole=9.0), 1, [True, False, True]),
        (replace(FIRST, whole=9.0, front=b"design\n2\n"), 0, [True, True, False]),
    ],
)
def test_the_repeat_is_fast_without_tools_and_the_same(again, new, expected) -> None:
    bars = repeat_bars(FIRST, again, new)
    assert met(bars) == expected
    assert table(bars).count("FAIL") == expected.count(False)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for `dse`, whose journal has a refused design at once, a measured one later."""
    path = tmp_path / "dse"
    monkeypatch.setattr(search, "_DSE", str(path))
    lines = [
        json.dumps({"trial_id": i, "user_attr": {"record": {"state": state}}})
        for i, state in enumerate(("screened", "measured"))
    ]
    run = tmp_path / "runs" / "bench"
    path.write_text(
        f"#!/bin/sh\nmkdir -p {run}\necho '{lines[0]}' > {run}/journal.log\nsleep 0.4\n"
        f"echo '{lines[1]}' >> {run}/journal.log\nsleep 0.6\necho $KILN_CACHE > {run}/front.csv\n"
        "exit ${STUB_CODE:-0}\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def test_the_first_measured_design_is_timed_and_the_cache_is_its_own(program: Path) -> None:
    timed = timed_search(program, [])
    assert 0.4 <= timed.first < timed.whole - 0.3
    assert timed.front.decode().strip() == str(program / "cache")


def test_a_failed_search_ends_the_bench(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_CODE", "1")
    with pytest.raises(SystemExit):
        timed_search(program, [])


@pytest.mark.parametrize(
    ("seconds", "modules", "expected"),
    [
        (4.9, 20, "pass"),
        (5.0, 20, "FAIL: 5.00 s, bar 5"),
        (4.9, 21, "FAIL: 21 modules, bar 20"),
    ],
)
def test_export_is_judged(seconds: float, modules: int, expected: str) -> None:
    assert export.verdict(seconds, modules) == expected


def test_a_missed_bar_of_the_export_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "SECONDS", 600.0)
    assert export.main(["2"]) == 0
    monkeypatch.setattr(export, "MODULES", 1)
    assert export.main(["2"]) == 1


def test_decode_reaches_the_bandwidth_by_the_exact_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model-only", "--shape", "proj"]
    assert decode_gemv.main(arguments) == 0
    assert "cycle model" in capsys.readouterr().out
    monkeypatch.setattr(decode_gemv, "LIMIT", 0.99)
    assert decode_gemv.main(arguments) == 1


@pytest.mark.parametrize(
    ("codes", "expected"), [({"01": 0, "02": 0}, True), ({"01": 0, "02": 1}, False), ({}, False)]
)
def test_all_designs_must_pass_verification(codes: dict[str, int], expected: bool) -> None:
    bar = verify_bar(codes)
    assert bar.met is expected
    assert ("02" in bar.found) is (codes.get("02", 0) != 0)


@pytest.mark.parametrize(
    ("said", "expected"), [((100.9, 99.2), 0), ((100.9, 98.9), 1), ((), 1)], ids=str
)
def test_an_error_beyond_its_limit_fails(said: tuple[float, ...], expected: int) -> None:
    about = {"figure": "lut", "target": "t", "design": "d"}
    pairs = [Pair(**about, said=value, found=100.0) for value in said]
    assert missed(pairs, {"lut": 0.01}) == expected
