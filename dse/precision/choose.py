"""The format search: the cheapest assignment whose measured loss of quality is within a limit.

Divergences add up over groups well enough to choose by, not well enough to promise by. So the
knapsack proposes, the meter measures, and how far it was off corrects what is proposed next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from sim.quality.arithmetic import Arithmetic
from sim.quality.assignment import Assignment

from .costs import Costs
from .groups import make_assignment
from .knapsack import Front, solve
from .readings import Reading
from .sensitivities import Sensitivities

__all__ = [
    "Candidate",
    "Choice",
    "LimitError",
    "Proposal",
    "Reader",
    "choose",
    "measured_front",
    "propose",
]

Floats = NDArray[np.float64]

REACH = 4.0
"""How far off the sum of divergences may be, in either direction, before it is not believed."""

DOUBT = 0.5
"""Power of the ratio of sums of divergences by which what was measured is doubted elsewhere."""

TINY = 1e-12


class LimitError(ConfigError):
    """Nothing is within a limit of quality; `least` is the least that is lost, in nats."""

    def __init__(self, message: str, least: float) -> None:
        super().__init__(message)
        self.least = least


class Reader(Protocol):
    """What `Meter` does for a search."""

    @property
    def source(self) -> str: ...

    def arithmetic(self, format: str, window: int | None = None) -> Arithmetic: ...

    def read(self, assignment: Assignment) -> Reading: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An assignment that nobody has measured.

    Members
    -------
    formats : tuple of str
        Format of each group of the costs.
    cost : float
        Weighted sum of the objectives.
    predicted : float
        Sum of the groups' divergences, in nats per token.
    """

    formats: tuple[str, ...]
    cost: float
    predicted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An assignment that was measured.

    Members
    -------
    assignment : Assignment
        The assignment, accumulators included.
    formats : tuple of str
        Format of each group of the costs.
    cost : float
        Weighted sum of the objectives.
    objectives : dict of str to float
        All of them.
    predicted : float
        Sum of the groups' divergences, in nats per token.
    reading : Reading
        What was measured.
    """

    assignment: Assignment
    formats: tuple[str, ...]
    cost: float
    objectives: dict[str, float]
    predicted: float
    reading: Reading

    @property
    def is_uniform(self) -> bool:
        """Whether all groups have one format."""
        return len(set(self.formats)) == 1

    def within(self, limit: float, *, strict: bool = True) -> bool:
        """Return whether perplexity grows by no more than `limit`.

        If `strict`, what the divergence makes of it has to be within the limit as well, so that an
        assignment does not pass by luck with the text.
        """
        reading = self.reading
        return (reading.worse if strict else reading.loss) <= math.log1p(limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a search found.

    Members
    -------
    limit : float
        Perplexity over float64's, less one, that was allowed.
    best : Candidate
        The cheapest within the limit.
    uniform : tuple of Candidate
        One format everywhere, as far as measured, by rising cost.
    measured : tuple of Candidate
        All that was measured, in that order.
    strict : bool
        Whether divergences had to be within the limit too.
    complete : bool
        Whether no cheaper candidate was in sight when the search ended.
    source : str
        ``"stand-in"`` or ``"measured"``, as of `Meter`.
    """

    limit: float
    best: Candidate
    uniform: tuple[Candidate, ...]
    measured: tuple[Candidate, ...]
    strict: bool
    complete: bool
    source: str

    @property
    def front(self) -> tuple[Candidate, ...]:
        """What no other measured one beats in both cost and loss, by rising cost."""
        return measured_front(self.measured, strict=self.strict)

    @property
    def best_uniform(self) -> Candidate | None:
        """The cheapest format that is within the limit if used everywhere; None if none is."""
        fits = (one for one in self.uniform if one.within(self.limit, strict=self.strict))
        return min(fits, key=lambda one: _rank(one, self.strict), default=None)

    @property
    def gain(self) -> float | None:
        """Share of the best uniform format's cost that the mixture saves."""
        uniform = self.best_uniform
        return None if uniform is None else 1 - self.best.cost / uniform.cost


def measured_front(
    candidates: Iterable[Candidate], *, strict: bool = True
) -> tuple[Candidate, ...]:
    """Return the candidates that no other beats in cost and loss, by rising cost."""
    front: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: _rank(one, strict)):
        if not front or _lost(one.reading, strict) < _lost(front[-1].reading, strict):
            front.append(one)
    return tuple(front)


