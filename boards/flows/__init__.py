"""Flows: from exported Verilog to measured area and clock."""

from .routing import RoutingReport, median_clock, route, routing
from .synthesis import SynthesisReport, synthesis, synthesize, used

__all__ = [
    "RoutingReport",
    "SynthesisReport",
    "median_clock",
    "route",
    "routing",
    "synthesis",
    "synthesize",
    "used",
]
