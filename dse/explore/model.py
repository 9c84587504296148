"""The closed-form model of every accelerator in a space: what the planner ranks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boards.power import Buffer, EnergyModel, energy_model
from boards.target import Target
from dse.workloads import Trace
from hw.contracts import SearchSpace
from hw.matrix import MatrixConfig
from sim.system import TraceModel, space_columns, space_mesh, time_trace
from surrogates.additive import predict

from .distributions import scaled_knobs
from .limits import AREA, Limits, area_violation

__all__ = ["AcceleratorModel", "engine_duty", "engine_power"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CHUNK = 8192


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

    Members
    -------
    predicted : dict of str to array
        What `predict` says of every point.
    modelled : dict of str to array
        What `TraceModel.evaluate` says of it at the predicted clock.
    figures : dict of str to array
        Area, clock and power: what measurements correct.
    """

    def __init__(
        self, space: SearchSpace[MatrixConfig], trace: Trace, target: Target, limits: Limits
    ) -> None:
        self._space, self._trace, self._target, self._limits = space, trace, target, limits
        self._columns = space_columns(space)
        self._trace_model = TraceModel(trace, target, self._columns)
        predicted = predict(space_mesh(space), target.family)
        self.predicted = {name: values.reshape(-1) for name, values in predicted.items()}
        area = self.predicted[AREA.get(target.family, "lut")]
        clock = np.minimum(self.predicted["clock_mhz"], target.clock.max_mhz)
        self.modelled = self._trace_model.evaluate(clock)
        power = self._power(clock, self.modelled)
        self.figures = {"area": area, "clock_mhz": clock, "power_mw": power}

    @cached_property
    def knobs(self) -> Floats:
        """Every point with each knob scaled to 0..1, shape (points, knobs)."""
        return scaled_knobs(self._space)

    @cached_property
    def seconds(self) -> Floats:
        """Expected time to measure each point."""
        return _measuring_seconds(self._columns, self._target)

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
        found = self._budget_violations(points)
        found |= area_violation(self._target, quantities["area"])
        user = self._limits.violations(quantities["latency_ms"], quantities["power_mw"])
        return {**found, **user}

    def trace_of(self, config: MatrixConfig) -> Trace:
        """Return the workload as a configuration computes it."""
        return self._trace

    def causes(self, config: MatrixConfig, clock_mhz: float) -> dict[str, Any]:
        """Return the time of every operator on one design, as ``trace.json`` holds it."""
        return time_trace(self._trace, config, self._target, clock_mhz).to_dict()

    def _budget_violations(self, points: Ints) -> dict[str, Floats]:
        """Return the misses of resources that are known before synthesis, LUTs left out."""
        found: dict[str, Floats] = {}
        for name in ("ff", "dsp", "bram"):
            if name in self.predicted and name in self._target.available:
                # One more of each, so that a resource of which there is none can be compared.
                used, there = self.predicted[name][points] + 1, self._target.available[name] + 1
                found[name] = np.log(used / there)
        return found

    def _power(self, clock: Floats, timed: Mapping[str, Floats]) -> Floats:
        """Return the power of every point, in chunks that stay in the cache."""
        duty, power = engine_duty(timed), np.empty_like(clock)
        model = energy_model(self._target.family, self._target.budget.get("lut"))
        for start in range(0, len(power), _CHUNK):
            part = slice(start, start + _CHUNK)
            columns = {name: values[part] for name, values in self._columns.items()}
            predicted = {name: values[part] for name, values in self.predicted.items()}
            power[part] = engine_power(columns, predicted, model, clock[part], duty[part])
        return power


def engine_duty(timed: Mapping[str, Any]) -> Any:
    """Return the useful share of the multipliers' time, waiting and host time included."""
    engine = timed["prefill_engine_ms"] + timed["decode_engine_ms"]
    host = timed["prefill_host_ms"] + timed["decode_host_ms"]
    return timed["utilisation"] * engine / (engine + host)


def engine_power(
    columns: Mapping[str, NDArray[Any]],
    predicted: Mapping[str, Floats],
    model: EnergyModel,
    clock_mhz: ArrayLike,
    duty: ArrayLike,
) -> Floats:
    """Return the engine's power averaged over the trace, in mW.

    Parameters
    ----------
    columns, predicted : mapping of str to array
        Fields of the designs, and what `predict` says of them.
    model : EnergyModel
        Of the target's family and size.
    clock_mhz, duty : array
        Clock, and `engine_duty` at this clock.
    """
    duty = np.asarray(duty)
    a_bits = columns["rows"] * columns["operand_bits"]
    b_bits = columns["cols"] * columns["operand_bits"]
    power: Floats = model.power_mw(
        clock_mhz=clock_mhz,
        area_um2=predicted.get("area_um2", 0.0),
        macs=columns["rows"] * columns["cols"] * duty,
        operand_bits=columns["operand_bits"],
        accum_bits=columns["accum_bits"],
        dsp=columns["multiplier"] == "dsp",
        ff=predicted.get("ff", 0.0),
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
