"""Numbers, ticks, labels and column names as readers see them."""

from __future__ import annotations

from typing import Any

import pytest

from dse.report.columns import find_column, parse_column, predicted_pairs
from dse.report.text import label_places, log_ticks, number
from dse.report.time_charts import verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.678, "12,346"),
        (90.591, "90.59"),
        (0.01234, "0.01234"),
        (0.00001234, "1.23e-05"),
        (5470, "5,470"),
        (3.0, "3"),
        (float("nan"), ""),
        (float("inf"), ""),
        (None, ""),
        (True, "True"),
        ("os", "os"),
    ],
)
def test_numbers_have_four_digits_and_separators(value: Any, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("low", "high"), [(1, 1), (9.1, 9.3), (210, 390), (3, 8e6), (1e-6, 1e9)])
def test_ticks_are_few_round_and_near_the_data(low: float, high: float) -> None:
    ticks = log_ticks([low, high])
    assert 1 <= len(ticks) <= 7
    assert all(low / 1.26 <= tick <= high * 1.26 for tick in ticks)


def test_nothing_to_draw_has_no_ticks() -> None:
    assert log_ticks([0.0, float("nan")]) == []


def test_labels_of_neighbours_take_different_sides() -> None:
    assert label_places([1, 100], [1, 100]) == ["top center", "top center"]
    near = label_places([1, 1.01, 100], [1, 1.01, 100])
    assert near[0] != near[1]


def test_labels_keep_clear_on_axes_that_reach_further_than_their_points() -> None:
    xs, ys = [1.0, 1.1, 1.2], [1.0, 1.1, 1.2]
    alone = label_places(xs, ys)
    assert alone == ["top center"] * 3
    assert len(set(label_places(xs, ys, drawn=([1000.0], [1000.0])))) > 1


@pytest.mark.parametrize(
    ("name", "title", "fidelity"),
    [
        ("trace_latency_ms_modelled", "latency (ms)", "modelled"),
        ("engine_lut_measured", "engine LUT", "measured"),
        ("total_lut_incl_reserve", "total with reserve LUT", "reserved"),
        ("area_um2_measured", "area (µm²)", "measured"),
        ("tokens_per_s_modelled", "tokens/s", "modelled"),
        ("ttft_ms_modelled", "TTFT (ms)", "modelled"),
        ("rows", "rows", ""),
    ],
)
def test_column_names_become_words(name: str, title: str, fidelity: str) -> None:
    column = parse_column(name)
    assert (column.title, column.fidelity) == (title, fidelity)


def test_a_measured_column_is_preferred() -> None:
    columns = ["clock_mhz_predicted", "clock_mhz_estimated", "clock_mhz_measured"]
    assert find_column(columns, "clock_mhz") == "clock_mhz_measured"
    assert find_column(["trace_latency_ms_modelled"], "latency_ms") == "trace_latency_ms_modelled"
    assert find_column(columns, "power_mw") is None


def test_predictions_pair_with_the_same_figure_only() -> None:
    columns = ["lut_predicted", "engine_lut_measured", "ff_predicted", "clock_mhz_measured"]
    assert predicted_pairs(columns) == [("lut_predicted", "engine_lut_measured")]


def test_the_verdict_names_the_largest_cause_of_each_phase() -> None:
    operators = [
        {"phase": "prefill", "causes_ms": {"compute": 3.0, "memory": 1.0}},
        {"phase": "decode", "causes_ms": {"memory": 8.0}},
        {"phase": "decode", "causes_ms": {"host": 2.0}},
    ]
    said = verdict({"operators": operators})
    assert said == (
        "Prefill spends 75% of its time on compute; "
        "decode spends 80% of its time on waiting for memory."
    )
    assert verdict({}) == ""
