"""Matrix engine: a systolic array with operand buffers, sequencer and result buffer."""

from .config import MatrixConfig
from .cycles import Stalls
from .mixed_space import FORMAT_SETS, MIXED_SPACE, mixed_config
from .plan import MatrixJob
from .space import MATRIX_SPACE

__all__ = [
    "FORMAT_SETS",
    "MATRIX_SPACE",
    "MIXED_SPACE",
    "MatrixConfig",
    "MatrixJob",
    "Stalls",
    "mixed_config",
]
