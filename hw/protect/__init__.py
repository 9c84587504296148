"""Protection against upsets: codes, replicas and checkers as components, each with its model."""

from .hsiao import CLEAN, CORRECTED, DETECTED, HsiaoCode, HsiaoCorrector, HsiaoEncoder
from .registers import DwcRegister, ParityRegister, TmrRegister, kept_register, majority
from .selftest import SelfTest
from .states import SparseState, sparse_codes
from .watchdog import Watchdog

__all__ = [
    "CLEAN",
    "CORRECTED",
    "DETECTED",
    "DwcRegister",
    "HsiaoCode",
    "HsiaoCorrector",
    "HsiaoEncoder",
    "ParityRegister",
    "SelfTest",
    "SparseState",
    "TmrRegister",
    "Watchdog",
    "kept_register",
    "majority",
    "sparse_codes",
]
