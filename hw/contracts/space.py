"""Search spaces as data: named knobs, and how a point of them becomes a configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError, did_you_mean

__all__ = ["Knob", "SearchSpace", "choice", "power_of_two"]

ConfigT = TypeVar("ConfigT")
Value = int | str | bool


@dataclass(frozen=True, slots=True)
class Knob:
    """A finite, ordered set of values. ``ordinal`` tells samplers that neighbours are alike."""

    values: tuple[Value, ...]
    ordinal: bool = False

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) != len(self.values):
            raise ConfigError(f"values={self.values!r} must be distinct and at least one")


def choice(*values: Value) -> Knob:
    """Return a knob without order."""
    return Knob(values)


def power_of_two(low: int, high: int) -> Knob:
    """Return the powers of two from `low` to `high`, both included and themselves powers of two."""
    for name, value in (("low", low), ("high", high)):
        if value < 1 or value & (value - 1):
            raise ConfigError(f"{name}={value} is not a power of two; use 1, 2, 4, ...")
    return Knob(tuple(1 << b for b in range(low.bit_length() - 1, high.bit_length())), ordinal=True)


class SearchSpace(Generic[ConfigT]):
    """All points of `knobs`; every one decodes to a configuration that can be built.

    Parameters
    ----------
    from_knobs : callable
        Takes one keyword argument per knob and returns the configuration.
    knobs : mapping of str to Knob
        The axes. Dependent quantities are expressed as ratios or headroom.
    """

    def __init__(self, from_knobs: Callable[..., ConfigT], knobs: Mapping[str, Knob]) -> None:
        self._from_knobs = from_knobs
        self.knobs: dict[str, Knob] = dict(knobs)

    def __len__(self) -> int:
        return math.prod(len(knob.values) for knob in self.knobs.values())

    def decode(self, params: Mapping[str, Value]) -> ConfigT:
        """Return the configuration at `params`; unknown, missing or foreign values are refused."""
        for name in params:
            if name not in self.knobs:
                raise ConfigError(f"unknown knob {name!r}{did_you_mean(name, self.knobs)}")
        for name, knob in self.knobs.items():
            if name not in params:
                raise ConfigError(f"knob {name!r} is missing; choose one of {knob.values}")
            if params[name] not in knob.values:
                raise ConfigError(
                    f"{name}={params[name]!r} is outside the space; choose one of {knob.values}"
                )
        return self._from_knobs(**params)

    def point(self, index: int) -> dict[str, Value]:
        """Return the `index`-th point, the last knob varying fastest."""
        if not 0 <= index < len(self):
            raise ConfigError(f"index={index} is outside the space; use 0 to {len(self) - 1}")
        params: dict[str, Value] = {}
        for name, knob in reversed(self.knobs.items()):
            index, digit = divmod(index, len(knob.values))
            params[name] = knob.values[digit]
        return {name: params[name] for name in self.knobs}

    def index(self, params: Mapping[str, Value]) -> int:
        """Return the index whose `point` is `params`."""
        index = 0
        for name, knob in self.knobs.items():
            index = index * len(knob.values) + knob.values.index(params[name])
        return index

    def columns(self) -> dict[str, NDArray[np.int64]]:
        """Return, for every point in order, the position of each knob's value in its `values`."""
        sizes = [len(knob.values) for knob in self.knobs.values()]
        return dict(zip(self.knobs, np.indices(sizes).reshape(len(sizes), -1), strict=True))

    def __iter__(self) -> Iterator[dict[str, Value]]:
        return (self.point(index) for index in range(len(self)))

    def restrict(self, fixed: Mapping[str, Value | tuple[Value, ...]]) -> SearchSpace[ConfigT]:
        """Return the sub-space in which the named knobs take only the given value or values."""
        knobs = dict(self.knobs)
        for name, value in fixed.items():
            if name not in knobs:
                raise ConfigError(f"unknown knob {name!r}{did_you_mean(name, knobs)}")
            values = value if isinstance(value, tuple) else (value,)
            if len(set(values)) != len(values):
                raise ConfigError(f"{name}={values} names a value twice; name each once")
            if outside := set(values) - set(knobs[name].values):
                raise ConfigError(
                    f"{name}={sorted(map(str, outside))} is outside the space; "
                    f"choose from {knobs[name].values}"
                )
            knobs[name] = Knob(values, knobs[name].ordinal)
        return SearchSpace(self._from_knobs, knobs)
