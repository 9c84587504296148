"""Judges points of an accelerator space: by the model, and by climbing the measurement ladder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.flows import used
from boards.metrics import Fidelity, Figure, Metrics
from boards.pool import Pool
from boards.target import Target
from dse.designs import write_design
from dse.results import Row, RunFolder, TrialState, report_sources, signed, trace_source
from dse.workloads import Trace
from hw.contracts import KilnError, SearchSpace, StorageError
from sim.cosim import CosimProtocolError, CosimStallError

from .block_model import BlockModel
from .format_model import FormatModel
from .ladder import Climb, Ladder, OverBudgetError, WrongDesignError
from .limits import AREA, Limits
from .model import AcceleratorModel
from .objectives import QUALITY, Objective
from .pareto import front_layers
from .planner import PRIORS
from .prediction import RESOURCE_UNITS, predicted_figure, predicted_resources
from .resilience import NotResilientError, Resilience, protected_climb
from .search import Judgement

__all__ = ["AcceleratorEvaluator", "Problem", "figure_name"]

_LAYERS = 3
_HOPELESS = 2 * max(PRIORS.values())
"""Log-ratio of a constraint's miss beyond which the model alone refuses a design."""
_MISSED = 1.0  # log-ratio told of a bound that is missed: by how much is not known
_TRACE_UNITS = {
    "latency_ms": "ms",
    "ttft_ms": "ms",
    "tpot_ms": "ms",
    "tokens_per_s": "1/s",
    "energy_j": "J",
    "tokens_per_joule": "1/J",
    "tokens_per_s_per_area": "1/s",
    "utilisation": "",
}

_DESIGN_ERRORS = (WrongDesignError, CosimProtocolError, CosimStallError)
"""What fails for the design's own fault; other failures are the tools', and may pass."""


