"""`dse front`: the Pareto front of a run as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from .console import JsonFlag, emit_json, emit_table, note
from .report import RunArgument, run_folder

if TYPE_CHECKING:
    from dse.report import Run

__all__ = ["app", "show_front", "told"]

app = typer.Typer()


@app.command()
def front(run: RunArgument = None, as_json: JsonFlag = False) -> None:
    """Print the designs on the front of a run; every column says how it came about."""
    from dse.report import read_run

    found = read_run(run_folder(run))
    if as_json:
        emit_json({**told(found), "front": [_filled(row) for row in found.front]})
        return
    show_front(found)


def told(run: Run) -> dict[str, Any]:
    """Return the command that makes a run again, its notes, and where each column came from."""
    notes = {"notes": run.info["notes"]} if run.info.get("notes") else {}
    return {"command": run.command, **notes, "provenance": run.provenance}


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def show_front(run: Run) -> None:
    """Print the front of `run` as a table."""
    from dse.report.sections import front_columns, varied_knobs

    if not run.front:
        note(f"No design of {run.path} is on a front; see why in {run.path / 'designs.csv'}.")
        return
    knobs, columns = varied_knobs(run), front_columns(run)
    heads = [knob.replace("_", " ") for knob in knobs]
    heads += [f"{column.title}\n{column.fidelity}" for column in columns]
    names = [*knobs, *(column.name for column in columns)]
    rows = [(row["design"], *(row[name] for name in names)) for row in run.front]
    emit_table(("design", *heads), rows, optional=len(columns) - len(run.axes))
    if told_by := _asil(run):
        note(told_by)
    again = f", and make them again with: {run.command}" if run.command else ""
    note(f"Tools and conditions are in {_conditions(run)}{again}", style="dim")


def _asil(run: Run) -> str:
    """Return what the bounds of a run for an FPGA leave out; "" if there is nothing to say."""
    from dse.explore.protected_fpga import CONFIGURATION

    asked, target = run.info.get("asil"), run.info.get("target", {})
    if not asked or target.get("family") == "sky130":
        return ""
    return f"ASIL {asked['asil']} on {target['name']}: {CONFIGURATION}."


def _conditions(run: Run) -> str:
    """Return where a run says them; older runs say them beside each design alone."""
    table = run.path / "provenance.json"
    return str(table if table.is_file() else run.path / "designs" / "*" / "metrics.json")
