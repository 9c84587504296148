"""Fault sites: every flip-flop bit, memory bit and net of a frozen netlist, listed once.

A site is a place, not an object: kind, word, row and bit. All engines and reports take their sites
from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Frozen
from hw.contracts import ConfigError

__all__ = ["FLOP", "KINDS", "MEMORY", "NET", "PLACE", "Sites", "Word", "list_sites"]

FLOP: Final = 0
MEMORY: Final = 1
NET: Final = 2
KINDS: Final = ("flop", "memory", "net")

PLACE = np.dtype([("kind", "u1"), ("word", "<u4"), ("row", "<u4"), ("bit", "<u4")])
"""A site: its kind, the index of its word among the netlist's `flops`, `memories` or `cells`, the
address in a memory (else 0), and the bit of the word."""


@dataclass(frozen=True, slots=True)
class Word:
    """The sites of one flip-flop word, memory or cell output.

    Members
    -------
    name : str
        Hierarchical name.
    kind, index : int
        As in `PLACE`.
    width, rows : int
        Bits of a row, and rows: 1 but for memories.
    cell : str
        Yosys' type of the cell.
    tag : str
        The structure it belongs to.
    """

    name: str
    kind: int
    index: int
    width: int
    rows: int
    cell: str
    tag: str

    @property
    def bits(self) -> int:
        return self.width * self.rows


@dataclass(frozen=True)
class Sites:
    """All sites of some kinds, numbered from 0."""

    words: tuple[Word, ...]

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """Number of each word's first site, and of all sites as the last element."""
        return np.cumsum([0, *(word.bits for word in self.words)], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.firsts[-1])

    def places(self, numbers: NDArray[np.integer]) -> NDArray[np.void]:
        """Return the `PLACE` of each site number."""
        numbers = np.asarray(numbers, dtype=np.int64)
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(self)):
            raise ConfigError(f"site numbers go from 0 to {len(self) - 1}; see Sites.firsts")
        which = np.searchsorted(self.firsts, numbers, side="right") - 1
        within = numbers - self.firsts[which]
        width = np.array([word.width for word in self.words], dtype=np.int64)[which]
        found = np.zeros(len(numbers), dtype=PLACE)
        found["kind"] = np.array([word.kind for word in self.words], dtype=np.uint8)[which]
        found["word"] = np.array([word.index for word in self.words], dtype=np.uint32)[which]
        found["row"], found["bit"] = within // width, within % width
        return found

    def tags(self) -> dict[str, int]:
        """Return how many sites each structure has."""
        counts: dict[str, int] = {}
        for word in self.words:
            counts[word.tag] = counts.get(word.tag, 0) + word.bits
        return counts

    def name(self, number: int) -> str:
        """Return the hierarchical name of a site, ``pe_0.acc[3]`` or ``fifo.mem[12][3]``."""
        word = self.words[int(np.searchsorted(self.firsts, number, side="right")) - 1]
        row, bit = divmod(number - int(self.firsts[self.words.index(word)]), word.width)
        return f"{word.name}[{row}][{bit}]" if word.kind == MEMORY else f"{word.name}[{bit}]"


def list_sites(
    netlist: Frozen,
    *,
    kinds: tuple[int, ...] = (FLOP,),
    tags: Mapping[str, str] | Callable[[str], str] | None = None,
) -> Sites:
    """Return the sites of a netlist.

    Parameters
    ----------
    kinds : tuple of int
        Of `FLOP`, `MEMORY`, `NET`.
    tags : dict of str to str, or callable
        Structure by prefix of the hierarchical name, the longest that fits; words that none fits
        belong to the instance that holds them. A callable returns the structure of a name.
    """
    listed: list[tuple[int, int, str, int, int, str]] = []
    if FLOP in kinds:
        listed += [(FLOP, at, f.name, len(f.q), 1, "$dff") for at, f in enumerate(netlist.flops)]
    if MEMORY in kinds:
        listed += [
            (MEMORY, at, m.name, m.width, m.size, "$mem_v2")
            for at, m in enumerate(netlist.memories)
        ]
    if NET in kinds:
        listed += [
            (NET, at, c.name, len(c.output), 1, c.type) for at, c in enumerate(netlist.cells)
        ]
    tag = tags if callable(tags) else partial(_tag, tags=tags or {})
    return Sites(
        tuple(
            Word(name, kind, at, width, rows, cell, tag(name))
            for kind, at, name, width, rows, cell in listed
        )
    )


def _tag(name: str, tags: Mapping[str, str]) -> str:
    fitting = [prefix for prefix in tags if name.startswith(prefix)]
    if fitting:
        return tags[max(fitting, key=len)]
    return name.rpartition(".")[0] or "top"
