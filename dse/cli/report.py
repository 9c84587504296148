"""`dse report`: the page and the pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .complete import run_names
from .console import JsonFlag, emit_json, note

__all__ = ["RunArgument", "app"]

app = typer.Typer()

RunArgument = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="Folder of a run.", autocompletion=run_names),
]


@app.command()
def report(run: RunArgument = Path("runs/gpt2"), as_json: JsonFlag = False) -> None:
    """Write report.html, front.png and front.svg of a run, from its files alone."""
    from dse.report import write_report

    files = write_report(run)
    if as_json:
        emit_json({"page": files.page, "pictures": files.pictures})
        return
    typer.echo(files.page)
    note("Open it in any browser; it needs no network.", style="dim")
