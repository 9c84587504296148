"""Failure rates of structures: raw rates times what campaigns say becomes of faults."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from sim.faults.outcome import CORRECTED, DETECTED, SDC, UNDETECTED, VIOLATION
from sim.faults.sites import FLOP, MEMORY, NET
from sim.faults.statistics import Estimate, Stratum, Tally, joined

from .rates import NATURES, Rates

__all__ = [
    "GROUPS",
    "KEPT_APART",
    "Failures",
    "StructureRow",
    "failures",
    "residual_fit",
    "structure_rows",
    "together",
]

Floats = NDArray[np.float64]

GROUPS: Final[Mapping[str, tuple[int, ...]]] = {
    "flops and logic": (FLOP, NET),
    "memories": (MEMORY,),
    "both": (FLOP, NET, MEMORY),
}
"""Kinds of sites that are judged together: a large protected memory must not hide the flops."""

KEPT_APART: Final[Mapping[str, tuple[int, ...]]] = {
    "undetected": UNDETECTED,
    "SDC": (SDC,),
    "DUE": (DETECTED,),
    "violation": (VIOLATION,),
    "corrected": (CORRECTED,),
}
"""Ends of faults whose shares are given: DUE are those that a detector saw."""


@dataclass(frozen=True, eq=False)
class Failures:
    """What one campaign, or several together, say of faults of one nature.

    Members
    -------
    mechanism : str
        What was injected, in words: ``upsets of flip-flops``.
    nature : str
        `rates.TRANSIENT` or `rates.PERMANENT`.
    tally : Tally
        Outcomes by stratum.
    fit : array of float, ``[strata]``
        Raw failure rate of each stratum, derated, before its outcomes are looked at.
    """

    mechanism: str
    nature: str
    tally: Tally
    fit: Floats

    @property
    def raw_fit(self) -> float:
        return float(self.fit.sum())

    def only(self, kinds: Collection[int]) -> Failures | None:
        """Return what is of some kinds of sites; None if nothing is."""
        at = [h for h, stratum in enumerate(self.tally.strata) if stratum.kind in kinds]
        if not at or not self.fit[at].sum() > 0:
            return None
        return Failures(self.mechanism, self.nature, self.tally.only(at), self.fit[at])

    def rated(self, fit: Sequence[float]) -> Failures:
        """Return the same with other raw rates."""
        return replace(self, fit=np.array(fit, dtype=np.float64))

    def share(self, of: Collection[int]) -> Estimate:
        """Return the share of the failures, weighted by rate, that end in one of `of`."""
        return self.tally.combined(of=of, weights=self.fit)


def failures(
    tally: Tally,
    rates: Rates,
    nature: str,
    *,
    mechanism: str = "",
    share: float = 1.0,
    hardened: Collection[str] = (),
    cells: Mapping[str, float] | None = None,
) -> Failures:
    """Return failure rates by stratum, ``cells * rate * derating * share``.

    Parameters
    ----------
    nature : str
        Of `rates.NATURES`.
    share : float
        Share of the raw rate that the campaign is about: of multi-bit upsets among all upsets, or
        a half for each of stuck-at 0 and 1.
    hardened : collection of str
        Structures whose flip-flops are hardened cells.
    cells : dict of str to float, optional
        How many cells a stratum, by its name, really has, where that is not its number of sites:
        gates behind the nets of a word-level netlist.
    """
    if nature not in NATURES or not 0 <= share <= 1:
        raise ConfigError(
            f"nature={nature!r}, share={share}: use one of {', '.join(NATURES)} and 0 to 1"
        )
    known = cells or {}
    fit = [
        known.get(stratum.name, stratum.sites)
        * rates.of(nature, stratum.kind, hardened=stratum.tag in hardened).fit_per_cell
        * share
        for stratum in tally.strata
    ]
    return Failures(mechanism or nature, nature, tally, np.array(fit, dtype=np.float64))


def together(parts: Sequence[Failures], nature: str) -> Failures | None:
    """Return all failures of one nature, whatever campaign they are from; None without any."""
    chosen = [part for part in parts if part.nature == nature]
    if not chosen:
        return None
    mechanism = ", ".join(dict.fromkeys(part.mechanism for part in chosen))
    fit = np.concatenate([part.fit for part in chosen])
    return Failures(mechanism, nature, joined([part.tally for part in chosen]), fit)


def residual_fit(part: Failures) -> tuple[float, float, float]:
    """Return undetected wrong outputs in 1e9 hours: estimate and bounds."""
    found = part.share(UNDETECTED)
    raw = part.raw_fit
    return raw * found.value, raw * found.low, raw * found.high


@dataclass(frozen=True, slots=True)
class StructureRow:
    """One structure's vulnerability: AVF = P(output is wrong | fault), ends kept apart.

    Members
    -------
    stratum : Stratum
        Structure and kind of site.
    mechanism, nature : str
        What was injected.
    fit : float
        Its raw failure rate.
    shares : mapping of str to Estimate
        By `KEPT_APART`.
    """

    stratum: Stratum
    mechanism: str
    nature: str
    fit: float
    shares: Mapping[str, Estimate]

    @property
    def residual_fit(self) -> float:
        """Undetected wrong outputs in 1e9 hours, on the upper bound."""
        return self.fit * self.shares["undetected"].high


def structure_rows(part: Failures) -> list[StructureRow]:
    """Return every structure of a campaign, the one with most undetected failures first."""
    rows = [
        StructureRow(
            stratum,
            part.mechanism,
            part.nature,
            float(part.fit[h]),
            {name: part.tally.estimate(h, of=of) for name, of in KEPT_APART.items()},
        )
        for h, stratum in enumerate(part.tally.strata)
    ]
    return sorted(rows, key=lambda row: -row.residual_fit)
