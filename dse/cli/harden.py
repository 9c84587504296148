"""`dse harden`: protect a design until the bounds of an ASIL hold, at the least area."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .complete import design_folders
from .console import JsonFlag, emit_json, emit_table, note, typed_command

if TYPE_CHECKING:
    from dse.harden import Target

__all__ = ["app"]

app = typer.Typer()

_SHAPE = re.compile(r"(\d+)x(\d+)x(\d+)")


@app.command(no_args_is_help=True)
def harden(
    design: Annotated[
        Path | None,
        typer.Option(
            "--design", "-d", help="Design folder of a run.", autocompletion=design_folders
        ),
    ] = None,
    verilog: Annotated[
        list[Path] | None, typer.Option("--verilog", help="Verilog or SystemVerilog files.")
    ] = None,
    top: Annotated[str, typer.Option(help="Top module of --verilog.")] = "",
    stimulus: Annotated[
        str, typer.Option(help="Python file with a function `stimulus`, a .vcd, or `random`.")
    ] = "",
    cycles: Annotated[int, typer.Option(help="Cycles of a random stimulus.", min=0)] = 0,
    job: Annotated[str, typer.Option(help="MxKxN, the product that a Kiln engine runs.")] = "",
    observe: Annotated[
        Path | None, typer.Option(help="TOML file: what counts, structures, time-out.")
    ] = None,
    asil: Annotated[str, typer.Option(help="B, C or D.")] = "D",
    pmhf_share: Annotated[
        float, typer.Option(help="FIT that the block may take of the item's 10.")
    ] = 1.0,
    slower: Annotated[float, typer.Option(help="Share by which the clock may get slower.")] = 0.05,
    faults: Annotated[int, typer.Option(help="Of each fault model.", min=100)] = 20_000,
    confidence: Annotated[float, typer.Option(help="Of bounds.")] = 0.95,
    attempts: Annotated[int, typer.Option(help="Rounds, at most.", min=1)] = 4,
    seed: Annotated[int, typer.Option(help="Of everything that is random.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder; by default hardened/TOP.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure what faults do, choose protection, build it, inject again; until the bounds hold.

    Writes protected Verilog, the manifest of its redundancy, and the figures.
    """
    from dse.harden import Budget, harden
    from dse.harden.document import asil_limits, document, write
    from hw.contracts import ConfigError

    limits = asil_limits(asil, pmhf_share)
    if not 0 < confidence < 1:
        raise ConfigError(f"--confidence={confidence} is no share; use one between 0 and 1")
    if not 0 <= slower < float("inf"):
        raise ConfigError(f"--slower={slower} is no share; use 0 or more, such as 0.05")
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; name a folder")
    note("Freezing and mapping the design ...", style="dim")
    target = _target(design, verilog, top, stimulus, cycles, job, observe, seed)
    base = target.variants[0]
    budget = Budget(faults=faults, confidence=confidence, seed=seed)
    found = harden(
        target.variants,
        target.structure,
        limits,
        budget,
        attempts=attempts,
        slower=slower,
        progress=lambda text: note(text, style="dim"),
    )
    folder = out or Path("hardened") / base.netlist.top
    told = {"command": typed_command(), **document(found, base, limits)}
    write(folder, found, told)
    if as_json:
        emit_json(told)
    else:
        _print(told)
    note(f"Protected Verilog, manifest and figures: {folder}")


def _target(
    design: Path | None,
    verilog: list[Path] | None,
    top: str,
    stimulus: str,
    cycles: int,
    job: str,
    observe: Path | None,
    seed: int,
) -> Target:
    from dse.harden import kiln_target, verilog_target
    from hw.contracts import ConfigError

    if design is not None:
        if verilog or top or stimulus:
            raise ConfigError("--design brings its Verilog along; leave out --verilog and its own")
        if observe is not None or cycles:
            raise ConfigError("--design runs a job of its own; leave out --observe and --cycles")
        match = _SHAPE.fullmatch(job)
        if job and not match:
            raise ConfigError(f"--job {job}: write MxKxN, such as 16x32x16")
        shape = (int(match[1]), int(match[2]), int(match[3])) if match else None
        return kiln_target(design, shape=shape, seed=seed)
    if not verilog or not top or not stimulus:
        raise ConfigError(
            "nothing to harden; give --design FOLDER, or --verilog FILE --top NAME --stimulus FILE"
        )
    return verilog_target(verilog, top, stimulus, observe=observe, cycles=cycles, seed=seed)


def _print(told: dict[str, Any]) -> None:
    rows = [(name, scheme) for name, scheme in told["chosen"].items()]
    emit_table(["structure", "protection"], rows)
    before = {(m["name"], m["group"]): m for m in told["before"]}
    emit_table(
        ["metric", "of", "before, bound", "after, bound"],
        [
            (m["name"], m["group"], _shown(before.get((m["name"], m["group"]))), _shown(m))
            for m in told["after"]
        ],
    )
    area, period = told["area_um2"], told["period_ns"]
    emit_table(
        ["", "unprotected", "protected"],
        [
            ("standard cells, um2", f"{area['unprotected']:,.0f}", f"{area['protected']:,.0f}"),
            ("memories, um2", f"{area['memories_unprotected']:,.0f}",
             f"{area['memories_protected']:,.0f}"),
            ("period, ns", f"{period['unprotected']:.2f}", f"{period['protected']:.2f}"),
        ],
    )  # fmt: skip


def _shown(metric: dict[str, Any] | None) -> str:
    if metric is None:
        return ""
    bound = metric["bound"]
    return f"{bound:.3%}" if metric["name"] == "SPFM" else f"{bound:.3g} FIT"
