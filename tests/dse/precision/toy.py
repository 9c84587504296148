"""A model that nobody trained: its losses follow a rule, so that searches have known answers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np

from dse.precision.costs import Costs
from dse.precision.groups import GROUPS, Group
from dse.precision.readings import STAND_IN, Reading
from dse.precision.sensitivities import Sensitivities
from sim.quality.arithmetic import Arithmetic
from sim.quality.assignment import Assignment
from sim.quality.perplexity import Measured

FORMATS = ("int4", "posit8", "bf16")
FEW = (Group("qkv", "first"), Group("ffn_up", "middle"), Group("ffn_up", "last"), Group("lm_head"))


def additive(groups: tuple[Group, ...] = FEW, seed: int = 0) -> Sensitivities:
    """Return sensitivities that fall with the width of the format."""
    random = np.random.default_rng(seed)
    wide = np.array([1.0, 0.05, 0.001])
    divergence = 0.03 * random.random((len(groups), 1)) * wide * random.uniform(0.5, 1, 3)
    zero = np.zeros_like(divergence)
    return Sensitivities(
        groups=groups,
        formats=FORMATS,
        divergence=divergence,
        divergence_error=zero,
        loss=divergence,
        loss_error=zero,
        base="float64",
        source=STAND_IN,
    )


def lane_costs(groups: tuple[Group, ...] = FEW, seed: int = 0) -> Costs:
    """Return costs that double with the width of the format."""
    work = np.random.default_rng(seed + 100).uniform(1, 5, (len(groups), 1))
    return Costs(
        groups=groups, formats=FORMATS, objectives={"seconds": work * np.array([1.0, 2.0, 4.0])}
    )


class ToyReader:
    """Readings by a rule: sums of divergences, times `factor`, plus a share of their square.

    Parameters
    ----------
    table : Sensitivities
        What is summed.
    factor, bend : float
        What the sum is multiplied by, and how much more the square of the sum adds.
    luck : float
        What the loss is less than the divergence, as a share.
    """

    source = STAND_IN

    def __init__(
        self, table: Sensitivities, *, factor: float = 1.0, bend: float = 0.0, luck: float = 0.0
    ) -> None:
        self.table, self.factor, self.bend, self.luck = table, factor, bend, luck
        self.asked: list[str] = []

    def arithmetic(self, format: str, window: int | None = None) -> Arithmetic:
        return Arithmetic(format=format, window=window)

    def read(self, assignment: Assignment) -> Reading:
        self.asked.append(assignment.text)
        formats = {}
        for group in self.table.groups:
            layer = 0 if not group.third else ("first", "middle", "last").index(group.third)
            found = assignment.of(group.operator, layer, 3)
            assert found is not None
            formats[group] = found.format
        lost = self.lost(formats)
        return Reading(
            loss=lost * (1 - self.luck),
            loss_error=1e-4,
            divergence=lost,
            divergence_error=1e-5,
        )

    def lost(self, formats: Mapping[Group, str]) -> float:
        """Return the divergence of these formats."""
        total = sum(float(self.table.of([group], [name])[0, 0]) for group, name in formats.items())
        return self.factor * total * (1 + self.bend * total)


def cheapest(reader: ToyReader, costs: Costs, limit: float) -> float:
    """Return the least cost within a limit, by trying everything."""
    best = math.inf
    for picks in itertools.product(range(len(costs.formats)), repeat=len(costs.groups)):
        formats = {
            group: costs.formats[pick] for group, pick in zip(costs.groups, picks, strict=True)
        }
        if reader.lost(formats) <= math.log1p(limit):
            best = min(best, sum(costs.sums(picks).values()))
    return best


class ToyBench:
    """A bench whose losses are the lengths of the assignments' texts; it counts its runs."""

    longest = 512

    def __init__(self, model: str = "toy") -> None:
        self.identity = {"model": model, "text": "none", "calibration": "none", "tokens": 128}
        self.runs: list[str] = []

    def measure(self, assignment: Assignment, *, divergence: bool = False) -> Measured:
        assert divergence
        self.runs.append(assignment.text)
        lost = len(assignment.text) / 1000
        return Measured(
            losses=(64 * lost, 64 * lost),
            reference=(0.0, 0.0),
            tokens=128,
            divergences=(32 * lost, 96 * lost),
        )


__all__ = [
    "FEW",
    "FORMATS",
    "GROUPS",
    "ToyBench",
    "ToyReader",
    "additive",
    "cheapest",
    "lane_costs",
]
