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
from .loop import SCHEMES, Attempt, Hardened, NotHardenedError, Variant, harden, plan_of
from .measure import Budget, Measured, measure
from .subjects import Target, kiln_target, matrix_target, verilog_target

__all__ = [
    "SCHEMES",
    "Attempt",
    "Budget",
    "Chosen",
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
    "greedy",
    "harden",
    "kiln_target",
    "matrix_target",
    "measure",
    "plan_of",
    "verilog_target",
]
