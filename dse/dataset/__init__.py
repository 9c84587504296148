"""Sweeps that measure designs for surrogates to learn from."""

from .generators import GENERATORS, Generator
from .sweep import Sweep, Task

__all__ = ["GENERATORS", "Generator", "Sweep", "Task"]
