"""Bus signatures and adapters: AXI4-Stream."""

from .axis import AxiAdapter, AxiStreamSignature, AxiTop, axi_name

__all__ = ["AxiAdapter", "AxiStreamSignature", "AxiTop", "axi_name"]
