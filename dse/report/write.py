"""Writing a report beside the run it is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hw.contracts import write_atomic

from .page import render_page
from .pictures import front_picture, picture_bytes
from .run import Run, read_run

__all__ = ["ReportFiles", "write_report"]


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """What a report consists of.

    Parameters
    ----------
    page : Path
        ``report.html``.
    pictures : tuple of Path
        ``front.png`` and ``front.svg``; empty where there is no front to draw.
    missing : tuple of Path
        Folders of measured designs that are gone: the report lacks their details.
    """

    page: Path
    pictures: tuple[Path, ...]
    missing: tuple[Path, ...] = ()


def write_report(run_dir: str | Path) -> ReportFiles:
    """Write ``report.html``, ``front.png`` and ``front.svg`` into a run folder.

    Raises
    ------
    ConfigError
        If the folder is no run or holds a damaged file.
    """
    run = read_run(run_dir)
    page = run.path / "report.html"
    write_atomic(page, render_page(run))
    return ReportFiles(page, _write_pictures(run), tuple(run.missing))


def _write_pictures(run: Run) -> tuple[Path, ...]:
    figure = front_picture(run)
    if figure is None:
        return ()
    paths = {kind: run.path / f"front.{kind}" for kind in ("png", "svg")}
    for kind, path in paths.items():
        write_atomic(path, picture_bytes(figure, kind))
    return tuple(paths.values())
