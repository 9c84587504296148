"""Export: Amaranth components as Verilog in which every class of module is there once."""

from .design import ExportedDesign, ExportedModule, Port
from .equivalence import prove_equivalent
from .exporter import export
from .files import core_description, write_design
from .shared import ExportPlatform, shared

__all__ = [
    "ExportPlatform",
    "ExportedDesign",
    "ExportedModule",
    "Port",
    "core_description",
    "export",
    "prove_equivalent",
    "shared",
    "write_design",
]
