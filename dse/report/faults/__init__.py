"""Reports of fault campaigns: one offline page, and its figures as JSON."""

from .record import FaultReport
from .write import FaultFiles, write_fault_report

__all__ = ["FaultFiles", "FaultReport", "write_fault_report"]
