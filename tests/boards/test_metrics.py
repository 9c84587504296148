"""A figure says what it is, and a record survives the way to a file and back."""

from __future__ import annotations

import json

import pytest

from boards.metrics import Fidelity, Figure, Metrics
from hw.contracts import ConfigError


def lut(value: float = 3, fidelity: str = "measured") -> Figure:
    return Figure(value=value, unit="LUT", fidelity=Fidelity(fidelity), tool="yosys", seed=1)


def test_a_predicted_figure_cannot_be_called_measured() -> None:
    with pytest.raises(ConfigError, match=r"is predicted, which its name .* '\.\.\._predicted'"):
        Metrics(engine_lut_measured=lut(fidelity="predicted"))


def test_a_sum_with_a_reserve_is_no_measured_figure() -> None:
    with pytest.raises(ConfigError, match="total_lut_incl_reserve"):
        Metrics(total_lut_incl_reserve=lut())
    assert Metrics(total_lut_incl_reserve=lut(fidelity="reserved")).value("total_lut_incl_reserve")


def test_json_round_trip_keeps_every_field() -> None:
    metrics = Metrics(engine_lut_measured=lut(), clock_mhz_estimated=lut(1.5, "estimated"))
    assert Metrics.from_json(metrics.to_json(indent=2)) == metrics
    assert isinstance(metrics["engine_lut_measured"].value, int)


def test_later_records_win_a_merge() -> None:
    first, second = Metrics(engine_lut_measured=lut(1)), Metrics(engine_lut_measured=lut(2))
    assert (first | second).value("engine_lut_measured") == 2
    assert first.merge(second, first).value("engine_lut_measured") == 1


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(KeyError, match="did you mean 'engine_lut_measured'"):
        Metrics(engine_lut_measured=lut())["engine_lut_measure"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a table of figures"),
        ('{"x_measured": 3}', "not a table with a value"),
        ('{"x_measured": {"value": 3}}', "fidelity, unit missing"),
        (
            '{"x_measured": {"value": 3, "unit": "", "fidelity": "measured", "tol": 1}}',
            "did you mean 'tool'",
        ),
        ('{"x_measured": {"value": "3", "unit": "", "fidelity": "measured"}}', "not a number"),
        ('{"x_measured": {"value": 3, "unit": "", "fidelity": "mesured"}}', "did you mean"),
    ],
)
def test_a_broken_record_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Metrics.from_json(text)


def test_the_record_is_plain_json() -> None:
    data = json.loads(Metrics(engine_lut_measured=lut()).to_json())
    assert data["engine_lut_measured"]["fidelity"] == "measured"
    assert "conditions" not in data["engine_lut_measured"]
