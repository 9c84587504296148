"""Designs as graphs of words: one graph for each module, and how often each occurs."""

from .module import FEATURES, KINDS, DesignGraph, ModuleGraph
from .native import design_graph, module_graph
from .summary import SUMMARY, summaries

__all__ = [
    "FEATURES",
    "KINDS",
    "SUMMARY",
    "DesignGraph",
    "ModuleGraph",
    "design_graph",
    "module_graph",
    "summaries",
]
