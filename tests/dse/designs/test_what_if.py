"""What one change would bring: single steps only, ranked by time, on a model that is held still."""

from __future__ import annotations

import pytest

from boards.target import load_target
from dse.designs import what_if as module
from dse.designs.what_if import Change, neighbours, what_if
from dse.workloads import Scenario, load_workload
from hw.matrix import MATRIX_SPACE, MatrixConfig, mixed_config

CONFIG = MatrixConfig(rows=8, cols=8, result_rows=16)


def _changes(monkeypatch: pytest.MonkeyPatch, lut: float = 1.0) -> tuple[Change, ...]:
    """Return all changes; every one-step change multiplies LUTs by `lut` and keeps the clock."""

    def predict(config: MatrixConfig, target: object) -> dict[str, float]:
        return {"lut": 1000.0 * (lut if config != CONFIG else 1.0), "clock_mhz": 90.0}

    monkeypatch.setattr(module, "_predict", predict)
    trace = load_workload("gpt2", Scenario.fixed(prompt=32, generate=4)).trace()
    return what_if(CONFIG, trace, load_target("ecpix5-85f"), 90.0)


def test_each_neighbour_differs_in_one_knob() -> None:
    for knob, old, new, config in neighbours(CONFIG, MATRIX_SPACE):
        assert getattr(CONFIG, knob) == old != new == getattr(config, knob)
        changed = {
            n for n in CONFIG.__dataclass_fields__ if getattr(config, n) != getattr(CONFIG, n)
        }
        assert changed <= {knob, "result_rows"}


def test_ordered_knobs_move_one_step() -> None:
    steps = [(knob, new) for knob, _, new, _ in neighbours(CONFIG, MATRIX_SPACE)]
    assert [new for knob, new in steps if knob == "rows"] == [4, 16]
    assert [new for knob, new in steps if knob == "dataflow"] == ["ws"]


def test_a_design_outside_the_space_has_neighbours_inside() -> None:
    odd = MatrixConfig(rows=12, cols=8)
    rows = [new for knob, _, new, _ in neighbours(odd, MATRIX_SPACE) if knob == "rows"]
    assert rows == [8, 16]


def test_changes_are_ranked_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = _changes(monkeypatch)
    assert [c.latency for c in changes] == sorted(c.latency for c in changes)
    assert changes[0].latency < 1


def test_what_does_not_fit_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(change.fits for change in _changes(monkeypatch))
    large = _changes(monkeypatch, lut=1000.0)
    assert not any(change.fits for change in large)
    assert large[0].resources == {"lut": 1000.0}


def test_a_family_without_a_model_keeps_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {(c.knob, c.new): c.latency for c in _changes(monkeypatch)}
    monkeypatch.setattr(module, "_predict", lambda config, target: {})
    trace = load_workload("gpt2", Scenario.fixed(prompt=32, generate=4)).trace()
    for change in what_if(CONFIG, trace, load_target("ecpix5-85f"), 90.0):
        assert change.latency == pytest.approx(expected[change.knob, change.new])
        assert change.resources == {}


def test_an_engine_with_formats_keeps_them() -> None:
    config = mixed_config(
        formats="fp4_e2m1+int8", rows=8, cols=8, multiplier="dsp", pipeline=2,
        a_depth=1024, b_depth=1024, banks=1,
    )  # fmt: skip
    trace = load_workload("gpt2", Scenario.fixed(prompt=32, generate=4)).trace()
    changes = what_if(config, trace, load_target("ecpix5-85f"), 110.0)
    assert {change.knob for change in changes} == {
        *("rows", "cols", "pipeline", "a_depth", "b_depth", "banks")
    }
    rows = next(change for change in changes if (change.knob, change.new) == ("rows", 16))
    assert rows.latency < 1
