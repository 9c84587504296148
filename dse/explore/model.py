"""The closed-form model of every accelerator in a space: what the planner ranks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.power import Buffer, energy_model
from boards.target import Target
from dse.workloads import Trace
from hw.contracts import SearchSpace
from hw.matrix import MatrixConfig
from sim.system import TraceModel, space_columns, time_trace
from surrogates.additive import predict

from .distributions import scaled_knobs
from .limits import AREA, Limits, area_violation

__all__ = ["AcceleratorModel"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class AcceleratorModel:
    """Area, clock, power and trace latency of every point of a matrix-engine space.

    Parameters
    ----------
    space : SearchSpace
        Space of `MatrixConfig`.
    trace : Trace
        The workload.
    target : Target
        Gives budget, memory, host, family.
    limits : Limits
        The user's limits.
    """

    def __init__(
        self, space: SearchSpace[MatrixConfig], trace: Trace, target: Target, limits: Limits
    ) -> None:
        self.knobs: Floats = scaled_knobs(space)
        self._columns = space_columns(space)
        self._trace, self._target, self._limits = trace, target, limits
        self._trace_model = TraceModel(trace, target, self._columns)
        self.predicted = predict(self._columns, target.family)
        area = self.predicted[AREA.get(target.family, "lut")]
        clock = np.minimum(self.predicted["clock_mhz"], target.clock.max_mhz)
        self._budget = self._budget_violations()
        timed = self._trace_model.evaluate(clock)
        self.figures = {
            "area": area,
            "clock_mhz": clock,
            "power_mw": self._power(clock, timed),
        }
        self.seconds = _measuring_seconds(self._columns, target)

    def quantities(self, points: Ints, figures: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return every objective column at `points`, given their area, clock and power."""
        found = self._trace_model.evaluate(
            figures["clock_mhz"],
            power_mw=figures["power_mw"],
            area=figures["area"],
            points=np.asarray(points, dtype=np.int64),
        )
        return {**found, "area": figures["area"], "power_mw": figures["power_mw"]}

    def violations(self, points: Ints, quantities: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return by how much budget and limits are missed, as log-ratios."""
        found = {name: values[points] for name, values in self._budget.items()}
        found |= area_violation(self._target, quantities["area"])
        user = self._limits.violations(quantities["latency_ms"], quantities["power_mw"])
        return {**found, **user}

    def causes(self, config: MatrixConfig, clock_mhz: float) -> dict[str, Any]:
        """Return the time of every operator on one design, as ``trace.json`` holds it."""
        return time_trace(self._trace, config, self._target, clock_mhz).to_dict()

    def _budget_violations(self) -> dict[str, Floats]:
        """Return the misses of resources that are known before synthesis, LUTs left out."""
        found: dict[str, Floats] = {}
        for name in ("ff", "dsp", "bram"):
            if name in self.predicted and name in self._target.available:
                # One more of each, so that a resource of which there is none can be compared.
                used, there = self.predicted[name] + 1, self._target.available[name] + 1
                found[name] = np.log(used / there)
        return found

    def _power(self, clock: Floats, timed: Mapping[str, Floats]) -> Floats:
        """Return the engine's power averaged over the trace, waiting and host time included."""
        columns = self._columns
        engine = timed["prefill_engine_ms"] + timed["decode_engine_ms"]
        host = timed["prefill_host_ms"] + timed["decode_host_ms"]
        duty = timed["utilisation"] * engine / (engine + host)
        a_bits = columns["rows"] * columns["operand_bits"]
        b_bits = columns["cols"] * columns["operand_bits"]
        model = energy_model(self._target.family, self._target.budget.get("lut"))
        power: Floats = model.power_mw(
            clock_mhz=clock,
            area_um2=self.predicted.get("area_um2", 0.0),
            macs=columns["rows"] * columns["cols"] * duty,
            operand_bits=columns["operand_bits"],
            accum_bits=columns["accum_bits"],
            dsp=columns["multiplier"] == "dsp",
            ff=self.predicted.get("ff", 0.0),
            ff_rate=0.25 * duty,
            buffers=(
                Buffer(words=columns["a_depth"], width=a_bits, reads=duty, writes=duty / 4),
                Buffer(words=columns["b_depth"], width=b_bits, reads=duty, writes=duty),
            ),
        )
        return power


def _measuring_seconds(columns: Mapping[str, NDArray[Any]], target: Target) -> Floats:
    """Return the expected time to measure each design.

    Simulation and synthesis take about as long for every size; placement and routing grow with
    the array. What matters is the ratio: small designs are worth trying first.
    """
    cells = np.asarray(columns["rows"] * columns["cols"], dtype=float)
    words = np.where(columns["multiplier"] == "lut", 2.0, 1.0) * columns["operand_bits"] / 8
    seconds: Floats = 40.0 + (2.0 if target.routing else 0.1) * cells * words
    return seconds
