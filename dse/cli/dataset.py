"""`dse dataset`: measure many designs, for surrogates to learn from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import note, stderr
from .shard import SHARD_HELP, parse_shard

if TYPE_CHECKING:
    from boards.target import Target

__all__ = ["app"]

app = typer.Typer()

_TARGETS = "ecpix5-85f,alveo-u55c,sky130"


@app.command()
def dataset(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder; what is there is not measured again.")
    ] = Path("runs/dataset"),
    designs: Annotated[int, typer.Option(help="Designs of the sweep.", min=1)] = 3000,
    generators: Annotated[str, typer.Option(help="Generators by commas; all, if left out.")] = "",
    measure: Annotated[str, typer.Option(help="area, clock, power; by commas.")] = "area",
    targets: Annotated[str, typer.Option(help="Boards and processes, by commas.")] = _TARGETS,
    seeds: Annotated[int, typer.Option(help="Placements of each design.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of the designs.", min=0)] = 0,
    jobs: Annotated[
        int, typer.Option(help="Measurements at a time; 0 is as many as there are cores.", min=0)
    ] = 0,
    shard: Annotated[str, typer.Option(help=SHARD_HELP)] = "1/1",
    add: Annotated[
        Path | None, typer.Option(help="Packed dataset to add to the folder; nothing is measured.")
    ] = None,
    pack: Annotated[
        Path | None, typer.Option(help="Write the folder into one file; nothing is measured.")
    ] = None,
) -> None:
    """Draw designs of every generator there is, measure them, and keep each as it is done.

    Interrupted, the same command goes on where it was.
    """
    if add is not None or pack is not None:
        _exchange(out, add, pack)
        return
    from dse.dataset import GENERATORS, Sweep
    from dse.dataset.sweep import counts
    from surrogates.data import DatasetFolder

    names = [name.strip() for name in generators.split(",") if name.strip()] or list(GENERATORS)
    sweep = Sweep(
        folder=DatasetFolder(out),
        generators=counts(designs, names),
        kinds=tuple(kind.strip() for kind in measure.split(",") if kind.strip()),
        targets=tuple(_target(name.strip()) for name in targets.split(",") if name.strip()),
        seeds=seeds,
        seed=seed,
        shard=parse_shard(shard),
    )
    told = ", ".join(f"{count} {name}" for name, count in sweep.generators.items())
    due = len(sweep.tasks())
    note(f"{told}; {due} measurements, seed {seed}", style="dim")
    made = _run(sweep, jobs or os.cpu_count() or 1, due)
    note(f"{made} measurements made, {due - made} were there: {out}")


def _exchange(out: Path, add: Path | None, pack: Path | None) -> None:
    from hw.contracts import ConfigError
    from surrogates.data import DatasetFolder
    from surrogates.data.pack import pack as write
    from surrogates.data.pack import unpack

    folder = DatasetFolder(out)
    if add is not None:
        new = unpack(add, folder)
        note(f"{new['designs']} designs and {new['measurements']} measurements were new: {out}")
    if pack is not None:
        if not any(folder.designs()):
            raise ConfigError(f"{out} holds no designs; measure some first, or name another --out")
        found = write(folder, pack)
        told = ", ".join(f"{count} {name}" for name, count in found.items())
        note(f"{told}: {pack}, {pack.stat().st_size / 1e6:.2f} MB")


def _target(name: str) -> Target:
    from boards.target import load_target

    return load_target(name)


def _run(sweep: object, jobs: int, due: int) -> int:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from dse.dataset import Sweep, Task

    assert isinstance(sweep, Sweep)
    bar = Progress(
        BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}"),
        console=stderr(), transient=True,
    )  # fmt: skip
    with bar:
        line = bar.add_task("", total=due)

        def told(task: Task, found: str) -> None:
            what = f"{task.generator} {task.number} {task.kind} {task.target.name}: {found}"
            bar.update(line, advance=1, description=what[:100])

        return sweep.run(jobs, told)