def _rank(one: Candidate, strict: bool) -> tuple[float, float]:
    """Return what candidates are sorted by: cost, to nine digits, and what they lose."""
    return float(f"{one.cost:.9g}"), _lost(one.reading, strict)


def _lost(reading: Reading, strict: bool) -> float:
    return reading.worse if strict else reading.loss


def propose(
    costs: Costs, sensitivities: Sensitivities, limit: float, *, factor: float = 1.0
) -> Proposal | None:
    """Return the cheapest assignment whose predicted loss is within the limit, by no measurement.

    Parameters
    ----------
    costs : Costs
        Groups, formats, and what they cost.
    sensitivities : Sensitivities
        What the groups lose in the formats.
    limit : float
        Perplexity over float64's, less one.
    factor : float
        What losses are known to be, over the sum of the groups' divergences.

    Returns
    -------
    Proposal or None
        None if the prediction leaves nothing within the limit.
    """
    losses = sensitivities.of(costs.groups, costs.formats)
    front = solve(costs.total, losses, math.log1p(limit) / factor)
    if not len(front):
        return None
    formats = tuple(costs.formats[index] for index in front.picks[0])
    return Proposal(formats=formats, cost=float(front.costs[0]), predicted=float(front.losses[0]))


def choose(
    reader: Reader,
    costs: Costs,
    limit: float,
    sensitivities: Sensitivities,
    *,
    window: int | None = None,
    strict: bool = True,
    most: int = 24,
    least_gain: float = 0.005,
    say: Callable[[str], None] = lambda message: None,
) -> Choice:
    """Return the cheapest assignment whose measured loss of quality is within a limit.

    Parameters
    ----------
    reader : Reader
        Measures assignments; a `Meter`.
    costs : Costs
        Groups, formats, and what they cost.
    limit : float
        Perplexity over float64's, less one: 0.02 for two per cent.
    sensitivities : Sensitivities
        What to propose by; those of the stand-in do for any model, as every proposal is measured.
    window : int or None
        Window of the bounded accumulator in bits; None is a quire.
    strict : bool
        Whether the divergence has to be within the limit as well as the loss.
    most : int
        Mixtures to measure at most.
    least_gain : float
        Share of its cost that the best must lose for another to be worth measuring.
    say : callable
        Told of each candidate.

    Raises
    ------
    LimitError
        Nothing is within the limit; says which format loses least, and how much.
    """
    if not limit > 0:
        raise ConfigError(f"limit={limit!r} leaves no room for any format; use more than 0")
    search = _Search(reader, costs, limit, sensitivities, window, strict, say)
    search.measure_uniform()
    complete = search.measure_mixtures(most, least_gain)
    best = search.best
    if best is None:
        raise _nothing(search.measured, limit, strict, reader.source)
    return Choice(
        limit=limit,
        best=best,
        uniform=tuple(sorted(search.uniform, key=lambda one: one.cost)),
        measured=tuple(search.measured),
        strict=strict,
        complete=complete,
        source=reader.source,
    )


