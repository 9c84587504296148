"""Export: Amaranth components as Verilog in which every class of module is there once."""

from .design import ExportedDesign, ExportedModule, Port
from .exporter import export
from .shared import ExportPlatform, shared

__all__ = ["ExportPlatform", "ExportedDesign", "ExportedModule", "Port", "export", "shared"]
