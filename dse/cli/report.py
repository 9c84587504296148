"""`dse report`: the page and the pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .complete import run_names
from .console import JsonFlag, emit_json, note

__all__ = ["RunArgument", "app", "run_folder"]

app = typer.Typer()

_RUNS = Path("runs")

RunArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN",
        help="Folder of a run, or its name in ./runs; by default the newest there.",
        autocompletion=run_names,
    ),
]


@app.command()
def report(run: RunArgument = None, as_json: JsonFlag = False) -> None:
    """Write report.html, front.png and front.svg of a run, from its files alone."""
    from dse.report import write_report

    files = write_report(run_folder(run))
    if files.missing:
        note(
            f"{', '.join(map(str, files.missing))}: gone, so the report lacks the times and "
            "sources of these designs; run the same search again to restore them.",
            style="yellow",
        )
    if as_json:
        emit_json({"page": files.page, "pictures": files.pictures, "missing": files.missing})
        return
    typer.echo(files.page)
    note("Open it in any browser; it needs no network.", style="dim")


def run_folder(given: Path | None) -> Path:
    """Return the folder of the run that the user means."""
    from hw.contracts import ConfigError, did_you_mean

    runs = {path.parent.name: path for path in _RUNS.glob("*/run.json")}
    if given is None:
        if not runs:
            raise ConfigError("there is no run in ./runs; make one: dse search --workload gpt2")
        return max(runs.values(), key=lambda path: path.stat().st_mtime).parent
    if given.exists():
        return given
    if str(given) in runs:
        return _RUNS / given
    known = did_you_mean(given.name, runs) if runs else "; make one: dse search --workload gpt2"
    raise ConfigError(f"there is no run {str(given)!r}{known}")
