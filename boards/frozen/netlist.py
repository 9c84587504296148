"""The frozen netlist: one word-level form of a design, from which sites and engines follow.

Hierarchy is flattened, its names stay. Nothing was optimised that could merge, move or recode a
flip-flop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Bit", "Cell", "Flop", "Frozen", "MemoryCell", "Port"]

Bit = int | str
"""A net, or a constant: ``"0"``, ``"1"``, ``"x"``."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the design."""

    name: str
    is_input: bool
    bits: tuple[Bit, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A combinational cell of words: Yosys' type, inputs by pin, output ``Y``.

    `source` of everything here is its place in the source, ``core.sv:12``; "" if unknown.
    """

    name: str
    type: str
    inputs: Mapping[str, tuple[Bit, ...]]
    output: tuple[Bit, ...]
    parameters: Mapping[str, int]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Flop:
    """A word of flip-flops on the one clock."""

    name: str
    d: tuple[Bit, ...]
    q: tuple[Bit, ...]
    init: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class MemoryCell:
    """A memory: reads at once, writes with the clock, ports of lower number first.

    Members
    -------
    reads : tuple of (address, data)
    writes : tuple of (address, data, enable)
        An enable for each bit.
    loose : bool
        The source says (``no_rw_check``) that a word which is read while it is written may be
        anything. Here and in simulation it is what it was; synthesis may build less.
    """

    name: str
    width: int
    size: int
    reads: tuple[tuple[tuple[Bit, ...], tuple[Bit, ...]], ...]
    writes: tuple[tuple[tuple[Bit, ...], tuple[Bit, ...], tuple[Bit, ...]], ...]
    init: tuple[int, ...]
    source: str = ""
    loose: bool = False


@dataclass(frozen=True)
class Frozen:
    """A design as words; `clock` is the input port that clocks everything."""

    top: str
    clock: str
    ports: tuple[Port, ...]
    cells: tuple[Cell, ...]
    flops: tuple[Flop, ...]
    memories: tuple[MemoryCell, ...]

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Input ports but the clock."""
        return tuple(p for p in self.ports if p.is_input and p.name != self.clock)

    @property
    def inputs_and_clock(self) -> tuple[Port, ...]:
        return tuple(port for port in self.ports if port.is_input)

    @property
    def outputs(self) -> tuple[Port, ...]:
        return tuple(port for port in self.ports if not port.is_input)

    @property
    def flop_bits(self) -> int:
        return sum(len(flop.q) for flop in self.flops)
