"""Matrix engine: a systolic array with operand buffers, sequencer and result buffer."""

from .config import MatrixConfig
from .cycles import Stalls
from .plan import MatrixJob
from .space import MATRIX_SPACE

__all__ = ["MATRIX_SPACE", "MatrixConfig", "MatrixJob", "Stalls"]
