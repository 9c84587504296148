"""The card of what is not on the front: dominated, refused, failed, and not routed."""

from __future__ import annotations

from collections.abc import Iterator

from dse.results import Row

from .columns import Column, is_figure, parse_column
from .markup import cell, section, table
from .run import Run
from .sections import column_head, figure_cell, id_cell
from .source import plain
from .text import is_finite

__all__ = ["left_out_card"]


def left_out_card(run: Run) -> str:
    """Return what is not on the front: dominated, refused, failed, and not routed."""
    parts = "".join([*_states(run), *_not_routed(run)])
    return section("others", "Not on the front", parts) if parts else ""


def _states(run: Run) -> Iterator[str]:
    others = [row for row in run.designs if not row["on_front"]]
    if not others:
        return
    heads = [("design", ""), ("what", ""), ("outcome", "")]
    heads += [(column_head(run, a.column), "n") for a in run.axes] + [("why", "")]
    rows = []
    for row in others:
        state = "dominated" if row["state"] == "measured" else str(row["state"])
        cells = [id_cell(row), cell(run.title(row), plain("knob")), cell(state)]
        cells += [figure_cell(run, row, a.column.name) for a in run.axes]
        cells.append(cell(row.get("reason"), plain("reason"), "long"))
        rows.append(f"<tr>{''.join(cells)}</tr>")
    yield table(heads, rows)


def _not_routed(run: Run) -> Iterator[str]:
    """Yield the promising designs that the budget left behind."""
    rows = run.not_routed
    if not rows:
        return
    varied = [name for name in rows[0] if is_figure(name) or len({r[name] for r in rows}) > 1]
    columns = [parse_column(name) for name in varied if name != "command"]
    heads = [(column_head(run, column), _kind(rows, column)) for column in columns]
    heads += [("command that measures it", "")] * ("command" in rows[0])
    body = (f"<tr>{''.join(_not_routed_cells(run, row, columns))}</tr>" for row in rows)
    yield "<h3>Promising, and not routed: the budget ended first</h3>" + table(heads, body)


def _not_routed_cells(run: Run, row: Row, columns: list[Column]) -> Iterator[str]:
    for column in columns:
        known = column.fidelity
        yield figure_cell(run, row, column.name) if known else cell(row[column.name], plain("knob"))
    if "command" in row:
        yield cell(row["command"], plain("command"), "mono")


def _kind(rows: list[Row], column: Column) -> str:
    return "n" if all(is_finite(row[column.name]) for row in rows) else ""
