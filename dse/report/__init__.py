"""Reports: a run folder as one offline page and as pictures. Nothing else is read."""

from .run import Axis, Design, Run, read_run
from .write import ReportFiles, write_report

__all__ = ["Axis", "Design", "ReportFiles", "Run", "read_run", "write_report"]
