"""What one change to a design would bring: every knob, one step away, on the system model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.contracts import ConfigError, KilnError, Knob, SearchSpace

if TYPE_CHECKING:
    from boards.target import Target
    from dse.workloads import Trace
    from hw.matrix import MatrixConfig

__all__ = ["Change", "neighbours", "predicting_tool", "what_if"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One knob moved by one step.

    Members
    -------
    knob : str
        Its name.
    old, new : object
        Its value now and then.
    latency : float
        Latency of the request then, as a share of what it is now.
    resources : dict of str to float
        Predicted resources then, as a share of what is predicted for the design now; empty where
        nothing is known of the family.
    fits : bool
        Whether the predicted resources fit the target.
    """

    knob: str
    old: Any
    new: Any
    latency: float
    resources: dict[str, float]
    fits: bool


def neighbours(
    config: MatrixConfig, space: SearchSpace[MatrixConfig]
) -> Iterator[tuple[str, Any, Any, MatrixConfig]]:
    """Yield (knob, old value, new value, configuration) for each single step within `space`."""
    for name, knob in space.knobs.items():
        if hasattr(config, name) and name != "formats":  # others are another assignment
            old = getattr(config, name)
            for new in _steps(knob, old):
                try:
                    yield name, old, new, _moved(config, name, new)
                except ConfigError:
                    continue  # no such design; a smaller step in another knob comes first


def _steps(knob: Knob, old: Any) -> list[Any]:
    """Return the values next to `old`: both sides of an ordered knob, all others of a choice."""
    if not knob.ordinal:
        return [value for value in knob.values if value != old]
    below = [value for value in knob.values if value < old]
    above = [value for value in knob.values if value > old]
    return below[-1:] + above[:1]


def _moved(config: MatrixConfig, name: str, value: Any) -> MatrixConfig:
    """Return `config` with one field changed and the result buffer kept as many tiles deep."""
    changes = {name: value}
    if name in ("rows", "dataflow"):
        rows = changes.get("rows", config.rows)
        halves = {"os": 1, "ws": 2}
        now, then = halves[config.dataflow], halves[changes.get("dataflow", config.dataflow)]
        tiles = config.result_rows / (config.rows * now)
        changes["result_rows"] = max(4, round(tiles * rows * then))
    return dataclasses.replace(config, **changes)


def what_if(
    config: MatrixConfig, trace: Trace, target: Target, clock_mhz: float
) -> tuple[Change, ...]:
    """Return every single step from `config`, the one that saves the most time first.

    Cycles are the system model's. The clock moves as far as the area and clock model says that the
    step moves it; where that model knows nothing of the target, the clock stays.
    """
    from hw.matrix import MATRIX_SPACE, MIXED_SPACE
    from sim.system.model import TraceModel
    from sim.system.space import config_columns

    steps = list(neighbours(config, MIXED_SPACE if config.formats else MATRIX_SPACE))
    columns = config_columns([config, *(step[-1] for step in steps)])
    configs = [config, *(step[-1] for step in steps)]
    predicted = [_predict(one, target) for one in configs]
    clocks = [_clock(predicted[0], figures, clock_mhz, target) for figures in predicted]
    latency = TraceModel(trace, target, columns).evaluate(np.array(clocks))["latency_ms"]
    changes = [
        Change(
            knob=knob,
            old=old,
            new=new,
            latency=float(latency[index] / latency[0]),
            resources=_shares(predicted[0], predicted[index]),
            fits=_fits(predicted[index], target),
        )
        for index, (knob, old, new, _) in enumerate(steps, start=1)
    ]
    return tuple(sorted(changes, key=lambda change: change.latency))


def predicting_tool(config: MatrixConfig) -> str:
    """Return the name of what predicts area and clock of an engine of this kind."""
    return "kiln-mixed" if config.formats else "kiln-additive"


def _predict(config: MatrixConfig, target: Target) -> dict[str, float]:
    """Return predicted area and clock of one design; empty where nothing is known of its kind."""
    from surrogates.engine import predict_engine

    try:
        return predict_engine(config, target.family)
    except KilnError:
        return {}


def _clock(
    now: Mapping[str, float], then: Mapping[str, float], clock_mhz: float, target: Target
) -> float:
    """Return the clock after a step: moved as far as the predicted clock moves."""
    if "clock_mhz" not in now or "clock_mhz" not in then:
        return clock_mhz
    return min(clock_mhz * then["clock_mhz"] / now["clock_mhz"], target.clock.max_mhz)


def _shares(now: Mapping[str, float], then: Mapping[str, float]) -> dict[str, float]:
    return {
        name: then[name] / value
        for name, value in now.items()
        if name != "clock_mhz" and name in then and value > 0
    }


def _fits(predicted: Mapping[str, float], target: Target) -> bool:
    room = target.available
    return all(value <= room[name] for name, value in predicted.items() if name in room)
