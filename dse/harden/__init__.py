"""Hardening: measure, choose protection, build it, count it, and inject again."""

from .choice import (
    Chosen,
    Limits,
    NoProtectionError,
    Option,
    Structure,
    brute_force,
    choose,
    greedy,
)
from .duplicate import Duplicated, duplicate
from .loop import Attempt, Hardened, NotHardenedError, harden
from .measure import Budget, Measured, measure
from .options import SCHEMES, Variant, plan_of
from .subjects import Target, kiln_target, matrix_target, verilog_target

__all__ = [
    "SCHEMES",
    "Attempt",
    "Budget",
    "Chosen",
    "Duplicated",
    "Hardened",
    "Limits",
    "Measured",
    "NoProtectionError",
    "NotHardenedError",
    "Option",
    "Structure",
    "Target",
    "Variant",
    "brute_force",
    "choose",
    "duplicate",
    "greedy",
    "harden",
    "kiln_target",
    "matrix_target",
    "measure",
    "plan_of",
    "verilog_target",
]
