"""Results as rows: CSV text that is the same byte for byte, JSON, and data frames."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .record import TrialResult

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Row", "result_row", "rows_to_csv", "rows_to_frame", "rows_to_json"]

Row = dict[str, Any]


def result_row(result: TrialResult) -> Row:
    """Return one flat row: design number, state, knobs, then every figure by its full name."""
    return {
        "design": result.number,
        "state": result.state.value,
        **result.knobs,
        **{name: _tidy(value) for name, value in result.metrics.values_by_name().items()},
        **({"reason": result.reason} if result.reason else {}),
    }


def rows_to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return CSV with the union of all columns, in order of first appearance."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _columns(rows), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def rows_to_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a JSON list of the rows."""
    return json.dumps(list(rows), indent=2) + "\n"


def rows_to_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a data frame indexed by design; units and fidelity are in the column names."""
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=_columns(rows))
    return frame.set_index("design") if "design" in frame else frame


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _tidy(value: float) -> float:
    """Ten digits are beyond any figure's accuracy and the same on every machine."""
    return value if isinstance(value, int) else float(f"{value:.10g}")
