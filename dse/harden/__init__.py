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

__all__ = [
    "Chosen",
    "Limits",
    "NoProtectionError",
    "Option",
    "Structure",
    "brute_force",
    "choose",
    "greedy",
]