Model = AcceleratorModel | BlockModel | FormatModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is searched: a trace on a target, over a space, for objectives, within limits."""

    trace: Trace
    target: Target
    space: SearchSpace[Any]
    objectives: tuple[Objective, ...]
    limits: Limits
    seed: int = 0
    model: Callable[..., Model] = AcceleratorModel
    liberty: Path | None = None
    routings: int = 1
    resilience: Resilience | None = None


class AcceleratorEvaluator:
    """The search's `Evaluator` for generated accelerators.

    Parameters
    ----------
    problem : Problem
        What is searched.
    run : RunFolder
        Where design folders are written.
    jobs : int
        Measurements at a time.
    """

    def __init__(self, problem: Problem, run: RunFolder, *, jobs: int = 2) -> None:
        self.space, self.objectives = problem.space, problem.objectives
        self._problem, self._run = problem, run
        self.model: Model = problem.model(
            problem.space, problem.trace, problem.target, problem.limits
        )
        self._ladder = Ladder(
            problem.target,
            self.model.trace_of,
            self.model.causes,
            seed=problem.seed,
            routings=problem.routings,
            liberty=problem.liberty,
        )
        self._pool = Pool(jobs)

    def screen(self, point: Mapping[str, Any]) -> Judgement | None:
        """Refuse a point that misses a constraint by more than the model's error, unmeasured."""
        judgement = self._modelled(point, TrialState.SCREENED, {}, "")
        misses = {k: v for k, v in judgement.violations.items() if v > _HOPELESS}
        return judgement if misses else None

    def submit(self, number: int, point: Mapping[str, Any]) -> Future[Judgement]:
        """Climb the ladder in the background."""
        return self._pool.submit(self._measure, number, point)

    def model_rows(self, points: NDArray[np.int64]) -> list[Row]:
        """Return the first modelled front layers as rows."""
        quantities = self._quantities(points)
        costs = np.stack([o.cost(quantities[o.column]) for o in self.objectives], axis=1)
        layers = front_layers(costs, _LAYERS)
        order = [int(i) for i in np.lexsort((np.arange(len(points)), layers)) if layers[i] >= 0]
        return [
            {
                "layer": int(layers[i]) + 1,
                **self.space.point(int(points[i])),
                **{
                    self._modelled_name(o.column): float(f"{quantities[o.column][i]:.6g}")
                    for o in self.objectives
                },
            }
            for i in order
        ]

    def _modelled_name(self, column: str) -> str:
        """Return a column's name where no design was built: quality is measured all the same."""
        fidelity = Fidelity.MEASURED if column in QUALITY else Fidelity.PREDICTED
        return self._figure(column, fidelity)

    def close(self) -> None:
        """Kill what still runs."""
        self._pool.stop()

    def _measure(self, number: int, point: Mapping[str, Any]) -> Judgement:
        config = self.space.decode(point)
        try:
            climb = self._climb(config)
        except StorageError:
            raise  # a full disk ends the search; it is no property of the design
        except OverBudgetError as error:
            return self._signed(self._over_budget(point, error))
        except NotResilientError as error:
            refused = self._modelled(point, TrialState.REFUSED, {"asil": _MISSED}, str(error))
            return self._signed(refused)
        except KilnError as error:
            failed = self._modelled(point, TrialState.FAILED, {"failed": 1.0}, str(error))
            failed = self._signed(failed)
            return replace(failed, again=not isinstance(error, _DESIGN_ERRORS))
        judgement = self._signed(self._judge(point, climb))
        self._write_design(number, config, climb, judgement.metrics)
        return judgement

    def _climb(self, config: Any) -> Climb:
        """Measure a design; where an ASIL is asked for, as it is once it is protected."""
        climb, asked = self._ladder.climb(config), self._problem.resilience
        if asked is None:
            return climb
        problem = self._problem
        return protected_climb(
            config, climb, asked, problem.target, seed=problem.seed, routings=problem.routings
        )

    def _write_design(self, number: int, config: Any, climb: Climb, metrics: Metrics) -> None:
        command = self._command
        reports = report_sources(metrics, climb.files, command)
        if isinstance(self.model, FormatModel):
            climb.files["formats.json"] = self.model.formats_text(config)
        with self._run.fresh_design(number) as folder:
            write_design(
                folder,
                config,
                climb.design,
                metrics=metrics,
                trace={**climb.causes, "provenance": trace_source(metrics, command)},
                files={
                    **climb.files,
                    "reports/provenance.json": json.dumps(reports, indent=1) + "\n",
                },
            )

    @property
    def _command(self) -> str:
        """The command that makes the run again, as its ``run.json`` has it."""
        return str(self._run.info().get("command", "")) if self._run.exists else ""

    def _signed(self, judgement: Judgement) -> Judgement:
        return replace(judgement, metrics=signed(judgement.metrics, self._command))

    def _judge(self, point: Mapping[str, Any], climb: Climb) -> Judgement:
        index = np.array([self.space.index(point)])
        area = np.array([climb.area])
        figures = {
            "area": area,
            "clock_mhz": np.array([climb.clock_mhz]),
            "power_mw": np.array([climb.power_mw]),
        }
        quantities = self.model.quantities(index, figures)
        violations = self._user_limits(quantities)
        missed = {name: value for name, value in violations.items() if value > 0}
        return Judgement(
            state=TrialState.REFUSED if missed else TrialState.MEASURED,
            metrics=climb.metrics
            | self._trace_figures(quantities)
            | self._quality(point)
            | self._predicted(point),
            objectives={o.column: float(quantities[o.column][0]) for o in self.objectives},
            violations=violations,
            figures={name: float(value[0]) for name, value in figures.items()},
            reason=_reason(missed),
        )

    def _over_budget(self, point: Mapping[str, Any], error: OverBudgetError) -> Judgement:
        """Return what synthesis taught: the area is known, clock and power stay modelled."""
        area = used(error.metrics, AREA.get(self._problem.target.family, "lut"))
        judgement = self._modelled(point, TrialState.REFUSED, error.missed, _reason(error.missed))
        return replace(
            judgement, metrics=error.metrics | judgement.metrics, figures={"area": float(area)}
        )

    def _modelled(
        self, point: Mapping[str, Any], state: TrialState, extra: Mapping[str, float], reason: str
    ) -> Judgement:
        index = np.array([self.space.index(point)])
        quantities = self._quantities(index)
        violations = self.model.violations(index, quantities)
        return Judgement(
            state=state,
            metrics=self._predicted(point),
            objectives={o.column: float(quantities[o.column][0]) for o in self.objectives},
            violations={name: float(value[0]) for name, value in violations.items()} | dict(extra),
            figures={},
            reason=reason,
        )

    def _quantities(self, points: NDArray[np.int64]) -> dict[str, Any]:
        figures = {name: values[points] for name, values in self.model.figures.items()}
        return self.model.quantities(points, figures)

    def _user_limits(self, quantities: Mapping[str, Any]) -> dict[str, float]:
        limits = self._problem.limits
        found = limits.violations(quantities["latency_ms"], quantities["power_mw"])
        return {name: float(value[0]) for name, value in found.items()}

    def _figure(self, column: str, fidelity: Fidelity) -> str:
        return figure_name(column, self._problem.target.family, fidelity)

    def _trace_figures(self, quantities: Mapping[str, Any]) -> Metrics:
        """Return the trace's figures: modelled, from the measured clock and the cycle model."""
        figures = {}
        for column, unit in _TRACE_UNITS.items():
            if column in quantities:
                name = figure_name(column, self._problem.target.family)
                figures[name] = Figure(
                    value=float(f"{float(quantities[column][0]):.10g}"),
                    unit=unit,
                    fidelity=Fidelity(name.rpartition("_")[2]),
                    tool="kiln-system",
                    conditions=f"{self._problem.trace.name} on {self._problem.target.name}, "
                    "memory and host of the target included",
                )
        return Metrics(figures)

    def _quality(self, point: Mapping[str, Any]) -> Metrics:
        """Return what the formats of a design were measured to lose, if it has any."""
        if not isinstance(self.model, FormatModel):
            return Metrics()
        return self.model.quality_figures(self.space.decode(point))

    def _predicted(self, point: Mapping[str, Any]) -> Metrics:
        """Return what the model said before anything was measured, every objective included."""
        index = np.array([self.space.index(point)])
        quantities = self._quantities(index)
        wanted = {
            "area": "um2" if self._problem.target.family in AREA else "LUT",
            "power_mw": "mW",
            "latency_ms": "ms",
        }
        asked = {o.column for o in self.objectives} - QUALITY.keys()
        wanted |= {name: unit for name, unit in _TRACE_UNITS.items() if name in asked}
        found = {column: (float(quantities[column][0]), unit) for column, unit in wanted.items()}
        found["clock_mhz"] = (float(self.model.figures["clock_mhz"][index[0]]), "MHz")
        found |= predicted_resources(self.model, int(index[0]))
        family = self._problem.target.family
        return Metrics(
            {
                self._figure(column, Fidelity.PREDICTED): predicted_figure(
                    column, value, unit, self.model, family
                )
                for column, (value, unit) in found.items()
            }
        )


def figure_name(column: str, family: str, fidelity: Fidelity | None = None) -> str:
    """Return the name of the figure that holds an objective's column on a target of `family`.

    Without a `fidelity` it is the one that a finished measurement has: energy is no better than
    the power it comes from, which is modelled from cells on sky130 and estimated on FPGAs.
    """
    asic = family == "sky130"
    found = {
        **dict.fromkeys(QUALITY, Fidelity.MEASURED),
        "area": Fidelity.ESTIMATED if asic else Fidelity.MEASURED,  # macros are from a table
        **dict.fromkeys(
            ("power_mw", "energy_j", "tokens_per_joule"),
            Fidelity.MODELLED if asic else Fidelity.ESTIMATED,
        ),
    }.get(column, Fidelity.MODELLED)
    stem = {
        "area": f"engine_{AREA.get(family, 'lut')}",
        "latency_ms": "trace_latency_ms",
        **{name: f"engine_{name}" for name in RESOURCE_UNITS},
    }
    return f"{stem.get(column, column)}_{(fidelity or found).value}"


def _reason(missed: Mapping[str, float]) -> str:
    parts = [f"{name} by {np.expm1(value):.0%}" for name, value in missed.items()]
    return f"over the limit: {', '.join(parts)}" if parts else ""
