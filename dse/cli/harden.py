"""`dse harden`: protect a design until the bounds of an ASIL hold, at the least area."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .complete import design_folders
from .console import JsonFlag, check_folder, emit_json, emit_table, note, typed_command
from .sources import (
    DefineOption,
    IncludeOption,
    MoreFiles,
    ParameterOption,
    VerilogOption,
    parse_pairs,
)

if TYPE_CHECKING:
    from dse.harden import Target

__all__ = ["app"]

app = typer.Typer()

_SHAPE = re.compile(r"(\d+)x(\d+)x(\d+)")


@app.command(no_args_is_help=True)
def harden(
    more: MoreFiles = None,
    design: Annotated[
        Path | None,
        typer.Option(
            "--design", "-d", help="Design folder of a run.", autocompletion=design_folders
        ),
    ] = None,
    verilog: VerilogOption = None,
    top: Annotated[str, typer.Option(help="Top module of --verilog.")] = "",
    include: IncludeOption = None,
    define: DefineOption = None,
    parameter: ParameterOption = None,
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
    faults: Annotated[
        int, typer.Option(help="Of each fault model and kind of site.", min=100)
    ] = 20_000,
    permanent: Annotated[
        bool, typer.Option(help="Keep the targets of permanent faults as well, with a self-test.")
    ] = True,
    duplication: Annotated[
        bool, typer.Option(help="Build and measure full duplication beside it.")
    ] = True,
    confidence: Annotated[float, typer.Option(help="Of bounds.")] = 0.95,
    attempts: Annotated[int, typer.Option(help="Rounds, at most.", min=1)] = 4,
    seed: Annotated[int, typer.Option(help="Of everything that is random.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder; by default hardened/TOP.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure what faults do, choose protection, build it, inject again; until the bounds hold.

    Writes protected Verilog, the manifest of its redundancy, and the figures.
    """
    from dse.harden import Budget, duplicate, harden
    from dse.harden.document import asil_limits, document, write
    from hw.contracts import ConfigError

    limits = asil_limits(asil, pmhf_share, permanent=permanent)
    if not 0 < confidence < 1:
        raise ConfigError(f"--confidence={confidence} is no share; use one between 0 and 1")
    if not 0 <= slower < float("inf"):
        raise ConfigError(f"--slower={slower} is no share; use 0 or more, such as 0.05")
    if out is not None:
        check_folder("--out", out)
    note("Freezing and mapping the design ...", style="dim")
    if design is not None:
        own = (verilog, more, top, stimulus, include, define, parameter, observe, cycles)
        target = _kiln(design, job, seed, refused=own)
    else:
        target = _verilog(
            [*(verilog or ()), *(more or ())], top, stimulus, observe, include, define, parameter,
            cycles, seed, job,
        )  # fmt: skip
    base = target.variants[0]
    budget = Budget(faults=faults, confidence=confidence, seed=seed)

    def tell(text: str) -> None:
        note(text, style="dim")

    found = harden(
        target.variants,
        target.structure,
        limits,
        budget,
        attempts=attempts,
        slower=slower,
        progress=tell,
    )
    double = (
        duplicate(base, target.structure, limits, budget, progress=tell) if duplication else None
    )
    folder = out or Path("hardened") / base.netlist.top
    told = {"command": typed_command(), **document(found, base, limits, double)}
    write(folder, found, told)
    if as_json:
        emit_json(told)
    else:
        _print(told)
    note(f"Protected Verilog, manifest and figures: {folder}")


def _kiln(design: Path, job: str, seed: int, refused: Sequence[Any]) -> Target:
    from dse.harden import kiln_target
    from hw.contracts import ConfigError

    if any(refused):
        raise ConfigError(
            "--design brings its Verilog and its job along; leave out --verilog, --top, "
            "--stimulus, --cycles, --observe, -I, -D and -P, or leave out --design"
        )
    match = _SHAPE.fullmatch(job)
    if job and not match:
        raise ConfigError(f"--job {job}: write MxKxN, such as 16x32x16")
    shape = (int(match[1]), int(match[2]), int(match[3])) if match else None
    return kiln_target(design, shape=shape, seed=seed)


