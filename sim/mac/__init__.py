"""Multiply-accumulate units in simulation."""

from .cosim import MacVerifyResult, VerifiedRun, play, verify_unit
from .run import Run, compile_unit, run_elements
from .stimulus import Stimulus, random_stimulus

__all__ = [
    "MacVerifyResult",
    "Run",
    "Stimulus",
    "VerifiedRun",
    "compile_unit",
    "play",
    "random_stimulus",
    "run_elements",
    "verify_unit",
]
