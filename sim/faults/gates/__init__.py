"""The gates engine: netlists of library cells, hundreds of faults at a time, one in each bit."""

from .engine import GatesEngine
from .listing import cell_areas, gate_sites
from .mapping import map_gates
from .matching import Gates, match_gates
from .models import cell_models

__all__ = [
    "Gates",
    "GatesEngine",
    "cell_areas",
    "cell_models",
    "gate_sites",
    "map_gates",
    "match_gates",
]
