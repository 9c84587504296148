"""The Verilator engine: the independent referee of the others, one fault after the other."""

from .engine import VerilatorEngine

__all__ = ["VerilatorEngine"]
