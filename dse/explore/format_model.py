"""The closed-form model of engines with number formats: one trace for each set of formats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boards.metrics import Fidelity, Figure, Metrics
from boards.power import Buffer, energy_model
from boards.target import Target
from dse.precision import FormatPlan
from dse.precision.readings import STAND_IN
from dse.workloads import Trace
from hw.contracts import SearchSpace
from hw.matrix import MatrixConfig
from sim.system import TraceModel, time_trace
from surrogates.mixed import mixed_group, predict_mixed

from .distributions import scaled_knobs
from .limits import Limits, area_violation
from .model import engine_duty
from .objectives import QUALITY

__all__ = ["FormatModel"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_RESOURCES = ("ff", "dsp", "bram")


class FormatModel:
    """Area, clock, power, latency and quality of every point of a space of engines with formats.

    Parameters
    ----------
    space : SearchSpace
        Restriction of `hw.matrix.MIXED_SPACE`, with a plan for every value of ``formats``.
    plans : sequence of FormatPlan
        Who computes in what, and what that was measured to lose.
    target : Target
        Gives budget, memory, host, family.
    limits : Limits
        The user's limits.

    Members
    -------
    predicted : dict of str to array
        What `predict_mixed` says of every point.
    figures : dict of str to array
        Area, clock and power: what measurements correct.
    """

    def __init__(
        self,
        space: SearchSpace[MatrixConfig],
        plans: Sequence[FormatPlan],
        target: Target,
        limits: Limits,
    ) -> None:
        self._space, self._target, self._limits = space, target, limits
        self._plans = {plan.formats: plan for plan in plans}
        names = space.knobs["formats"].values
        self._order = [self._plans[str(name)] for name in names]
        self._plan_of = space.columns()["formats"]
        self._columns = _columns(space)
        self._accum_bits = _accumulators(space)[self._plan_of]
        self._part = [np.flatnonzero(self._plan_of == at) for at in range(len(names))]
        self._place = np.zeros(len(space), dtype=np.int64)  # of each point in its part
        for part in self._part:
            self._place[part] = np.arange(len(part))
        self._models = [
            TraceModel(plan.trace, target, {name: of[part] for name, of in self._columns.items()})
            for plan, part in zip(self._order, self._part, strict=True)
        ]
        self.predicted = self._predict()
        clock = np.minimum(self.predicted["clock_mhz"], target.clock.max_mhz)
        figures = {"area": self.predicted["lut"], "clock_mhz": clock}
        everything = np.arange(len(space))
        timed = self._evaluate(everything, {**figures, "power_mw": np.ones(len(space))})
        self.figures = {**figures, "power_mw": self._power(clock, timed)}

    @cached_property
    def knobs(self) -> Floats:
        """Every point with each knob scaled to 0..1, shape (points, knobs)."""
        return scaled_knobs(self._space)

    @cached_property
    def seconds(self) -> Floats:
        """Expected time to measure each point: routing decides, and grows with the LUTs."""
        return np.asarray(40.0 + 0.01 * self.predicted["lut"])

    def plan(self, config: MatrixConfig) -> FormatPlan:
        """Return the plan of a configuration of the space."""
        return self._plans["+".join(config.formats)]

    @property
    def _quality_column(self) -> str:
        stand_in, own = QUALITY
        return stand_in if self._order[0].source == STAND_IN else own

    def quality_figures(self, config: MatrixConfig) -> Metrics:
        """Return what a configuration's formats were measured to lose."""
        plan, column = self.plan(config), self._quality_column
        error = plan.reading.increase_error
        return Metrics(
            {
                f"{column}_measured": Figure(
                    value=1 + plan.reading.increase,
                    unit="",
                    fidelity=Fidelity.MEASURED,
                    tool="kiln-quality",
                    conditions=f"perplexity over float64's {QUALITY[column]}, bit-exact "
                    f"arithmetic, standard error {error:.4f}; {plan.assignment}",
                )
            }
        )

    def formats_text(self, config: MatrixConfig) -> str:
        """Return JSON: which operator runs in which mode, as a driver has to know it."""
        plan = self.plan(config)
        loss = plan.reading
        found = {
            "modes": {name: code for code, name in enumerate(config.formats)},
            "result_format": config.result_format,
            "assignment": plan.assignment,
            "operators": dict(sorted(plan.groups.items())),
            "quality": {
                "model": QUALITY[self._quality_column],
                "perplexity_increase_measured": loss.increase,
                "perplexity_increase_error_measured": loss.increase_error,
            },
        }
        return json.dumps(found, indent=1) + "\n"

    def trace_of(self, config: MatrixConfig) -> Trace:
        """Return the workload as a configuration computes it."""
        return self.plan(config).trace

    def quantities(self, points: Ints, figures: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return every objective column at `points`, given their area, clock and power."""
        points = np.asarray(points, dtype=np.int64)
        found = self._evaluate(points, figures)
        losses = np.array([1 + plan.reading.increase for plan in self._order])
        stored = np.array([plan.stored_bytes for plan in self._order], dtype=float)
        which = self._plan_of[points]
        return {
            **found,
            "memory_fill": stored[which] / self._target.memory.capacity_bytes,
            self._quality_column: losses[which],
            "area": np.asarray(figures["area"]),
            "power_mw": np.asarray(figures["power_mw"]),
        }

    def violations(self, points: Ints, quantities: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return by how much budget, memory and limits are missed, as log-ratios."""
        points = np.asarray(points, dtype=np.int64)
        there = self._target.available
        found = {
            # One more of each, so that a resource of which there is none can be compared.
            name: np.log((self.predicted[name][points] + 1) / (there[name] + 1))
            for name in _RESOURCES
            if name in there
        }
        found |= area_violation(self._target, quantities["area"])
        found["memory"] = np.log(quantities["memory_fill"])
        return found | self._limits.violations(quantities["latency_ms"], quantities["power_mw"])

    def causes(self, config: MatrixConfig, clock_mhz: float) -> dict[str, Any]:
        """Return the time of every operator on one design, as ``trace.json`` holds it."""
        plan = self.plan(config)
        timed = time_trace(plan.trace, config, self._target, clock_mhz).to_dict()
        return {**timed, "assignment": plan.assignment, "quality": plan.source}

    def _evaluate(self, points: Ints, figures: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return the times of points, each by its own plan's model."""
        clock, power, area = (
            np.broadcast_to(figures[name], points.shape)
            for name in ("clock_mhz", "power_mw", "area")
        )
        result: dict[str, Floats] = {}
        which = self._plan_of[points]
        for at in np.unique(which) if len(which) else [0]:  # no points have all columns, too
            here = np.flatnonzero(which == at)
            found = self._models[at].evaluate(
                clock[here],
                power_mw=power[here],
                area=area[here],
                points=self._place[points[here]],
            )
            for name, values in found.items():
                result.setdefault(name, np.zeros(len(points)))[here] = values
        return result

    def _predict(self) -> dict[str, Floats]:
        result: dict[str, Floats] = {}
        pipelines = self._space.columns()["pipeline"]
        values = self._space.knobs["pipeline"].values
        for at, plan in enumerate(self._order):
            for turn, pipeline in enumerate(values):
                here = np.flatnonzero((self._plan_of == at) & (pipelines == turn))
                knobs = {name: of[here] for name, of in self._columns.items()}
                group = mixed_group(plan.formats, int(pipeline))
                for name, found in predict_mixed(group, knobs, self._target.family).items():
                    result.setdefault(name, np.zeros(len(self._plan_of)))[here] = found
        return result

    def _power(self, clock: ArrayLike, timed: Mapping[str, Floats]) -> Floats:
        """Return the power of every point; an element's product counts as one of 16 bits."""
        model = energy_model(self._target.family, self._target.budget.get("lut"))
        columns, duty = self._columns, engine_duty(timed)
        buffers = tuple(
            Buffer(
                words=columns[f"{side}_depth"],
                width=columns[count] * columns["operand_bits"],
                reads=duty,
                writes=duty / (4 if side == "a" else 1),
            )
            for side, count in (("a", "rows"), ("b", "cols"))
        )
        power: Floats = model.power_mw(
            clock_mhz=clock,
            macs=columns["rows"] * columns["cols"] * duty,
            operand_bits=columns["operand_bits"],
            accum_bits=self._accum_bits,
            dsp=columns["multiplier"] == "dsp",
            ff=self.predicted["ff"],
            ff_rate=0.25 * duty,
            buffers=buffers,
        )
        return power


def _accumulators(space: SearchSpace[MatrixConfig]) -> NDArray[np.int64]:
    """Return the width of the accumulators for every value of ``formats``."""
    least = {name: knob.values[0] for name, knob in space.knobs.items()}
    configs = [space.decode({**least, "formats": names}) for names in space.knobs["formats"].values]
    return np.array([config.accum_bits for config in configs])


def _columns(space: SearchSpace[MatrixConfig]) -> dict[str, NDArray[Any]]:
    """Return the columns of `sim.system.space.FIELDS` of every point, as the system model has them:
    ``pipeline`` is `MatrixConfig.stages`, ``accum_bits`` is `MatrixConfig.result_bits`.
    """
    at = space.columns()
    columns = {
        name: np.array(knob.values)[at[name]]
        for name, knob in space.knobs.items()
        if name not in ("formats", "result_ratio", "pipeline")
    }
    count = len(space)
    formats, pipelines = (space.knobs[name].values for name in ("formats", "pipeline"))
    least = {name: knob.values[0] for name, knob in space.knobs.items()}
    stages, bits = np.zeros((2, len(formats), len(pipelines)), dtype=np.int64)
    for i, names in enumerate(formats):
        for j, pipeline in enumerate(pipelines):
            config = space.decode({**least, "formats": names, "pipeline": pipeline})
            stages[i, j], bits[i, j] = config.stages, config.result_bits
    ratio = np.array(space.knobs["result_ratio"].values)[at["result_ratio"]]
    where = at["formats"], at["pipeline"]
    return columns | {
        "dataflow": np.full(count, "os"),
        "operand_bits": np.full(count, 16),
        "accum_bits": bits[where],
        "pipeline": stages[where],
        "result_rows": np.maximum(4, columns["rows"]) * ratio,
    }
