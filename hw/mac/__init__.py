"""Mixed-precision SIMD multiply-accumulate: many formats, one rounding at the end."""

from .config import MacConfig
from .elements import pack_elements, result_word, unpack_results
from .golden import Sums, dot_products, result_format, sums
from .header import c_header
from .job import MacJob
from .plan import MacPlan, ModePlan, Slot
from .space import MAC_SPACE

__all__ = [
    "MAC_SPACE",
    "MacConfig",
    "MacJob",
    "MacPlan",
    "ModePlan",
    "Slot",
    "Sums",
    "c_header",
    "dot_products",
    "pack_elements",
    "result_format",
    "result_word",
    "sums",
    "unpack_results",
]
