"""Protection of frozen netlists: transformed by a plan, written, mapped, and counted again."""

from .block_ram import for_block_ram
from .enables import with_plain_enables
from .manifest import Manifest, ManifestError, Replicas, check_manifest, count_manifest
from .mapped import MappedBlock, MappedDesign, map_sky130
from .plan import FLOP_SCHEMES, MEMORY_SCHEMES, Plan
from .transform import Protected, protect

__all__ = [
    "FLOP_SCHEMES",
    "MEMORY_SCHEMES",
    "Manifest",
    "ManifestError",
    "MappedBlock",
    "MappedDesign",
    "Plan",
    "Protected",
    "Replicas",
    "check_manifest",
    "count_manifest",
    "for_block_ram",
    "map_sky130",
    "protect",
    "with_plain_enables",
]
