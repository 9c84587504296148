"""Reports of fault campaigns: one offline page, and its figures as JSON."""

from .inject import report_of
from .record import FaultReport
from .write import FaultFiles, write_fault_report

__all__ = ["FaultFiles", "FaultReport", "report_of", "write_fault_report"]