def _verilog(
    files: Sequence[Path],
    top: str,
    stimulus: str,
    observe: Path | None,
    include: Sequence[Path] | None,
    define: Sequence[str] | None,
    parameter: Sequence[str] | None,
    cycles: int,
    seed: int,
    job: str,
) -> Target:
    from dse.harden import verilog_target
    from hw.contracts import ConfigError

    if not files or not top or not stimulus:
        raise ConfigError(
            "nothing to harden; give --design FOLDER, or --verilog FILE --top NAME --stimulus FILE"
        )
    if job:
        raise ConfigError("--job is of Kiln's engines; the inputs of --verilog are --stimulus")
    return verilog_target(
        files, top, stimulus, observe=observe, includes=include or (),
        defines=parse_pairs("-D", define), parameters=parse_pairs("-P", parameter),
        cycles=cycles, seed=seed,
    )  # fmt: skip


def _print(told: dict[str, Any]) -> None:
    alone = told["transient_alone"]["chosen"]
    emit_table(
        ["structure", "protection", "for transient faults alone"],
        [(name, scheme, alone.get(name, "none")) for name, scheme in told["chosen"].items()],
    )
    double = told.get("duplication", {})
    twice = {_key(m): m for m in double.get("targets", ())}
    before = {("transient", m["name"], m["group"]): m for m in told["before"]}
    before |= {("permanent", m["name"], m["group"]): m for m in told["permanent_before"]}
    emit_table(
        ["target", "of", "faults", "before", "bound", "asked", "margin", "", "duplicated"],
        [
            (
                m["name"], m["group"], m["nature"], _shown(before.get(_key(m)), m["name"]),
                _shown(m, m["name"]), _amount(m["limit"], m["name"]),
                _amount(m["margin"], m["name"]), "pass" if m["passed"] else "FAIL",
                _shown(twice.get(_key(m)), m["name"]),
            )
            for m in told["targets"]
        ],
    )  # fmt: skip
    area, period = told["area_um2"], told["period_ns"]
    whole = [area["unprotected"], area["transient_alone"], area["protected"]]
    macros = [area[f"memories_{n}"] for n in ("unprotected", "transient_alone", "protected")]
    periods = [f"{period[name]:.2f}" for name in ("unprotected", "transient_alone", "protected")]
    heads = ["", "unprotected", "for transient faults", "protected"]
    if double:
        heads.append("duplicated")
        whole.append(double["area_um2"])
        macros.append(double["memories_um2"])
        periods.append(f"{double['period_ns']:.2f}")
    emit_table(
        heads,
        [
            ("standard cells, um2", *(f"{value:,.0f}" for value in whole)),
            ("added", *(f"{value / whole[0] - 1:+.1%}" for value in whole)),
            ("memories, um2", *(f"{value:,.0f}" for value in macros)),
            ("period, ns", *periods),
        ],
    )
    note(f"Transients and stuck-ats hit {told['transients']}.")
    if told["latent_term"]:
        note(
            f"A latent fault and a second one: {told['latent_term']['fit_modelled']:.2g} FIT "
            f"more (modelled, {told['latent_term']['lifetime_h']:,.0f} h); not in the bounds above."
        )


def _key(target: dict[str, Any]) -> tuple[str, str, str]:
    return target["nature"], target["name"], target["group"]


def _shown(metric: dict[str, Any] | None, name: str) -> str:
    return "" if metric is None else _amount(metric["bound"], name)


def _amount(value: float, name: str) -> str:
    if name == "period":
        return f"{value:.2f} ns"
    return f"{value:.3g} FIT" if name == "PMHF" else f"{value:.3%}"
