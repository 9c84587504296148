"""The sampling frame: every (site, cycle) pair of a campaign, numbered, and its structure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hw.contracts import ConfigError
from sim.faults.sites import KINDS, Sites

__all__ = ["Frame", "Stratum"]


@dataclass(frozen=True, slots=True)
class Stratum:
    """The sites of one kind in one structure.

    Members
    -------
    tag : str
        The structure.
    kind : int
        Of `sites.KINDS`.
    sites : int
        How many.
    """

    tag: str
    kind: int
    sites: int

    @property
    def name(self) -> str:
        """Structure and kind, such as ``pe_0_0, flop``."""
        return f"{self.tag}, {KINDS[self.kind]}"


@dataclass(frozen=True, eq=False)
class Frame:
    """All pairs of a site and a cycle; pair number ``at * sites + site`` is cycle ``cycles[at]``.

    Parameters
    ----------
    strata : tuple of Stratum
        Structures by kind.
    of_site : array of int, ``[sites]``
        Index of each site's stratum.
    cycles : range
        Cycles in which a fault may begin.
    """

    strata: tuple[Stratum, ...]
    of_site: NDArray[np.int32]
    cycles: range

    def __post_init__(self) -> None:
        if not len(self.of_site) or not len(self.cycles):
            raise ConfigError(
                f"{len(self.of_site)} sites in {len(self.cycles)} cycles leave nothing to inject; "
                "choose kinds of sites that the design has, and cycles of the stimulus"
            )

    @classmethod
    def of(cls, sites: Sites, cycles: range) -> Frame:
        """Return the frame of all `sites` in all `cycles`."""
        keys = [(word.tag, word.kind) for word in sites.words]
        order = {key: at for at, key in enumerate(dict.fromkeys(keys))}
        bits = np.array([word.bits for word in sites.words], dtype=np.int64)
        of_word = np.array([order[key] for key in keys], dtype=np.int32)
        counts = np.bincount(of_word, weights=bits, minlength=len(order)).astype(int).tolist()
        strata = tuple(Stratum(*key, count) for key, count in zip(order, counts, strict=True))
        return cls(strata, np.repeat(of_word, bits), cycles)

    @property
    def sites(self) -> int:
        return len(self.of_site)

    @property
    def size(self) -> int:
        """All pairs."""
        return self.sites * len(self.cycles)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Pairs of each stratum."""
        return np.array([s.sites * len(self.cycles) for s in self.strata], dtype=np.int64)

    def pairs(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the site number and the cycle of each pair."""
        at, site = np.divmod(np.asarray(numbers, dtype=np.int64), self.sites)
        return site, self.cycles.start + at * self.cycles.step

    def stratum_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the index of each pair's stratum."""
        return self.of_site[np.asarray(numbers, dtype=np.int64) % self.sites]

    def members(self, stratum: int, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of a stratum's pairs, of which rank 0 is the first."""
        own = self._own[stratum]
        at, which = np.divmod(ranks, len(own))
        return at * self.sites + own[which]

    @cached_property
    def _own(self) -> list[NDArray[np.int64]]:
        order = np.argsort(self.of_site, kind="stable")
        ends = np.cumsum([stratum.sites for stratum in self.strata])
        return np.split(order.astype(np.int64), ends[:-1])
