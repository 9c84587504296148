"""A CSV of GEMMs as a workload."""

from __future__ import annotations

from pathlib import Path

from hw.contracts import ConfigError, Operand, Operator, OperatorKind, Phase, did_you_mean

from .files import Row, read_rows, read_text
from .workload import OperatorList

__all__ = ["read_gemms"]

_LARGEST_SIDE = 1 << 24
_LARGEST_COUNT = 1 << 32
_OPTIONAL = ("count", "name", "phase", "right", "context")


def read_gemms(path: Path) -> OperatorList:
    """Return the GEMMs of a CSV file.

    Columns ``m, k, n`` are needed; ``count`` (1), ``name`` (``gemm``), ``phase`` (``prefill``),
    ``right`` (``weight``) and ``context`` (0) may be left out, as columns or as cells. Rows of
    phase ``prefill`` make one prefill pass, rows of phase ``decode`` one decode step.
    """
    if read_text(path).startswith("TIMESTAMP"):
        raise ConfigError(
            f"{path}: is a log of requests, not a list of GEMMs; give it to a model, "
            f"for instance: dse workload show llama-3.1-8b --trace {path}"
        )
    rows = read_rows(path, ("m", "k", "n"), _OPTIONAL)
    operators = tuple(_operator(row) for row in rows)
    return OperatorList(name=path.stem, operators=operators)


def _operator(row: Row) -> Operator:
    return Operator(
        name=_cell(row, "name", "gemm"),
        kind=OperatorKind.GEMM,
        phase=Phase(_one_of(row, "phase", "prefill", [phase.value for phase in Phase])),
        m=row.integer("m", 1, _LARGEST_SIDE),
        k=row.integer("k", 1, _LARGEST_SIDE),
        n=row.integer("n", 1, _LARGEST_SIDE),
        count=_integer(row, "count", 1, 1, _LARGEST_COUNT),
        right=Operand(_one_of(row, "right", "weight", [right.value for right in Operand])),
        context=_integer(row, "context", 0, 0, _LARGEST_SIDE),
    )


def _cell(row: Row, column: str, default: str) -> str:
    return row.cells.get(column, "").strip() or default


def _integer(row: Row, column: str, default: int, lowest: int, highest: int) -> int:
    if not row.cells.get(column, "").strip():
        return default
    return row.integer(column, lowest, highest)


def _one_of(row: Row, column: str, default: str, known: list[str]) -> str:
    value = _cell(row, column, default)
    if value not in known:
        raise row.error(
            f"{column}={value!r} is unknown{did_you_mean(value, known)}; "
            f"use one of {', '.join(known)}"
        )
    return value
