"""Chooses what to measure next: expected hypervolume gain per expected second of measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hw.contracts import ConfigError

from .correction import Correction, fit_correction
from .objectives import Objective
from .pareto import expected_gain, is_front
from .sampler import Observation, SpaceExhaustedError

__all__ = ["PRIORS", "FrontPlanner", "SpaceModel"]

Floats = NDArray[np.float64]

PRIORS = {"area": 0.15, "clock_mhz": 0.15, "power_mw": 0.15}
"""Standard deviation of log(measured / modelled) assumed before the first measurement."""

_POOL = 4096
_MARGIN = np.log(1.1)


class SpaceModel(Protocol):
    """The closed-form model over a whole space.

    Members
    -------
    knobs : array of shape (points, knobs)
        Every point, scaled to 0..1.
    figures : dict of str to array
        Modelled ``area``, ``clock_mhz`` and ``power_mw`` of every point.
    seconds : array
        Expected time to measure each point.
    """

    @property
    def knobs(self) -> Floats: ...
    @property
    def figures(self) -> Mapping[str, Floats]: ...
    @property
    def seconds(self) -> Floats: ...

    def quantities(
        self, points: NDArray[np.int64], figures: Mapping[str, Floats]
    ) -> dict[str, Floats]:
        """Return every objective column at `points`, given these area, clock and power figures."""
        ...

    def violations(
        self, points: NDArray[np.int64], quantities: Mapping[str, Floats]
    ) -> dict[str, Floats]:
        """Return the log-ratio by which each constraint is missed; at or below 0 it is met."""
        ...


class FrontPlanner:
    """Plans measurements over the part of the space that can reach the front.

    Parameters
    ----------
    model : SpaceModel
        Prediction of every point.
    objectives : sequence of Objective
        Axes of the front, compared on logarithmic scales.
    """

    def __init__(self, model: SpaceModel, objectives: Sequence[Objective]) -> None:
        self._model = model
        self._objectives = tuple(objectives)
        everything = np.arange(len(model.knobs))
        costs, worst = self._judge(everything, model.figures)
        feasible = worst <= 2 * max(PRIORS.values())
        if not feasible.any():
            raise ConfigError(
                "no design of the space meets the constraints even by the model; "
                "relax --max-power, --max-latency or choose a larger --target"
            )
        likely = everything[feasible]
        front = costs[likely][is_front(costs[likely])]
        self.pool = likely[np.argsort(_distance(costs[likely], front), kind="stable")[:_POOL]]
        self.reference: Floats = front.max(axis=0) + _MARGIN
        self.modelled = costs[self.pool]

    def propose(self, known: Sequence[Observation], pending: Sequence[int]) -> int:
        """Return the index of the next point to measure."""
        fits = self._fit(known, pending)
        figures, sigmas = self._corrected(fits)
        costs, spread, feasibility = self._predict(figures, sigmas)
        front = self._measured_front(known, pending, figures)
        gain = expected_gain(costs, spread, front, self.reference) * feasibility
        score = gain / self._model.seconds[self.pool]
        taken = np.isin(self.pool, [o.index for o in known] + list(pending))
        score[taken] = -np.inf
        best = int(np.argmax(score))
        if taken[best]:
            raise SpaceExhaustedError("every promising design was measured; widen the space")
        return int(self.pool[best])

    def _judge(
        self, points: NDArray[np.int64], figures: Mapping[str, Floats]
    ) -> tuple[Floats, Floats]:
        """Return objective costs (points, d) and the worst constraint violation of each point."""
        quantities = self._model.quantities(points, figures)
        costs = np.stack([o.cost(quantities[o.column]) for o in self._objectives], axis=1)
        violations = self._model.violations(points, quantities)
        worst = np.max([*violations.values(), np.full(len(points), -np.inf)], axis=0)
        return costs, worst

    def _fit(self, known: Sequence[Observation], pending: Sequence[int]) -> dict[str, Correction]:
        """Fit one correction per figure; pending points count as measured at their mean."""
        fits = {}
        for name, prior in PRIORS.items():
            seen = [o for o in known if name in o.figures]
            rows = np.array([o.index for o in seen], dtype=np.int64)
            modelled = self._model.figures[name][rows]
            ratio = np.log([o.figures[name] for o in seen]) - np.log(modelled)
            fit = fit_correction(self._model.knobs[rows], ratio, prior)
            if pending:
                waiting = self._model.knobs[np.array(pending, dtype=np.int64)]
                believed = fit.predict(waiting)[0]
                fit = Correction(
                    np.vstack([fit.points, waiting]),
                    np.concatenate([fit.log_ratio, believed]),
                    prior,
                    fit.length,
                    fit.amplitude,
                    fit.noise,
                )
            fits[name] = fit
        return fits

    def _corrected(
        self, fits: Mapping[str, Correction]
    ) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Return corrected figures of the pool and the deviation of their logarithms."""
        figures, sigmas = {}, {}
        for name, fit in fits.items():
            mean, sigmas[name] = fit.predict(self._model.knobs[self.pool])
            figures[name] = self._model.figures[name][self.pool] * np.exp(mean)
        return figures, sigmas

    def _predict(
        self, figures: Mapping[str, Floats], sigmas: Mapping[str, Floats]
    ) -> tuple[Floats, Floats, Floats]:
        """Carry the figures' uncertainty to the objectives, one figure at a time.

        A design limited by memory does not care for its clock; evaluating the model at the
        clock one deviation away says so without any derivative.
        """
        costs, worst = self._judge(self.pool, figures)
        variance, worst_variance = np.zeros_like(costs), np.zeros(len(costs))
        for name, sigma in sigmas.items():
            moved = {**figures, name: figures[name] * np.exp(sigma)}
            moved_costs, moved_worst = self._judge(self.pool, moved)
            variance += (moved_costs - costs) ** 2
            worst_variance += (moved_worst - worst) ** 2
        feasibility = ndtr(-worst / np.sqrt(np.maximum(worst_variance, 1e-12)))
        return costs, np.sqrt(variance), feasibility

    def _measured_front(
        self, known: Sequence[Observation], pending: Sequence[int], figures: Mapping[str, Floats]
    ) -> Floats:
        """Return costs of everything measured, and of what is pending as far as it is believed."""
        complete = [o for o in known if set(PRIORS) <= set(o.figures)]
        rows = np.array([o.index for o in complete], dtype=np.int64)
        measured = {name: np.array([o.figures[name] for o in complete]) for name in PRIORS}
        costs, worst = self._judge(rows, measured)
        believed = np.isin(self.pool, list(pending))
        waiting, _ = self._judge(
            self.pool[believed], {name: values[believed] for name, values in figures.items()}
        )
        return np.vstack([costs[worst <= 0], waiting])


def _distance(costs: Floats, front: Floats, chunk: int = 8192) -> Floats:
    """Return by how much each point misses the front: the additive epsilon indicator."""
    return np.concatenate(
        [
            (costs[start : start + chunk, None, :] - front[None, :, :]).min(axis=2).max(axis=1)
            for start in range(0, len(costs), chunk)
        ]
    )
