"""Multiply-accumulate units in simulation."""

from .run import Run, compile_unit, run_elements

__all__ = ["Run", "compile_unit", "run_elements"]
