"""Measured designs: what was built, what of it was measured, and where that is kept."""

from .folder import DatasetFolder
from .record import DesignRecord, Measurement, ModuleRecord, module_name, record_design

__all__ = [
    "DatasetFolder",
    "DesignRecord",
    "Measurement",
    "ModuleRecord",
    "module_name",
    "record_design",
]
