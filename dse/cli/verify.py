"""`dse verify`: does the Verilog of a design do what its golden model says?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .complete import design_folders
from .console import JsonFlag, emit_json, emit_table, note, told

if TYPE_CHECKING:
    from dse.designs import DesignFolder
    from hw.mac import MacConfig
    from sim.cosim import VerifyResult
    from sim.mac import MacVerifyResult

__all__ = ["DesignOption", "app"]

app = typer.Typer()

DesignOption = Annotated[
    Path,
    typer.Option(
        "--design",
        "-d",
        help="Design folder: one of a run, or what `dse generate` wrote.",
        autocompletion=design_folders,
    ),
]


_CASES_HELP = "Matrix products to run; of a multiply-accumulate unit, dot products of each mode."


@dataclass(frozen=True, slots=True)
class _OnDisk:
    """A design as its folder holds it now, edited or not."""

    top: str
    verilog: str
    ports: Any
    edited: bool


@app.command()
def verify(
    design: DesignOption,
    cases: Annotated[int, typer.Option(help=_CASES_HELP, min=1)] = 8,
    seed: Annotated[int, typer.Option(help="Seed of shapes, operands and stalls.", min=0)] = 0,
    coverage: Annotated[bool, typer.Option(help="Count lines and toggles.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Check a design's Verilog: lint, results and cycles against the golden model, coverage.

    The files in the folder are what is checked, edited or not.
    """
    from dse.designs import DesignFolder
    from hw.contracts import ConfigError
    from hw.mac import MacConfig
    from hw.matrix import MatrixConfig
    from sim.cosim import verify_design
    from sim.cosim.tools import tool_identity

    folder = DesignFolder(design)
    config, found = folder.config, _on_disk(folder)
    if not isinstance(config, MatrixConfig | MacConfig):
        raise ConfigError(
            f"{design} is a {type(config).__name__}; only matrix engines and multiply-accumulate "
            f"units can be verified so far; {design / 'README.md'} says which test bench is there "
            "and how to run it"
        )
    if found.edited:
        note("The Verilog differs from what Kiln generates for this config.toml.", style="yellow")
    if isinstance(config, MacConfig):
        _verify_unit(design, config, found, cases=cases, seed=seed, as_json=as_json)
        return
    note(f"Compiling {found.top} and running {cases} products on it ...", style="dim")
    result = verify_design(found, config, seed=seed, cases=cases, coverage=coverage)
    if as_json:
        sources = told(**dict.fromkeys(_MEASURED, ("measured", tool_identity())))
        emit_json({"design": design, "edited": found.edited, **_plain(result), **sources})
    else:
        _print(result)
    _fail_unless(result.passed, design)


def _verify_unit(
    design: Path, config: MacConfig, found: _OnDisk, *, cases: int, seed: int, as_json: bool
) -> None:
    """Run dot products on a multiply-accumulate unit."""
    from sim.cosim.tools import tool_identity
    from sim.mac import verify_unit

    note(f"Compiling {found.top} and running {cases} dot products of each mode ...", style="dim")
    result = verify_unit(found, config, seed=seed, dots=cases)
    if as_json:
        runs = [{name: getattr(run, name) for name in _RUN} for run in result.runs]
        plain = {"passed": result.passed, "lint": list(result.lint), "runs": runs}
        sources = told(**{"runs.late": ("measured", tool_identity())})
        emit_json({"design": design, "edited": found.edited, **plain, **sources})
    else:
        _print_unit(result)
    _fail_unless(result.passed, design)


def _fail_unless(passed: bool, design: Path) -> None:
    if not passed:
        note(f"{design} does not do what its model says; see above.", style="red")
        raise typer.Exit(1)


def _on_disk(folder: DesignFolder) -> _OnDisk:
    from hw.export import export

    verilog, made = folder.verilog, export(folder.config, folder.top)
    generated = sorted(module.verilog for module in made.modules)
    return _OnDisk(
        top=made.top,
        verilog=verilog,
        ports=made.ports,
        edited=generated != sorted(path.read_text("utf-8") for path in folder.sources),
    )


def _plain(result: VerifyResult) -> dict[str, Any]:
    counted = result.coverage
    return {
        "passed": result.passed,
        "lint": list(result.lint),
        "cases": [{name: getattr(case, name) for name in _CASE} for case in result.cases],
        "queued_mismatches": result.queued_mismatches,
        "line_coverage_percent": counted and counted.line_percent,
        "toggle_coverage_percent": counted and counted.toggle_percent,
    }


_MEASURED = ("cases.cycles", "line_coverage_percent", "toggle_coverage_percent")
_RUN = ("offer", "take", "results", "mismatches", "late")
_CASE = ("m", "k", "n", "stalled", "cycles", "expected_cycles", "mismatches")


def _print(result: VerifyResult) -> None:
    emit_table(
        ("m", "k", "n", "stalls", "cycles measured", "cycles of the model", "wrong elements"),
        [tuple(getattr(case, name) for name in _CASE) for case in result.cases],
    )
    wrong = f"{result.queued_mismatches} wrong elements" if result.queued_mismatches else "as alone"
    typer.echo(f"\nas queue  {wrong}")
    _print_lint(result.lint)
    if result.coverage is not None:
        lines, toggles = result.coverage.line_percent, result.coverage.toggle_percent
        typer.echo(f"coverage  {lines:.1f} % of lines, {toggles:.1f} % of toggles")
    typer.echo(f"verdict   {'passed' if result.passed else 'FAILED'}")


def _print_unit(result: MacVerifyResult) -> None:
    emit_table(
        ("producer %", "consumer %", "results", "wrong results", "in another cycle"),
        [
            tuple("not asked" if (value := getattr(run, name)) is None else value for name in _RUN)
            for run in result.runs
        ],
    )
    typer.echo()
    _print_lint(result.lint)
    typer.echo(f"verdict   {'passed' if result.passed else 'FAILED'}")


def _print_lint(warnings: tuple[str, ...]) -> None:
    typer.echo(f"lint      {_lint(warnings)}")
    for warning in warnings:
        typer.echo(f"          {warning}")


def _lint(warnings: tuple[str, ...]) -> str:
    return f"{len(warnings)} warnings" if warnings else "clean (verilator -Wall, no waivers)"