class _Search:
    """The state of one search: what was measured, and what that says of the rest."""

    def __init__(
        self,
        reader: Reader,
        costs: Costs,
        limit: float,
        sensitivities: Sensitivities,
        window: int | None,
        strict: bool,
        say: Callable[[str], None],
    ) -> None:
        self.reader, self.costs, self.limit = reader, costs, limit
        self.window, self.strict, self._say = window, strict, say
        self.losses = sensitivities.of(costs.groups, costs.formats)
        self.total = costs.total
        self.budget = math.log1p(limit)
        self.measured: list[Candidate] = []
        self._seen: set[tuple[str, ...]] = set()

    @property
    def best(self) -> Candidate | None:
        """The cheapest within the limit so far; of equally cheap ones, the one that loses least."""
        fits = (one for one in self.measured if one.within(self.limit, strict=self.strict))
        return min(fits, key=lambda one: _rank(one, self.strict), default=None)

    @property
    def uniform(self) -> list[Candidate]:
        return [one for one in self.measured if one.is_uniform]

    def measure(self, picks: Sequence[int] | NDArray[Any]) -> Candidate:
        """Measure a choice, given as an index into the formats for each group."""
        formats = tuple(self.costs.formats[index] for index in picks)
        at = np.arange(len(formats)), np.asarray(picks)
        arithmetic = {
            group: self.reader.arithmetic(name, self.window)
            for group, name in zip(self.costs.groups, formats, strict=True)
        }
        assignment = make_assignment(arithmetic)
        found = Candidate(
            assignment=assignment,
            formats=formats,
            cost=float(self.total[at].sum()),
            objectives=self.costs.sums(picks),
            predicted=float(self.losses[at].sum()),
            reading=self.reader.read(assignment),
        )
        self._seen.add(formats)
        self.measured.append(found)
        self._say(
            f"{assignment.text}: cost {found.cost:.4g}, perplexity {found.reading.increase:+.2%}, "
            f"divergence {found.reading.divergence:.4f}"
        )
        return found

    def measure_uniform(self) -> None:
        """Measure every format by itself, but for those that are far beyond the limit."""
        sums = self.losses.sum(axis=0)
        for index, column in enumerate(self.total.T):
            if np.isfinite(column).all() and sums[index] <= REACH * self.budget:
                self.measure([index] * len(self.costs.groups))

    def measure_mixtures(self, most: int, least_gain: float) -> bool:
        """Measure proposals until no cheaper one is in sight; return whether that came to pass."""
        front = solve(self.total, self.losses, REACH * self.budget)
        for _ in range(most):
            index = self._next(front, least_gain)
            if index is None:
                break
            self.measure(front.picks[index])
        if self.best is None:
            self._measure_safest()
        return self._next(front, least_gain) is None

    def _next(self, front: Front, least_gain: float) -> int | None:
        """Return the cheapest state that may well be within the limit and is not measured.

        Those that are expected to be come first, then those of which that cannot be denied.
        """
        best = self.best
        most_cost = math.inf if best is None else best.cost * (1 - least_gain)
        for power in (0.0, DOUBT):
            hopeful = self._expected(front.losses, power) <= self.budget
            for index in np.flatnonzero(hopeful & (front.costs < most_cost)):
                if tuple(self.costs.formats[pick] for pick in front.picks[index]) not in self._seen:
                    return int(index)
        return None

    def _expected(self, predicted: Floats, power: float) -> Floats:
        """Return what choices of these sums of divergences will lose.

        The nearest that was measured says by how much sums are off. The farther away it is, the
        more of that is doubted, by this power of the ratio of the sums. A mixture's luck with the
        text is shared by mixtures like it; that of a uniform format is nobody else's.
        """
        near = [one for one in self.measured if one.predicted > 0]
        if not near:
            return predicted
        sums = np.array([one.predicted for one in near])
        lost = np.array(
            [
                one.reading.divergence if one.is_uniform else _lost(one.reading, self.strict)
                for one in near
            ]
        )
        factors = np.clip(lost / sums, 1 / REACH, REACH)
        away = np.abs(np.log(np.maximum(predicted, TINY)[:, None] / sums))
        nearest = np.argmin(away, axis=1)
        doubt = np.exp(-power * np.min(away, axis=1))
        return np.asarray(predicted * factors[nearest] * doubt)

    def _measure_safest(self) -> None:
        """Measure the choice of least predicted loss, the cheapest of equals."""
        possible = np.where(np.isfinite(self.total), self.losses, np.inf)
        picks = [
            int(np.lexsort((cost, loss))[0])
            for cost, loss in zip(self.total, possible, strict=True)
        ]
        if tuple(self.costs.formats[pick] for pick in picks) not in self._seen:
            self.measure(picks)


def _nothing(measured: Sequence[Candidate], limit: float, strict: bool, source: str) -> LimitError:
    least = min(measured, key=lambda one: _lost(one.reading, strict))
    name = least.formats[0] if least.is_uniform else f"the mixture {least.assignment.text}"
    nats = _lost(least.reading, strict)
    lost = math.expm1(nats)
    room = math.ceil(lost * 1000 + 1) / 10
    return LimitError(
        f"no assignment of the formats keeps the perplexity within {limit:.3g} of float64's "
        f"({source}); {name} loses least, {lost:.2%}: allow max_perplexity_loss={room:g}%, or add "
        "a format of more bits",
        nats,
    )
