"""Flows: from exported Verilog to measured area and clock."""

from .flat import FlatComparison, compare_flat
from .routing import Count, RoutingReport, median_clock, route, routing
from .synthesis import SynthesisReport, synthesis, synthesize, used

__all__ = [
    "Count",
    "FlatComparison",
    "RoutingReport",
    "SynthesisReport",
    "compare_flat",
    "median_clock",
    "route",
    "routing",
    "synthesis",
    "synthesize",
    "used",
]
