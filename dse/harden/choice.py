"""The choice of protection: one option for each structure, least area, exactly, as a MILP.

A multiple-choice knapsack in which options may share parts (a checksum on an array protects
registers and buffers alike), solved by HiGHS through `scipy.optimize.milp`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from hw.contracts import ConfigError, KilnError

__all__ = [
    "PERMANENT_GROUP",
    "Chosen",
    "Limits",
    "NoProtectionError",
    "Option",
    "Structure",
    "brute_force",
    "choose",
    "greedy",
]

_SLACK = 1e-9
PERMANENT_GROUP = ", permanent"
"""Ends the names of groups of permanent faults, which are judged apart from transient ones."""


class NoProtectionError(KilnError):
    """No combination of options meets the limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to protect a structure.

    Members
    -------
    name : str
        The scheme.
    area_um2 : float
        What it adds.
    raw_fit, residual_fit : dict of str to float
        By group of sites ("flops and logic", "memories"): failures of all of its sites, those that
        it adds included, and those that end undetected in a wrong output, on the upper bound.
    latent_fit : dict of str to float
        By group: failures of safety mechanisms that nobody notices, on the upper bound.
    needs : tuple of str
        Shared parts that must be there.
    period_ns : float
        Clock period that it cannot do without.
    """

    name: str
    area_um2: float = 0.0
    raw_fit: Mapping[str, float] = field(default_factory=dict)
    residual_fit: Mapping[str, float] = field(default_factory=dict)
    latent_fit: Mapping[str, float] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    period_ns: float = 0.0


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure and what it may get."""

    name: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the protected design must keep.

    Members
    -------
    spfm : float
        Least single-point fault metric of every group, and of all groups of a nature together.
    pmhf_fit : float
        Most residual failures in 1e9 hours, of all groups together.
    lfm : float
        Least latent-fault metric of every such group, where mechanisms have latent faults; 0 asks
        for nothing, and leaves permanent faults out of `harden`.
    period_ns : float
        Longest clock period.
    """

    spfm: float = 0.99
    pmhf_fit: float = 1.0
    lfm: float = 0.0
    period_ns: float = float("inf")


@dataclass(frozen=True, slots=True)
class Chosen:
    """An option for each structure.

    Members
    -------
    options : dict of str to Option
        By structure.
    shared : tuple of str
        Shared parts that are built.
    area_um2 : float
        Added area, shared parts included.
    """

    options: Mapping[str, Option]
    shared: tuple[str, ...]
    area_um2: float

    def fit(self, groups: Iterable[str], *, residual: bool) -> float:
        """Return failures of some groups."""
        groups = tuple(groups)
        return sum(
            _of(option.residual_fit if residual else option.raw_fit, groups)
            for option in self.options.values()
        )

    def latent(self, groups: Iterable[str]) -> float:
        """Return latent failures of some groups."""
        groups = tuple(groups)
        return sum(_of(option.latent_fit, groups) for option in self.options.values())

    def spfm(self, groups: Iterable[str]) -> float:
        """Return the single-point fault metric of some groups; 1 if nothing is in them."""
        groups = tuple(groups)
        raw = self.fit(groups, residual=False)
        return 1 - self.fit(groups, residual=True) / raw if raw > 0 else 1.0

    def lfm(self, groups: Iterable[str]) -> float:
        """Return the latent-fault metric of some groups; 1 if nothing is in them."""
        groups = tuple(groups)
        left = self.fit(groups, residual=False) - self.fit(groups, residual=True)
        return 1 - self.latent(groups) / left if left > 0 else 1.0


def _of(fit: Mapping[str, float], groups: Iterable[str]) -> float:
    return sum(fit.get(group, 0.0) for group in groups)


def groups_of(structures: Sequence[Structure]) -> list[tuple[str, ...]]:
    """Return what is judged: each group, and all of a nature."""
    names = dict.fromkeys(g for s in structures for o in s.options for g in o.raw_fit)
    found: list[tuple[str, ...]] = []
    for permanent in (False, True):
        each = [(name,) for name in names if name.endswith(PERMANENT_GROUP) == permanent]
        found += each
        found += [tuple(name for (name,) in each)] if len(each) > 1 else []
    return found


def meets(chosen: Chosen, structures: Sequence[Structure], limits: Limits) -> bool:
    """Return whether a choice keeps the limits."""
    everything = tuple(dict.fromkeys(g for groups in groups_of(structures) for g in groups))
    return (
        all(
            chosen.spfm(groups) >= limits.spfm - _SLACK
            and (not chosen.latent(groups) or chosen.lfm(groups) >= limits.lfm - _SLACK)
            for groups in groups_of(structures)
        )
        and chosen.fit(everything, residual=True) <= limits.pmhf_fit + _SLACK
        and all(o.period_ns <= limits.period_ns for o in chosen.options.values())
    )


def choose(
    structures: Sequence[Structure], limits: Limits, shared: Mapping[str, float] | None = None
) -> Chosen:
    """Return the choice of least area that keeps the limits.

    Parameters
    ----------
    shared : dict of str to float
        Area of each part that options need, in um2: paid once.

    Raises
    ------
    NoProtectionError
        There is none; says which limit is out of reach, and by how much.
    ConfigError
        A structure without options, or a need that `shared` does not name.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    shared = dict(shared or {})
    _check(structures, shared)
    rows = [(s, o) for s in structures for o in s.options]
    count, parts = len(rows), list(shared)
    cost = np.array([*(o.area_um2 for _, o in rows), *shared.values()])
    upper = np.ones(len(cost))
    for at, (_, option) in enumerate(rows):
        if option.period_ns > limits.period_ns:
            upper[at] = 0
    matrix: list[np.ndarray] = []
    low: list[float] = []
    high: list[float] = []

    def add(row: np.ndarray, lowest: float, highest: float) -> None:
        matrix.append(row)
        low.append(lowest)
        high.append(highest)

    for structure in structures:
        add(np.array([float(s is structure) for s, _ in rows] + [0.0] * len(parts)), 1, 1)
    for at, (_, option) in enumerate(rows):
        for part in option.needs:
            row = np.zeros(len(cost))
            row[at], row[count + parts.index(part)] = 1, -1
            add(row, -np.inf, 0)

    def limit(weights: list[float], most: float) -> None:
        row = np.array(weights + [0.0] * len(parts))
        scale = 1.0 if most else np.abs(row).max() or 1.0
        add(row / scale, -np.inf, most)

    bare = 1 - limits.spfm
    for groups in groups_of(structures):
        limit([_of(o.residual_fit, groups) - bare * _of(o.raw_fit, groups) for _, o in rows], 0)
        if limits.lfm and any(_of(o.latent_fit, groups) for _, o in rows):
            limit([_excess(o, groups, limits.lfm) for _, o in rows], 0)
    limit([_residual(o) for _, o in rows], limits.pmhf_fit)
    found = milp(
        cost,
        integrality=np.ones(len(cost), dtype=np.int64),
        bounds=Bounds(np.zeros(len(cost)), upper),
        constraints=LinearConstraint(np.array(matrix), np.array(low), np.array(high)),
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        raise NoProtectionError(_missed(structures, limits))
    taken = found.x > 0.5
    options = {s.name: o for (s, o), on in zip(rows, taken[:count], strict=True) if on}
    return _made(options, shared)


def greedy(
    structures: Sequence[Structure], limits: Limits, shared: Mapping[str, float] | None = None
) -> Chosen | None:
    """Return the choice of someone who always takes what removes most failures per area next.

    None if that ends without keeping the limits.
    """
    shared = dict(shared or {})
    _check(structures, shared)
    allowed = {
        s.name: [o for o in s.options if o.period_ns <= limits.period_ns] for s in structures
    }
    if not all(allowed.values()):
        return None
    now = _made({n: min(o, key=lambda x: x.area_um2) for n, o in allowed.items()}, shared)
    while not meets(now, structures, limits):
        steps: list[tuple[float, int, Chosen]] = []
        for name, options in allowed.items():
            for option in options:
                then = _made({**now.options, name: option}, shared)
                gain = _harm(now.options[name]) - _harm(option)
                if gain > 0:
                    more = max(then.area_um2 - now.area_um2, 1e-9)
                    steps.append((gain / more, len(steps), then))
        if not steps:
            return None
        now = max(steps)[2]
    return now


def brute_force(
    structures: Sequence[Structure], limits: Limits, shared: Mapping[str, float] | None = None
) -> Chosen | None:
    """Return the choice of least area by trying all; None if there is none."""
    shared = dict(shared or {})
    _check(structures, shared)
    best: Chosen | None = None
    for options in product(*(s.options for s in structures)):
        tried = _made({s.name: o for s, o in zip(structures, options, strict=True)}, shared)
        if (best is None or tried.area_um2 < best.area_um2) and meets(tried, structures, limits):
            best = tried
    return best


def _made(options: Mapping[str, Option], shared: Mapping[str, float]) -> Chosen:
    parts = tuple(dict.fromkeys(part for option in options.values() for part in option.needs))
    area = sum(o.area_um2 for o in options.values()) + sum(shared[part] for part in parts)
    return Chosen(dict(options), parts, area)


def _residual(option: Option) -> float:
    return sum(option.residual_fit.values())


def _harm(option: Option) -> float:
    return _residual(option) + sum(option.latent_fit.values())


def _excess(option: Option, groups: Sequence[str], lfm: float) -> float:
    """Return by how much an option's latent failures are above the share that LFM leaves them."""
    safe = _of(option.raw_fit, groups) - _of(option.residual_fit, groups)
    return _of(option.latent_fit, groups) - (1 - lfm) * safe


def _check(structures: Sequence[Structure], shared: Mapping[str, float]) -> None:
    for structure in structures:
        if not structure.options:
            raise ConfigError(
                f"structure {structure.name!r} has no options; give it at least 'none'"
            )
        for option in structure.options:
            for part in option.needs:
                if part not in shared:
                    raise ConfigError(
                        f"{structure.name}: option {option.name!r} needs {part!r}, of which no "
                        "area is known; add it to shared"
                    )


def _missed(structures: Sequence[Structure], limits: Limits) -> str:
    """Return what the strongest options leave over."""
    allowed = [[o for o in s.options if o.period_ns <= limits.period_ns] for s in structures]
    slow = [s.name for s, options in zip(structures, allowed, strict=True) if not options]
    if slow:
        return (
            f"no option of {', '.join(slow)} fits a period of {limits.period_ns:g} ns; allow a "
            "longer one"
        )
    best = {s.name: min(o, key=_residual) for s, o in zip(structures, allowed, strict=True)}
    chosen = Chosen(best, (), 0.0)
    shares = [f"{' and '.join(g)}: {chosen.spfm(g):.4%}" for g in groups_of(structures)]
    shares += [
        f"LFM of {' and '.join(g)}: {chosen.lfm(g):.2%}"
        for g in groups_of(structures)
        if limits.lfm and chosen.latent(g)
    ]
    worst = max(best, key=lambda name: _residual(best[name]))
    return (
        f"no choice reaches SPFM {limits.spfm:.2%} and {limits.pmhf_fit:g} FIT"
        f"{f' and LFM {limits.lfm:.2%}' * bool(limits.lfm)}: the strongest "
        f"options give {'; '.join(shares)}; inject {worst!r} more often, or offer it a stronger "
        "protection"
    )
