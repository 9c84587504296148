"""What a search leaves behind: trial records, tables and the run folder."""

from .folder import RunFolder
from .provenance import describe_columns, report_sources, signed, trace_source
from .record import TrialResult, TrialState
from .tables import Row, result_row, rows_to_csv, rows_to_frame, rows_to_json

__all__ = [
    "Row",
    "RunFolder",
    "TrialResult",
    "TrialState",
    "describe_columns",
    "report_sources",
    "result_row",
    "rows_to_csv",
    "rows_to_frame",
    "rows_to_json",
    "signed",
    "trace_source",
]
