"""Liberty cell libraries: the grammar, the data model, reading and writing."""

from .model import Arc, Cell, Constraint, Energy, Library, Pin, Sequential, Table
from .reader import read_liberty, read_liberty_text
from .writer import write_liberty

__all__ = [
    "Arc",
    "Cell",
    "Constraint",
    "Energy",
    "Library",
    "Pin",
    "Sequential",
    "Table",
    "read_liberty",
    "read_liberty_text",
    "write_liberty",
]
