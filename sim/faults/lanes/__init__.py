"""The lanes engine: a word-level netlist as C++ in which every vector holds as many copies."""

from .engine import VALUE, LanesEngine

__all__ = ["VALUE", "LanesEngine"]
