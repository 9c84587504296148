"""What all folders share: operator records, the Block contract, search spaces, errors."""

from .block import Block, CycleCount, Job
from .checks import check_choices, check_ranges
from .errors import ConfigError, KilnError, did_you_mean
from .files import PART, StorageError, make_folder, remove_parts, tree_digest, write_atomic
from .lease import Lease
from .operator import Operand, Operator, OperatorKind, Phase
from .scratch import remove_abandoned, remove_folder, scratch_folder, time_limit
from .space import Knob, SearchSpace, choice, power_of_two

__all__ = [
    "PART",
    "Block",
    "ConfigError",
    "CycleCount",
    "Job",
    "KilnError",
    "Knob",
    "Lease",
    "Operand",
    "Operator",
    "OperatorKind",
    "Phase",
    "SearchSpace",
    "StorageError",
    "check_choices",
    "check_ranges",
    "choice",
    "did_you_mean",
    "make_folder",
    "power_of_two",
    "remove_abandoned",
    "remove_folder",
    "remove_parts",
    "scratch_folder",
    "time_limit",
    "tree_digest",
    "write_atomic",
]
