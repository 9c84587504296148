"""What each format costs each group: additive objectives, and the one number that is minimised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError, did_you_mean

from .groups import Group

__all__ = ["Costs"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Costs:
    """Costs by group and format; an assignment costs the sum over the groups.

    Parameters
    ----------
    groups : tuple of Group
        Groups that the workload has, each once.
    formats : tuple of str
        Formats to choose from, each once.
    objectives : mapping of str to array
        Objectives such as ``seconds``, each ``[groups, formats]``, finite and not below zero;
        infinity where a group cannot have a format.
    weights : mapping of str to float
        What each objective counts; one objective alone counts 1.
    """

    groups: tuple[Group, ...]
    formats: tuple[str, ...]
    objectives: Mapping[str, Floats]
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("groups", "formats"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ConfigError(f"{name}={values!r} names none, or one twice; name each once")
        tables = {name: np.asarray(table, float) for name, table in self.objectives.items()}
        object.__setattr__(self, "objectives", MappingProxyType(tables))
        for name, table in tables.items():
            self._check(name, table)
        object.__setattr__(self, "weights", MappingProxyType(self._weights()))

    def _check(self, name: str, table: Floats) -> None:
        shape = (len(self.groups), len(self.formats))
        if table.shape != shape:
            raise ConfigError(
                f"objectives[{name!r}] is {list(table.shape)}; give one cost for each group and "
                f"format, {list(shape)}"
            )
        if np.isnan(table).any() or (table < 0).any():
            raise ConfigError(f"objectives[{name!r}] has costs below 0, or NaN; correct them")
        for group, row in zip(self.groups, table, strict=True):
            if not np.isfinite(row).any():
                raise ConfigError(
                    f"objectives[{name!r}]: {group} can have none of the formats; give it one"
                )

    def _weights(self) -> dict[str, float]:
        weights = dict(self.weights)
        if not weights and len(self.objectives) == 1:
            weights = dict.fromkeys(self.objectives, 1.0)
        for name in weights:
            if name not in self.objectives:
                known = did_you_mean(name, self.objectives)
                raise ConfigError(f"weights names {name!r}, which is no objective{known}")
        if not weights or min(weights.values()) < 0 or not sum(weights.values()) > 0:
            raise ConfigError(
                f"weights={weights!r} minimises nothing; give one above 0, and none below"
            )
        return weights

    @classmethod
    def of(cls, name: str, table: Mapping[tuple[Group, str], float]) -> Costs:
        """Return the costs of one objective from a mapping; pairs that it lacks are impossible."""
        groups = tuple(dict.fromkeys(group for group, _ in table))
        formats = tuple(dict.fromkeys(format for _, format in table))
        values = [[table.get((group, format), np.inf) for format in formats] for group in groups]
        return cls(groups=groups, formats=formats, objectives={name: np.array(values)})

    @property
    def total(self) -> Floats:
        """The weighted sum of the objectives, ``[groups, formats]``."""
        counted = [
            weight * self.objectives[name] for name, weight in self.weights.items() if weight
        ]
        return np.asarray(np.sum(counted, axis=0))

    def sums(self, picks: Sequence[int] | NDArray[Any]) -> dict[str, float]:
        """Return every objective of a choice, given as an index into `formats` for each group."""
        at = np.arange(len(self.groups)), np.asarray(picks)
        return {name: float(table[at].sum()) for name, table in self.objectives.items()}
