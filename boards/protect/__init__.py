"""Protection of frozen netlists: transformed by a plan, written, mapped, and counted again."""

from .manifest import Manifest, ManifestError, Replicas, check_manifest, count_manifest
from .mapped import MappedBlock, MappedDesign, map_sky130

__all__ = [
    "Manifest",
    "ManifestError",
    "MappedBlock",
    "MappedDesign",
    "Replicas",
    "check_manifest",
    "count_manifest",
    "map_sky130",
]
