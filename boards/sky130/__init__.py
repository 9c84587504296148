"""SkyWater 130 nm: the project's own cell table, the Liberty made of it, and memory macros."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from boards.liberty import Cell, Library, read_liberty, write_liberty
from hw.contracts import ConfigError, KilnError

from .table import load_table

__all__ = ["complete_library", "liberty", "liberty_text", "library", "usable"]


@lru_cache(maxsize=4)
def library(path: str | Path | None = None) -> Library:
    """Return the compact table, or the cells of the Liberty file at `path` that logic may use."""
    return load_table() if path is None else read_liberty(path, keep=usable)


def complete_library(path: str | Path) -> Library:
    """Return `library(path)`; raise `ConfigError` if no design can be built of its cells."""
    found = library(path)
    for what, kind in (("flip-flop", _is_flop), ("gate of two inputs", _is_gate)):
        if not any(kind(cell) for cell in found.cells.values()):
            raise ConfigError(
                f"liberty={str(path)!r} has no {what}, so that nothing can be mapped to it; "
                "give the Liberty file of a complete standard-cell library"
            )
    return found


def usable(name: str) -> bool:
    """Return whether logic may be mapped to cell `name` of a Liberty file from elsewhere.

    Isolation and level-shifting cells have the function of a buffer or an AND gate, so that ABC
    would pick them; fillers and probes have none.
    """
    return not any(word in name for word in ("lpflow", "probe", "macro_spare", "decap", "diode"))


def _is_flop(cell: Cell) -> bool:
    return cell.usable and cell.sequential is not None and cell.sequential.kind == "ff"


def _is_gate(cell: Cell) -> bool:
    functional = any(pin.function for pin in cell.outputs)
    return cell.usable and cell.sequential is None and functional and len(cell.inputs) > 1


@lru_cache(maxsize=4)
def liberty_text(path: str | Path | None = None) -> str:
    """Return Liberty text for Yosys and ABC, from the compact table or the file at `path`."""
    return write_liberty(library(path))


def liberty(path_out: str | Path, path: str | Path | None = None) -> Path:
    """Write `liberty_text` to `path_out` and return it."""
    target = Path(path_out)
    try:
        target.write_text(liberty_text(path), encoding="utf-8")
    except OSError as error:
        raise KilnError(
            f"liberty file {str(target)!r} cannot be written ({error}); "
            "free some space or choose a folder that you may write to"
        ) from error
    return target
