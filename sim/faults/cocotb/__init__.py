"""The cocotb engine: the original Verilog on a simulator, each fault in a process of its own."""

from .engine import CocotbEngine
from .outcomes import outcome_of

__all__ = ["CocotbEngine", "outcome_of"]
