"""What an attempt is judged by: every bound, the clock, and what only self-tests show."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from boards.frozen import freeze
from dse.harden.choice import Limits
from dse.harden.loop import _short
from dse.harden.measure import GUARD, Budget, _after_tests, _self_tests, is_mechanism, permanent
from sim.faults.experiment import Experiment, Observation, Watched
from sim.faults.metrics import PERMANENT, load_rates
from sim.faults.metrics.asil import Metric, Verdict
from sim.faults.outcome import FALSE_ALARM, MASKED, NEVER
from sim.faults.sites import FLOP
from sim.faults.statistics import Frame, Stratum

LIMITS = Limits(spfm=0.99, period_ns=5.0)


def attempt(*, bound: float = 0.995, period_ns: float = 4.0) -> Any:
    metric = Metric("SPFM", PERMANENT, "both", bound + 0.001, bound)
    mapped = SimpleNamespace(period_ns=period_ns)
    return SimpleNamespace(mapped=mapped, verdicts=[Verdict(metric, "", LIMITS.spfm)])


def test_an_attempt_that_keeps_everything_is_short_of_nothing() -> None:
    assert _short(attempt(), LIMITS) == ""


def test_a_bound_that_is_missed_is_said() -> None:
    assert "SPFM of permanent faults, both, is 98.000%" in _short(attempt(bound=0.98), LIMITS)


def test_a_clock_that_is_missed_is_said() -> None:
    assert _short(attempt(period_ns=5.1), LIMITS) == "the period is 5.10 ns, not 5.00"


def test_mechanisms_are_what_protection_added_and_the_checksum() -> None:
    assert is_mechanism("checksum")
    assert is_mechanism(GUARD + "sequencer")
    assert not is_mechanism("sequencer")


DESIGN = """
module core(input clk, input d, output reg q, output reg error_detected, output reg corrected);
  reg copy;
  always @(posedge clk) begin
    q <= d; copy <= d; error_detected <= q ^ copy; corrected <= q & copy;
  end
endmodule
"""


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    inputs = [{"d": cycle % 3 == 0} for cycle in range(12)]
    seen = Observation(
        data=(Watched("q"),), detectors=("error_detected",), correctors=("corrected",)
    )
    return Experiment(freeze(DESIGN, "core"), inputs, seen)


def test_a_host_compares_detectors_and_correctors(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["dse.harden.measure"]  # the package has a function of that name
    monkeypatch.setattr(module, "LanesEngine", lambda made: made)
    (made,) = _self_tests(experiment, [experiment.inputs])
    assert made.observation == Observation(control=("error_detected", "corrected"))


def test_stuck_at_zero_and_one_take_half_of_the_rate_each(experiment: Experiment) -> None:
    found = permanent(experiment, lambda name: "all", Budget(faults=100))
    flops = [p for p in found.parts if {s.kind for s in p.tally.strata} == {FLOP}]
    assert len(flops) == 2
    whole = experiment.netlist.flop_bits * load_rates().of(PERMANENT, FLOP).fit_per_cell
    assert sum(float(part.fit.sum()) for part in flops) == pytest.approx(whole)


def test_self_tests_are_of_mechanisms_alone() -> None:
    frame = Frame(
        (Stratum("core", FLOP, 2), Stratum(GUARD + "core", FLOP, 2)),
        np.array([0, 0, 1, 1], np.int32),
        range(1),
    )
    campaign = SimpleNamespace(plan=SimpleNamespace(frame=frame), faults=lambda numbers: numbers)
    masked = np.full(4, MASKED, np.uint8)
    result = SimpleNamespace(classes=masked, campaign=campaign, numbers=np.arange(4))

    def inject(numbers: Any) -> Any:
        assert set(numbers.tolist()) <= {2, 3}  # nothing is asked of what is no mechanism
        spoke = np.where(numbers == 2, 5, NEVER)
        return np.rec.fromarrays([spoke], names="control")

    found = _after_tests(result, [SimpleNamespace(inject=inject)])
    assert found.tolist() == [MASKED, MASKED, FALSE_ALARM, MASKED]
    assert masked.tolist() == [MASKED] * 4
