"""`dse build`: a bitstream of a design for a board."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .complete import target_names
from .console import JsonFlag, emit_json, note, told
from .verify import DesignOption

if TYPE_CHECKING:
    from boards.target import Target
    from dse.designs import DesignFolder
    from hw.export import ExportedDesign

__all__ = ["app"]

app = typer.Typer()

_WHAT_IT_IS = (
    "The engine sits between a scan chain and a parity chain on the board's clock and serial pins: "
    "it fits, routes at the board's clock and loads. It has no bus and no memory controller yet, "
    "so that no model runs on it."
)


@app.command()
def build(
    design: DesignOption,
    board: Annotated[
        str | None,
        typer.Option(
            "--board", "-b", help="By default the run's target.", autocompletion=target_names
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write; by default DESIGN/build/BOARD."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the router.", min=0)] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Make a bitstream: the engine in a harness, on the board's own clock and pins.

    The Verilog in the folder is what is built, edited or not.
    """
    from boards.flows.bitstream import bitstream
    from dse.designs import DesignFolder
    from hw.contracts import write_atomic

    folder = DesignFolder(design)
    _refuse_protected(design)
    target = _target(design, board)
    found = bitstream(_on_disk(folder), target, seed)
    place = output or design / "build" / target.name
    file = place / f"{folder.top}{found.suffix}"
    write_atomic(file, found.data)
    for name, text in found.sources.items():
        write_atomic(place / name, text)
    write_atomic(place / "build.log", found.log.read_text("utf-8", "replace"))
    if as_json:
        emit_json(
            {
                "bitstream": file,
                "bytes": len(found.data),
                "clock_mhz_measured": found.clock_mhz,
                "board_clock_mhz": found.pins.clock_mhz,
                "what_it_is": _WHAT_IT_IS,
                **told(clock_mhz_measured=("measured", _router(target))),
            }
        )
        return
    typer.echo(file)
    note(
        f"{len(found.data):,} bytes; {found.clock_mhz:.1f} MHz measured with harness and pins, "
        f"the board's clock is {found.pins.clock_mhz:g} MHz. {_WHAT_IT_IS}"
    )
    note(f"Load:   {found.pins.load} {file}", style="dim")


def _refuse_protected(design: Path) -> None:
    """Refuse a design with a manifest: what harness and router leave of it is not counted here."""
    from hw.contracts import ConfigError

    if (design / "manifest.json").is_file():
        raise ConfigError(
            f"{design} is a protected design, and the redundancy in a bitstream is not counted "
            "yet; `dse search --asil` routes it and counts it out of context; for a bitstream, use "
            "the design's folder above it, unprotected"
        )


def _target(design: Path, board: str | None) -> Target:
    from boards.target import load_target
    from dse.designs.origin import run_target
    from dse.results import RunFolder

    if board is not None:
        return load_target(board)
    run = RunFolder(design.absolute().parent.parent)
    return run_target(run.info() if run.exists else {})


def _on_disk(folder: DesignFolder) -> ExportedDesign:
    """Return the design as its folder holds it now, whichever version of Kiln wrote it."""
    from hw.contracts import ConfigError
    from hw.export import ExportedModule, export

    made = export(folder.config, folder.top)
    texts = {path.stem: path.read_text("utf-8") for path in folder.sources}
    if folder.top not in texts:
        raise ConfigError(
            f"{folder.path / 'verilog'} holds no {folder.top}.v, the top module; "
            "write the design again with `dse generate`"
        )
    modules = tuple(
        ExportedModule(name=name, verilog=text, count=1, children={})
        for name, text in texts.items()
    )
    return replace(made, modules=modules)


def _router(target: Target) -> str:
    from boards.tools import require_tool

    return require_tool(f"nextpnr-{target.family}").identity
