"""`dse doctor`: is everything there that Kiln calls, and new enough?"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .console import JsonFlag, emit_json, emit_table, note

if TYPE_CHECKING:
    from boards.tools import ToolStatus

__all__ = ["app"]

app = typer.Typer()

_ROOM = 2 << 30  # bytes; a search's compiled models and logs stay below it


@app.command()
def doctor(as_json: JsonFlag = False) -> None:
    """Check every tool: version found, version needed, and the command that mends it."""
    from boards.tools import check_tools

    tools, cache = check_tools(), _cache_state()
    fine = all(tool.ok for tool in tools) and not cache["problem"]
    if as_json:
        emit_json({"ok": fine, "tools": [_plain(tool) for tool in tools], "cache": cache})
    else:
        emit_table(
            ("tool", "found", "needed", "state", "what for"),
            [(t.name, t.version, t.needed, _state(t), t.purpose) for t in tools],
        )
        typer.echo(f"\ncache  {cache['folder']}, {cache['free_gb']:.0f} GB free")
        for problem in [*(tool.problem for tool in tools), cache["problem"]]:
            if problem:
                note(problem, style="yellow")
    if not fine:
        raise typer.Exit(1)


def _state(tool: ToolStatus) -> str:
    if tool.ok:
        return "fine"
    return "too old" if tool.command else "missing"


def _plain(tool: ToolStatus) -> dict[str, Any]:
    names = ("name", "purpose", "version", "needed", "identity", "ok", "problem", "remedy")
    return {name: getattr(tool, name) for name in names}


def _cache_state() -> dict[str, Any]:
    """Return where the cache is, the room it has, and what is wrong with it."""
    from sim.cosim.tools import cache_root

    folder = cache_root()
    there = _nearest(folder)
    free, problem = shutil.disk_usage(there).free, ""
    if not os.access(there, os.W_OK):
        problem = f"the cache {folder} cannot be written; set KILN_CACHE to a folder of your own"
    elif free < _ROOM:
        problem = f"the cache {folder} has {free / 1e9:.1f} GB left; make room, or set KILN_CACHE"
    return {"folder": folder, "free_gb": free / 1e9, "problem": problem}


def _nearest(path: Path) -> Path:
    """Return the deepest folder on the way to `path` that exists."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
