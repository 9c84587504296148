"""`dse search`: from a workload and a target to a front of measured designs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .complete import objective_names, sampler_names, target_names, workload_names
from .console import JsonFlag, emit_json, note
from .failure import Interrupted
from .front import show_front, told
from .progress import SearchDisplay
from .workload import Batch, Bucket, Dims, DropLonger, Generate, Prompt, Requests

if TYPE_CHECKING:
    from dse.report import Run

__all__ = ["app"]

app = typer.Typer()

_GOALS, _RUN = "Goals and limits", "The run"
_DEFAULT_BITS = 8

WorkloadName = Annotated[
    str,
    typer.Option(
        "--workload",
        "-w",
        help="A name of `dse workload list`, a Hugging Face config.json, a .toml, a .csv of GEMMs "
        "or an .onnx file.",
        autocompletion=workload_names,
    ),
]
TargetName = Annotated[
    str | None,
    typer.Option(
        "--target",
        "-t",
        show_default="ecpix5-85f; sky130 with --asil",
        help="A name of `dse target list`, or your own .toml file.",
        autocompletion=target_names,
    ),
]
BlockName = Annotated[
    str, typer.Option(help="What is searched: matrix, or a block that you plugged in.")
]
Objectives = Annotated[
    list[str] | None,
    typer.Option(
        "--objective",
        help="What to optimise; repeatable. By default latency, power and area.",
        rich_help_panel=_GOALS,
        autocompletion=objective_names,
    ),
]
Sampler = Annotated[
    str,
    typer.Option(
        help="kiln, tpe, gp, nsga2 or random.", autocompletion=sampler_names, rich_help_panel=_RUN
    ),
]
Budget = Annotated[int, typer.Option(help="Designs to measure.", rich_help_panel=_RUN)]
Seed = Annotated[
    int,
    typer.Option(
        help="Seed of what is drawn; the same seed, the same front.", rich_help_panel=_RUN
    ),
]
Seeds = Annotated[
    int,
    typer.Option(
        help="Seeds that each design is routed with; the clock is their median.",
        rich_help_panel=_RUN,
    ),
]
MaxPower = Annotated[float | None, typer.Option(help="Most power, in mW.", rich_help_panel=_GOALS)]
MaxLatency = Annotated[
    float | None, typer.Option(help="Most latency of the request, in ms.", rich_help_panel=_GOALS)
]
Asil = Annotated[
    str | None,
    typer.Option(
        metavar="B|C|D",
        help="Protect every design until its transient faults keep this ISO 26262 level; area, "
        "clock and power are then those of the protected design.",
        rich_help_panel=_GOALS,
    ),
]
Bits = Annotated[
    int | None,
    typer.Option(
        show_default="8",
        help="Operand width: 4, 8 or 16. Quality is not modelled, so you choose.",
        rich_help_panel=_GOALS,
    ),
]
Formats = Annotated[
    str | None,
    typer.Option(
        metavar="all|NAMES",
        help="Number formats by commas, or all: engines that take one or several of them, chosen "
        "for each kind of operator by measured quality.",
        rich_help_panel=_GOALS,
    ),
]
MaxLoss = Annotated[
    str | None,
    typer.Option(
        show_default="2%",
        metavar="SHARE",
        help="With --formats: most perplexity over float64's, 2% or 0.02.",
        rich_help_panel=_GOALS,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="With --formats: GPT-2 weights (.safetensors) to measure quality on, with --text; "
        "else a small built-in model stands in.",
        rich_help_panel=_GOALS,
    ),
]
Text = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Text to measure quality on.", rich_help_panel=_GOALS),
]
Fixed = Annotated[
    list[str] | None,
    typer.Option(
        "--fix",
        metavar="KNOB=VALUE",
        help="Hold a knob at a value, or at some: rows=8,16. Repeatable.",
        rich_help_panel=_GOALS,
    ),
]
Liberty = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Liberty file (.lib, .lib.gz) of the cells to map to, for ASIC targets; by default "
        "Kiln's own table of sky130.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(help="Name of the run; by default the workload's.", rich_help_panel=_RUN),
]
RunsDir = Annotated[Path, typer.Option("--runs", help="Folder of all runs.", rich_help_panel=_RUN)]
Resume = Annotated[
    bool,
    typer.Option(help="Go on with a run that is there, or start it anew.", rich_help_panel=_RUN),
]
Jobs = Annotated[
    int,
    typer.Option(
        help="Tools that run at once; the front does not depend on it.", rich_help_panel=_RUN
    ),
]


@app.command()
def search(
    workload: WorkloadName = "gpt2",
    target: TargetName = None,
    prompt: Prompt = None,
    generate: Generate = None,
    batch: Batch = None,
    trace: Requests = None,
    bucket: Bucket = None,
    drop_longer: DropLonger = False,
    dim: Dims = None,
    liberty: Liberty = None,
    block: BlockName = "matrix",
    objective: Objectives = None,
    max_power: MaxPower = None,
    max_latency: MaxLatency = None,
    asil: Asil = None,
    bits: Bits = None,
    formats: Formats = None,
    max_perplexity_loss: MaxLoss = None,
    weights: Weights = None,
    text: Text = None,
    fix: Fixed = None,
    sampler: Sampler = "kiln",
    budget: Budget = 10,
    seed: Seed = 0,
    seeds: Seeds = 1,
    jobs: Jobs = 2,
    name: Name = None,
    runs: RunsDir = Path("runs"),
    resume: Resume = True,
    as_json: JsonFlag = False,
) -> None:
    """Search accelerators for a workload and a target, and measure the best of them.

    The whole space is modelled; the best designs are generated and measured.
    Each is shown when it is finished. Ctrl-C stops; the same command goes on.
    """
    import dse
    from boards.target import DEFAULT_TARGET
    from dse.explore.objectives import DEFAULT_OBJECTIVES, QUALITY_OBJECTIVES
    from dse.workloads import load_workload, make_scenario, parse_dims

    quality = _quality(formats, max_perplexity_loss, weights, text, bits)
    held = parse_fixed(fix) if formats else _held(bits, fix)
    scenario = make_scenario(
        prompt=prompt, generate=generate, batch=batch, requests=trace, bucket=bucket
    )
    found = load_workload(workload, scenario, dims=parse_dims(dim), drop_longer=drop_longer)
    with SearchDisplay() as display, _going_on():
        running = dse.search(
            found,
            target or ("sky130" if asil else DEFAULT_TARGET),
            block=block,
            sampler=sampler,
            budget=budget,
            seed=seed,
            objectives=tuple(objective or (QUALITY_OBJECTIVES if formats else DEFAULT_OBJECTIVES)),
            max_power_mw=max_power,
            max_latency_ms=max_latency,
            name=name,
            runs_dir=runs,
            resume=resume,
            fixed=held,
            liberty=liberty,
            asil=asil,
            seeds=seeds,
            jobs=jobs,
            progress=display.update,
            say=None if as_json else note,
            **quality,
        )
        _follow(running, display)
    _finish(running, as_json)


def _held(bits: int | None, fix: list[str] | None) -> dict[str, Any]:
    """Return the knobs that --fix and --bits hold, the width at 8 bits where neither names it."""
    from hw.contracts import ConfigError

    fixed = parse_fixed(fix)
    if bits is not None and "operand_bits" in fixed:
        raise ConfigError(
            f"--bits {bits} and --fix operand_bits={_typed(fixed['operand_bits'])} both choose "
            "the operand width; leave one out"
        )
    return {"operand_bits": _DEFAULT_BITS if bits is None else bits, **fixed}


def _quality(
    formats: str | None,
    loss: str | None,
    weights: Path | None,
    text: Path | None,
    bits: int | None,
) -> dict[str, Any]:
    """Return what the options on number formats say, as arguments of `dse.search`."""
    from dse.precision import parse_loss_limit
    from hw.contracts import ConfigError

    if formats is None:
        alone = {"--max-perplexity-loss": loss, "--weights": weights, "--text": text}
        for name, value in alone.items():
            if value is not None:
                raise ConfigError(f"{name} says nothing without --formats; add --formats all")
        return {}
    if bits is not None:
        raise ConfigError(
            f"--bits {bits} and --formats {formats} both choose what operands are; leave one out"
        )
    given: dict[str, Any] = {"formats": formats, "weights": weights, "text": text}
    return given | ({} if loss is None else {"max_perplexity_loss": parse_loss_limit(loss)})


def parse_fixed(given: list[str] | None) -> dict[str, Any]:
    """Return ``KNOB=VALUE[,VALUE...]`` options as knob to value, or to a tuple of values."""
    from hw.contracts import ConfigError

    fixed: dict[str, Any] = {}
    for text in given or ():
        knob, equals, values = text.partition("=")
        if not (knob and equals and values):
            raise ConfigError(f"--fix {text!r} is not KNOB=VALUE; write --fix rows=16")
        parsed = tuple(_value(value) for value in values.split(","))
        knob = knob.replace("-", "_")
        if knob in fixed:
            raise ConfigError(
                f"--fix {knob} is given twice; write --fix {knob}={_typed(fixed[knob])},{values}"
            )
        fixed[knob] = parsed if len(parsed) > 1 else parsed[0]
    return fixed


def _typed(held: Any) -> str:
    """Return the values that a knob is held at as they are typed."""
    values = held if isinstance(held, tuple) else (held,)
    return ",".join(str(v).lower() if isinstance(v, bool) else str(v) for v in values)


def _value(text: str) -> int | str | bool:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.removeprefix("-").isdecimal() else text


def _follow(running: Any, display: SearchDisplay) -> None:
    """Show designs as they are finished; on Ctrl-C say what is kept and how to go on."""
    shown = 0
    try:
        for result in running:
            display.show(result)
            shown += 1
    except KeyboardInterrupt:
        raise Interrupted(
            f"Interrupted; {shown} new designs are kept in {running.run_dir}. {_again()}"
        ) from None


@contextmanager
def _going_on() -> Iterator[None]:
    """On Ctrl-C before there are designs, while quality is measured, say how to go on as well."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(f"Interrupted; what was finished is kept. {_again()}") from None


def _again() -> str:
    return f"Go on with: {shlex.join(['dse', *sys.argv[1:]])}"


def _finish(running: Any, as_json: bool) -> None:
    from dse.report import read_run, write_report

    files = write_report(running.run_dir)
    run = read_run(running.run_dir)
    if as_json:
        emit_json(
            {
                "run": run.path,
                "report": files.page,
                **told(run),
                "front": run.front,
                "all": run.designs,
            }
        )
    _require_measured(run)
    if as_json:
        return
    show_front(run)
    note(f"\nReport: {files.page}")
    if run.front:
        first = run.path / "designs" / run.front[0]["design"]
        note(f"Next:   dse verify --design {first}", style="dim")
    if run.not_routed:
        note(
            f"{len(run.not_routed)} promising designs were left behind; "
            f"{run.path / 'not_routed.csv'} says which, and how to measure each.",
            style="dim",
        )


def _require_measured(run: Run) -> None:
    """End as a failed run where every single design failed."""
    from hw.contracts import KilnError

    if run.designs and all(row["state"] == "failed" for row in run.designs):
        raise KilnError(
            f"no design could be measured; the first ended with: {run.designs[0]['reason']}\n"
            "Mend that (`dse doctor` checks the tools), then run the same command again"
        )
