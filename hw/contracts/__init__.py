"""What all folders share: operator records, the Block contract, search spaces, errors."""

from .block import Block, CycleCount, Job
from .errors import ConfigError, KilnError, did_you_mean
from .files import StorageError, make_folder, write_atomic
from .operator import Operand, Operator, OperatorKind, Phase
from .space import Knob, SearchSpace, choice, power_of_two

__all__ = [
    "Block",
    "ConfigError",
    "CycleCount",
    "Job",
    "KilnError",
    "Knob",
    "Operand",
    "Operator",
    "OperatorKind",
    "Phase",
    "SearchSpace",
    "StorageError",
    "choice",
    "did_you_mean",
    "make_folder",
    "power_of_two",
    "write_atomic",
]
