"""The page on formats, and its example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dse.precision import HARDWARE_FORMATS, Meter, ReadingFile, measure_sensitivities
from dse.precision.example import SETS, UNSEEN, lane_costs, lanes, run_example, unseen_bench
from dse.precision.page import box_share, render_formats
from dse.precision.readings import MissingReadingError
from dse.precision.sensitivities import known_formats
from dse.workloads import load_workload
from sim.quality.assignment import Assignment
from sim.quality.perplexity import QualityBench
from tests.dse.precision.toy import ToyBench


def test_lanes_are_those_of_the_slots() -> None:
    assert [
        lanes(name) for name in ("int4", "posit4_es2", "int5", "fp8_e5m2", "int12", "bf16")
    ] == [*(4, 4, 2, 2, 1, 1)]


def test_the_example_costs_shares_of_the_work() -> None:
    costs = lane_costs(("int16", "int8", "int4"))
    assert costs.total.sum(axis=0) == pytest.approx([1, 0.5, 0.25])
    operators = load_workload("gpt2").trace().operators
    macs = dict.fromkeys(("ffn_up", "all"), 0)
    for operator in operators:
        macs["all"] += operator.macs * operator.count
        macs["ffn_up"] += operator.macs * operator.count * (operator.name == "ffn_up")
    index = [group.name for group in costs.groups].index("ffn_up.middle")
    assert costs.total[index, 0] == pytest.approx(macs["ffn_up"] / macs["all"] / 3)


@pytest.mark.parametrize(
    ("points", "share"),
    [
        ([], 0.0),
        ([(2.0, 0.0), (0.0, 5.0)], 0.0),
        ([(1.0, 2.0)], 0.25),
        ([(1.0, 2.0), (1.5, 3.0)], 0.25),
        ([(1.0, 2.0), (0.5, 3.0)], 0.25 + 0.5 / 8),
        ([(1.0, -1.0)], 0.5),
    ],
)
def test_hypervolume_of_a_box(points: list[tuple[float, float]], share: float) -> None:
    assert box_share(points, (2.0, 4.0)) == pytest.approx(share)


def test_the_unseen_text_was_not_seen() -> None:
    seen, unseen = (
        np.concatenate(bench.windows).tolist() for bench in (QualityBench.small(), unseen_bench())
    )
    whole = np.concatenate(QualityBench.small(limit=1 << 20).windows).tolist()
    assert whole == (seen + unseen)[: len(whole)]
    assert len(unseen) > 2 * len(seen)


def test_the_committed_page_is_that_of_the_committed_readings() -> None:
    meter = Meter(QualityBench.small(), kept=ReadingFile(), measures=False)
    unseen = Meter(unseen_bench(), kept=ReadingFile(UNSEEN), measures=False)
    table = measure_sensitivities(meter, known_formats(meter, HARDWARE_FORMATS))
    found = list(run_example(meter, table))
    assert Path("docs/formats.md").read_text("utf-8") == render_formats(table, meter, unseen, found)
    assert "int8" in table.formats
    assert found
    for one in found:
        assert one.choice.best.within(one.limit)
        assert set(one.choice.best.formats) <= set(SETS[one.name] or table.formats)


def test_what_was_not_measured_is_left_out_and_said() -> None:
    meter = Meter(ToyBench(), kept=None, measures=False)
    with pytest.raises(
        MissingReadingError, match=r"int8 was not measured yet; run python -m bench"
    ):
        meter.read(Assignment.parse("int8"))
    assert known_formats(meter, ("int8",)) == ()
    full = Meter(ToyBench())
    full.read(Assignment.parse("posit8"))
    assert known_formats(full, ("int8", "posit8")) == ()
    table = measure_sensitivities(full, ("int4", "posit8"))
    assert known_formats(full, ("int8", "posit8", "int4")) == ("posit8", "int4")
    page = render_formats(table, full, meter, [])
    missing = ", ".join(name for name in HARDWARE_FORMATS if name not in ("int4", "posit8"))
    assert f"Not measured in every group yet: {missing}." in page
