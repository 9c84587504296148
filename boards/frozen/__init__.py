"""Frozen netlists: a design as words, before technology mapping, for faults and protection."""

from .freeze import freeze
from .netlist import Bit, Cell, Flop, Frozen, MemoryCell, Port
from .reader import read_frozen
from .sources import Sources, sources_of
from .writer import write_verilog

__all__ = [
    "Bit",
    "Cell",
    "Flop",
    "Frozen",
    "MemoryCell",
    "Port",
    "Sources",
    "freeze",
    "read_frozen",
    "sources_of",
    "write_verilog",
]
