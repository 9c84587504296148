"""Faults that behave alike: one of them is simulated and stands for the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .plan import Classes, Numbers

__all__ = ["Collapsed", "collapse"]


@dataclass(frozen=True, eq=False)
class Collapsed:
    """Drawn pairs, and the representatives that are simulated in their place.

    Samples stay samples of pairs: a representative counts as often as pairs that it stands for
    were drawn, and intervals are those of the pairs drawn.

    Members
    -------
    simulated : array of int
        Representatives, each once, in increasing order.
    index : array of int, ``[drawn]``
        Of each drawn pair's representative in `simulated`.
    """

    simulated: Numbers
    index: NDArray[np.int64]

    @property
    def weights(self) -> NDArray[np.int64]:
        """How many drawn pairs each representative stands for."""
        return np.bincount(self.index, minlength=len(self.simulated))

    def expand(self, classes: Classes) -> Classes:
        """Return the classes of the drawn pairs from those of the representatives."""
        return classes[self.index]


def collapse(representatives: Numbers) -> Collapsed:
    """Return what to simulate for drawn pairs, given the representative of each."""
    simulated, index = np.unique(representatives, return_inverse=True)
    return Collapsed(simulated, index.astype(np.int64))
