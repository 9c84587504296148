"""The lanes engine: a word-level netlist as C++ in which every vector holds as many copies."""

from .engine import NEVER, LanesEngine, Outcomes, flop_faults

__all__ = ["NEVER", "LanesEngine", "Outcomes", "flop_faults"]
