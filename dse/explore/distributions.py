"""Knobs of a search space as Optuna distributions, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hw.contracts import SearchSpace

__all__ = ["scaled_knobs", "to_distributions", "to_params", "to_point"]


def to_distributions(space: SearchSpace[Any]) -> dict[str, BaseDistribution]:
    """Return one distribution per knob.

    An ordinal knob becomes the integer position of its value, so that samplers know which values
    are neighbours; powers of two are then evenly spaced, as their effect is.
    """
    return {
        name: IntDistribution(0, len(knob.values) - 1)
        if knob.ordinal
        else CategoricalDistribution(knob.values)
        for name, knob in space.knobs.items()
    }


def to_point(space: SearchSpace[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the point of `space` that a trial's `params` stand for."""
    return {
        name: knob.values[params[name]] if knob.ordinal else params[name]
        for name, knob in space.knobs.items()
    }


def to_params(space: SearchSpace[Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """Return the trial parameters that stand for `point`."""
    return {
        name: knob.values.index(point[name]) if knob.ordinal else point[name]
        for name, knob in space.knobs.items()
    }


def scaled_knobs(space: SearchSpace[Any]) -> NDArray[np.float64]:
    """Return every point of `space` with each knob scaled to 0..1, shape (points, knobs)."""
    columns = space.columns()
    return np.stack(
        [columns[name] / max(1, len(knob.values) - 1) for name, knob in space.knobs.items()],
        axis=1,
    )
