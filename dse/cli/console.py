"""Two voices: data on stdout, conversation on stderr."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = [
    "JsonFlag",
    "check_folder",
    "emit_json",
    "emit_table",
    "note",
    "stderr",
    "stdout",
    "told",
    "typed_command",
]

_UNBOUNDED = 1000  # columns, to ask a table for the width it needs
_PROSE = 24  # cells longer than this are prose, which may be broken over lines

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def stdout() -> Console:
    """Return the console for data. Piped, it does not wrap what a script will read."""
    return _console(stderr=False)


def stderr() -> Console:
    """Return the console for conversation."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 200
    return Console(stderr=stderr, highlight=False, width=width)


def typed_command() -> str:
    """Return the command line as the user typed it, for outputs that say how they are made."""
    return shlex.join(["dse", *sys.argv[1:]])


def told(**figures: tuple[str, str]) -> dict[str, Any]:
    """Return what a document of ``--json`` says of its figures: each with fidelity and tool."""
    command = typed_command()
    return {
        "command": command,
        "provenance": {
            name: {"fidelity": fidelity, "tool": tool, "command": command}
            for name, (fidelity, tool) in figures.items()
        },
    }


def check_folder(option: str, path: Path) -> None:
    """Refuse a folder to write to that is a file; `ConfigError`."""
    from hw.contracts import ConfigError

    if path.exists() and not path.is_dir():
        raise ConfigError(f"{option} {path} is a file; name a folder")


def note(text: str, style: str = "") -> None:
    """Say `text` to the user; it is never data and never markup."""
    stderr().print(text, style=style, markup=False, soft_wrap=True)


def emit_json(data: Any) -> None:
    """Print `data` as one JSON document."""
    typer.echo(json.dumps(data, indent=2, default=_plain, allow_nan=False))


def _plain(value: Any) -> Any:
    """Return what JSON has no word for as something it has."""
    if isinstance(value, Path):
        return str(value)
    for method in ("to_dict", "_asdict", "tolist"):
        if hasattr(value, method):
            return getattr(value, method)()
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


def emit_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "", optional: int = 0
) -> None:
    """Print a table; columns whose cells are numbers are set flush right.

    Numbers are never broken over lines. Of the last `optional` columns, as many are left out as it
    takes to fit the terminal; a narrower terminal than that breaks lines itself.
    """
    kept = [tuple(row) for row in rows]
    console, least = stdout(), len(columns) - optional
    table, needed = _table(columns, kept, title), 0
    for count in range(len(columns), least - 1, -1):
        table = _table(columns[:count], [row[:count] for row in kept], title)
        needed = console.measure(table, options=console.options.update(width=_UNBOUNDED)).minimum
        if needed <= console.width:
            break
    console.print(table, width=max(needed, console.width), crop=False)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str) -> Table:
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        cells = [_cell(row[index]) for row in rows]
        widest = max(map(len, [*column.splitlines(), *cells]), default=0)
        table.add_column(
            column,
            justify="right" if any(_is_number(row[index]) for row in rows) else "left",
            min_width=min(widest, _PROSE),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    return table


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
