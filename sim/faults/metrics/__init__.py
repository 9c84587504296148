"""Metrics of campaigns: vulnerability, failure rates, ISO 26262's figures, text of a model."""

from .asil import Metric, Verdict, judge, metrics
from .assess import assess
from .failures import Failures, StructureRow, failures, structure_rows, together
from .heat import Grid, grids
from .patterns import WRONG, Pattern, Patterns, harvest, single_bits
from .rates import PERMANENT, TRANSIENT, Rate, Rates, load_rates

__all__ = [
    "PERMANENT",
    "TRANSIENT",
    "WRONG",
    "Failures",
    "Grid",
    "Metric",
    "Pattern",
    "Patterns",
    "Rate",
    "Rates",
    "StructureRow",
    "Verdict",
    "assess",
    "failures",
    "grids",
    "harvest",
    "judge",
    "load_rates",
    "metrics",
    "single_bits",
    "structure_rows",
    "together",
]
