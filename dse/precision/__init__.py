"""Number formats by operator class and third of the layers, chosen against measured quality."""

from .choose import Candidate, Choice, Proposal, choose, measured_front, propose
from .costs import Costs
from .groups import GROUPS, Group, make_assignment, operator_class, split_operators
from .knapsack import Front, relaxed_picks, solve
from .options import HARDWARE_FORMATS, parse_formats, parse_loss_limit
from .plans import FormatPlan, format_sets, make_plans
from .readings import Meter, Reading, ReadingFile
from .sensitivities import Sensitivities, measure_sensitivities

__all__ = [
    "GROUPS",
    "HARDWARE_FORMATS",
    "Candidate",
    "Choice",
    "Costs",
    "FormatPlan",
    "Front",
    "Group",
    "Meter",
    "Proposal",
    "Reading",
    "ReadingFile",
    "Sensitivities",
    "choose",
    "format_sets",
    "make_assignment",
    "make_plans",
    "measure_sensitivities",
    "measured_front",
    "operator_class",
    "parse_formats",
    "parse_loss_limit",
    "propose",
    "relaxed_picks",
    "solve",
    "split_operators",
]
