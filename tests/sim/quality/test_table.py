"""The table of measured perplexities: rows that come back, and rows that are still true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw.contracts import ConfigError
from sim.quality.perplexity import BLOCK, QualityBench
from sim.quality.quantise import Scaling
from sim.quality.table import TABLE, Plan, Table, measure_missing

SHORT = Plan(assignment="int4", tokens=128)


def test_rows_are_measured_once(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    ((plan, found),) = measure_missing(Table(path), [SHORT])
    assert plan == SHORT
    again = Table(path)
    assert list(measure_missing(again, [SHORT])) == []
    kept = again.find(SHORT)
    assert kept is not None
    assert kept.perplexity == pytest.approx(found.perplexity, rel=1e-6)
    assert kept.increase == pytest.approx(found.increase, abs=1e-6)
    assert kept.tokens == 128


def test_other_weights_start_anew(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"inputs": {"weights": "other"}, "rows": {SHORT.key: {}}}))
    table = Table(path)
    assert not table.is_current
    assert SHORT not in table
    table.add(Plan(assignment="float64", tokens=1), [1.0], 1, 1)
    assert list(json.loads(path.read_text())["rows"]) == [Plan(assignment="float64", tokens=1).key]


def test_a_longer_row_answers_for_its_beginning(tmp_path: Path) -> None:
    table = Table(tmp_path / "table.json")
    for name, unit in (("float64", 1.0), ("int4", 2.0)):
        plan = Plan(assignment=name, tokens=256)
        table.add(plan, [unit, 2 * unit, 3 * unit, 4 * unit], 256, 128)
    found = table.find(SHORT)
    assert found is not None
    assert (found.losses, found.reference, found.tokens) == ((2.0, 4.0), (1.0, 2.0), 128)
    assert table.longest("int4") == table.find(Plan(assignment="int4", tokens=256))
    assert table.longest("int5") is None
    for tokens in (64, 192, 384):  # half a window is not what a run of so many would see
        assert table.find(Plan(assignment="int4", tokens=tokens)) is None


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text('{"inputs":')
    with pytest.raises(ConfigError, match=r"damaged .*delete it and run"):
        Table(path)


def test_everything_is_in_the_key() -> None:
    plans = [
        SHORT,
        Plan(assignment="int5", tokens=128),
        Plan(assignment="int4", tokens=128, result="bf16"),
        Plan(assignment="int4", tokens=128, scaling=Scaling(kind="exact")),
        Plan(assignment="int4", tokens=128, scaling=Scaling(weights="tensor")),
    ]
    assert len({plan.key for plan in plans}) == len(plans)
    built = plans[2].build().default
    assert built is not None
    assert (built.format, built.result) == ("int4", "bf16")


@pytest.fixture(scope="module")
def window() -> QualityBench:
    return QualityBench.small(limit=256)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("int8", 4096), ("fp4_e2m1", 4096), ("mx_posit8", 4096), ("posit16@16", 512)],
)
def test_the_committed_rows_are_what_the_code_computes(
    window: QualityBench, text: str, tokens: int
) -> None:
    """The first window again: a change of any rule would show."""
    kept = Table().find(Plan(assignment=text, tokens=tokens))
    assert kept is not None
    found = window.measure(Plan(assignment=text, tokens=256).build())
    blocks = 256 // BLOCK
    assert found.losses == pytest.approx(kept.losses[:blocks], rel=1e-4)
    assert found.reference == pytest.approx(kept.reference[:blocks], rel=1e-6)
    assert found.losses != pytest.approx(kept.reference[:blocks], rel=1e-6)


def test_the_committed_table_is_of_the_committed_weights() -> None:
    assert TABLE.is_file()
    assert Table().is_current
