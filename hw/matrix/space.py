"""The matrix engine's search space: every point is a design that can be built."""

from __future__ import annotations

from hw.contracts import SearchSpace, choice, power_of_two

from .config import DATAFLOWS, MULTIPLIERS, MatrixConfig

__all__ = ["MATRIX_SPACE"]

MATRIX_SPACE = SearchSpace(
    MatrixConfig.from_knobs,
    {
        "rows": power_of_two(4, 64),
        "cols": power_of_two(4, 64),
        "dataflow": choice(*DATAFLOWS),
        "operand_bits": power_of_two(4, 16),
        "multiplier": choice(*MULTIPLIERS),
        "pipeline": choice(0, 1, 2),
        "a_depth": power_of_two(512, 8192),
        "b_depth": power_of_two(512, 8192),
        "banks": choice(1, 2),
        "result_ratio": power_of_two(1, 2),
    },
)
"""Width of operands, array shape and buffers; the result buffer is a ratio of the array."""
