"""Vulnerability over the architecture: arrays as grids, where names tell row and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.faults.outcome import UNDETECTED
from sim.faults.sites import Sites

__all__ = ["Cell", "Grid", "grids"]

_PLACES = tuple(
    re.compile(pattern + r"(?=[._]|$)")
    for pattern in (
        r"^(.*?)\brows?[_\[]?(\d+)\]?(\.[a-z]+)[_\[]?(\d+)\]?",  # array.row_1.pe_2.sum
        r"^(.*?)_?r(?:ow)?_?(\d+)_?c(?:ol)?_?(\d+)",  # pe_r1_c2.sum, pe_row1_col2
        r"^(.*?)\[(\d+)\]\.?\w*\[(\d+)\]",  # rows[1].cols[2].sum
        r"^(.*?\D)_(\d+)_(\d+)",  # pe_1_2.sum
    )
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of a grid, all words there together.

    Members
    -------
    row, column : int
        Place.
    avf : float
        Share of its faults that end undetected in a wrong output.
    sites, drawn : int
        Sites it has, and faults injected there.
    """

    row: int
    column: int
    avf: float
    sites: int
    drawn: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Words that lie in rows and columns."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def sites(self) -> int:
        return sum(cell.sites for cell in self.cells)

    @property
    def rows(self) -> int:
        return max(cell.row for cell in self.cells) + 1

    @property
    def columns(self) -> int:
        return max(cell.column for cell in self.cells) + 1


def grids(
    sites: Sites,
    numbers: NDArray[np.integer],
    classes: NDArray[np.uint8],
    *,
    of: tuple[int, ...] = UNDETECTED,
) -> list[Grid]:
    """Return the grids that names of words tell of, the one with most sites first.

    Parameters
    ----------
    numbers : array of int, ``[faults]``
        Site of each fault.
    classes : array of uint8, ``[faults]``
        What became of it.

    Words count by their bits, whatever their share of the injections; words without any are left
    out, and so are places.
    """
    word = np.searchsorted(sites.firsts, np.asarray(numbers), side="right") - 1
    drawn = np.bincount(word, minlength=len(sites.words))
    hits = np.bincount(word, weights=np.isin(classes, of), minlength=len(sites.words))
    found: dict[str, dict[tuple[int, int], list[int]]] = {}
    for at, each in enumerate(sites.words):
        if drawn[at] and (place := _place(each.name)):
            found.setdefault(place[0], {}).setdefault(place[1], []).append(at)
    bits = np.array([each.bits for each in sites.words])
    share = hits / np.maximum(drawn, 1)
    whole = [_grid(name, places, bits, share, drawn) for name, places in found.items()]
    return sorted((g for g in whole if g is not None), key=lambda grid: -grid.sites)


def _grid(
    name: str,
    places: Mapping[tuple[int, int], list[int]],
    bits: NDArray[np.int64],
    share: NDArray[np.float64],
    drawn: NDArray[np.int64],
) -> Grid | None:
    """Return the grid, if there is more than one row and more than one column."""
    if min(len({place[axis] for place in places}) for axis in (0, 1)) < 2:
        return None
    cells = [
        Cell(
            *place,
            float(share[words] @ bits[words] / bits[words].sum()),
            int(bits[words].sum()),
            int(drawn[words].sum()),
        )
        for place, words in sorted(places.items())
    ]
    return Grid(name, tuple(cells))


def _place(name: str) -> tuple[str, tuple[int, int]] | None:
    for pattern in _PLACES:
        if match := pattern.match(name):
            name, row, *kind, column = match.groups()
            whole = name.rstrip("._") + "".join(kind)
            return whole.strip(".") or "array", (int(row), int(column))
    return None
