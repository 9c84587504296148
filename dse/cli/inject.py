"""`dse inject`: what upsets, transients and stuck lines do to a design."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .complete import design_folders
from .console import JsonFlag, check_folder, emit_json, emit_table, note, stderr, typed_command
from .shard import SHARD_HELP, parse_shard
from .sources import (
    DefineOption,
    IncludeOption,
    MoreFiles,
    ParameterOption,
    VerilogOption,
    parse_pairs,
)

if TYPE_CHECKING:
    from types import TracebackType

    from dse.inject import Subject
    from sim.faults.experiment import Engine
    from sim.faults.original import Agreement

__all__ = ["app"]

app = typer.Typer()

_SHAPE = re.compile(r"(\d+)x(\d+)x(\d+)")


@app.command(no_args_is_help=True)
def inject(
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
    mode: Annotated[str, typer.Option(help="Number format in which it runs.")] = "",
    observe: Annotated[
        Path | None, typer.Option(help="TOML file: what counts, detectors, time-out, window.")
    ] = None,
    faults: Annotated[
        str,
        typer.Option(help="Of seu, mbu, memory, set, stuck, intermittent; separated by commas."),
    ] = "seu",
    campaign: Annotated[
        str,
        typer.Option(
            help="auto (all if they are few), exhaustive, sampled, stratified, sequential"
        ),
    ] = "auto",
    sample: Annotated[int, typer.Option(help="Faults; by default from --margin.", min=0)] = 0,
    margin: Annotated[float, typer.Option(help="Half the width of the interval.")] = 0.01,
    confidence: Annotated[float, typer.Option(help="Of all intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Of everything that is random.", min=0)] = 0,
    engine: Annotated[str, typer.Option(help="lanes, gates, verilator, cocotb")] = "lanes",
    jobs: Annotated[
        int, typer.Option(help="Parts at a time; 0 is as many as there are cores.", min=0)
    ] = 0,
    shard: Annotated[str, typer.Option(help=SHARD_HELP)] = "1/1",
    check: Annotated[
        bool, typer.Option(help="Compare the netlist with the sources on Verilator first.")
    ] = True,
    rates: Annotated[
        Path | None, typer.Option(help="TOML file of raw failure rates by type of cell.")
    ] = None,
    pmhf_share: Annotated[
        float, typer.Option(help="FIT that the design may take of the item's 10 of ASIL D.")
    ] = 1.0,
    mechanism: Annotated[
        list[str] | None, typer.Option(help="Structure that is a safety mechanism.")
    ] = None,
    text: Annotated[
        int,
        typer.Option(
            help="Replay so many wrong results of a matrix engine in the small model.", min=0
        ),
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder; by default faults/TOP.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Inject faults into a design and say what becomes of them.

    A design of a run (--design), or any Verilog (--verilog a.v b.sv --top core --stimulus s.py).
    Interrupted, the same command goes on where it was.
    """
    from dse.inject import Settled, run_all, summary, write_results
    from dse.inject.campaigns import check_mechanisms, fault_models, make_engine
    from dse.inject.text import check_text, text_of
    from dse.report.faults import report_of, write_fault_report
    from sim.faults.metrics import load_rates
    from sim.faults.metrics.asil import check_share

    models, rated = fault_models(faults), load_rates(rates)
    check_share(pmhf_share)
    if out is not None:
        check_folder("--out", out)
    settled = Settled(
        plan=_known("--campaign", campaign), sample=sample, margin=_share("--margin", margin),
        confidence=_share("--confidence", confidence), seed=seed, jobs=jobs or None,
        shard=parse_shard(shard),
    )  # fmt: skip
    _known("--engine", engine)
    note("Freezing the design ...", style="dim")
    if design is not None:
        _refuse_with_design(verilog, more, top, stimulus, include, define, parameter, cycles)
        subject = _kiln(design, observe, job, mode, seed)
    else:
        _refuse_with_verilog(job, mode, stimulus, cycles)
        subject = _verilog(
            [*(verilog or ()), *(more or ())], top, stimulus, observe, include, define, parameter,
            cycles, seed,
        )  # fmt: skip
    _tell(subject)
    check_mechanisms(subject, mechanism or ())
    running = make_engine(engine, subject)
    if text:
        check_text(subject, running)
    agreement = _check(subject, running) if check else None
    folder = out or Path("faults") / subject.netlist.top
    with _Bar() as bar:
        results = run_all(subject, running, models, settled, folder / "parts", progress=bar.update)
    document = summary(
        subject, results, engine=engine, command=typed_command(), agreement=agreement
    )
    if not all(result.is_complete for result in results):
        note("Other shards have parts to run; the same command on any of them sums up at the end.")
        return
    write_results(folder, results, document)
    mechanisms = frozenset(mechanism or ())
    replayed = {}
    if text:
        note("Replaying wrong results in the small language model ...", style="dim")
        replayed = text_of(subject, running, results, shape=_shape(job), trials=text, seed=seed)
    report = report_of(
        results, document, rates=rated, mechanisms=mechanisms, pmhf_share_fit=pmhf_share,
        replayed=replayed,
    )  # fmt: skip
    page = write_fault_report(folder, report).page
    if as_json:
        emit_json(document)
    else:
        _print(document)
    note(
        f"Report: {page}; every outcome: {folder / 'outcomes.csv'}; figures: "
        f"{folder / 'summary.json'}"
    )


def _kiln(design: Path, observe: Path | None, job: str, mode: str, seed: int) -> Subject:
    from dse.inject import kiln_subject

    return kiln_subject(design, observe=observe, shape=_shape(job), mode=mode, seed=seed)


def _shape(job: str) -> tuple[int, int, int] | None:
    from hw.contracts import ConfigError

    if not job:
        return None
    match = _SHAPE.fullmatch(job)
    if match is None:
        raise ConfigError(f"--job {job}: write MxKxN, such as 16x32x16")
    m, k, n = (int(part) for part in match.groups())
    return m, k, n


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
) -> Subject:
    from dse.inject import verilog_subject
    from hw.contracts import ConfigError

    if not files:
        raise ConfigError("nothing to inject into; give --design FOLDER, or --verilog FILE --top")
    if not top:
        raise ConfigError("--top is missing; name the top module of --verilog")
    if not stimulus:
        raise ConfigError(
            "--stimulus is missing; give a Python file, a .vcd, or `random` with --cycles"
        )
    return verilog_subject(
        files, top, stimulus, observe=observe, includes=include or (),
        defines=parse_pairs("-D", define), parameters=parse_pairs("-P", parameter),
        cycles=cycles, seed=seed,
    )  # fmt: skip


def _refuse_with_design(*given: Any) -> None:
    from hw.contracts import ConfigError

    if any(given):
        raise ConfigError(
            "--design brings its Verilog and its job along; leave out --verilog, --top, "
            "--stimulus, --cycles, -I, -D and -P, or leave out --design"
        )


def _refuse_with_verilog(job: str, mode: str, stimulus: str, cycles: int) -> None:
    from hw.contracts import ConfigError

    if job or mode:
        raise ConfigError(
            "--job and --mode are of Kiln's engines; the inputs of --verilog come from --stimulus"
        )
    if cycles and stimulus and stimulus != "random":
        raise ConfigError(
            f"--cycles {cycles}: {stimulus} says itself how long it is; leave --cycles out, or "
            "give --stimulus random"
        )


def _known(option: str, name: str) -> str:
    from dse.inject import ENGINES, PLANS
    from hw.contracts import ConfigError, did_you_mean

    known = ENGINES if option == "--engine" else PLANS
    if name not in known:
        raise ConfigError(f"{option}: {name!r} is not known{did_you_mean(name, known)}")
    return name


def _share(option: str, value: float) -> float:
    from hw.contracts import ConfigError

    if not 0 < value < 1:
        raise ConfigError(f"{option}={value} is no share; use a number between 0 and 1")
    return value


def _tell(subject: Subject) -> None:
    netlist, observed = subject.netlist, subject.experiment.observation
    window = subject.played.window(subject.settings)
    memory = sum(found.width * found.size for found in netlist.memories)
    note(
        f"{netlist.top}: {netlist.flop_bits:,} flip-flop bits, {memory:,} memory bits, clock "
        f"{netlist.clock}; {subject.played.told}: {subject.experiment.cycles:,} cycles, faults "
        f"begin in {window.start} to {window.stop - 1}",
        style="dim",
    )
    parts = [
        f"{what} {', '.join(names)}"
        for what, names in (
            ("data", [_watched(watched) for watched in observed.data]),
            ("control", observed.control),
            ("detectors", observed.detectors),
            ("correctors", observed.correctors),
        )
        if names
    ]
    note(f"Observed: {'; '.join(parts)}", style="dim")


def _watched(watched: Any) -> str:
    gates = " and ".join(name for name in (watched.valid, watched.ready) if name)
    return f"{watched.port} (while {gates})" if gates else str(watched.port)


def _check(subject: Subject, engine: Engine) -> Agreement:
    from sim.faults.original import check_netlist

    note("Comparing the netlist with the sources on Verilator ...", style="dim")
    found = check_netlist(
        subject.sources,
        subject.experiment,
        engine.trace(),
        start=subject.played.window(subject.settings).start,
        allow_unknown=subject.settings.allow_unknown,
    )
    unknown = f"; {found.unknown:,} output bits are X where they do not count"
    note(
        f"Equal in all {found.cycles:,} cycles{unknown if found.unknown else ''}"
        f"{' (recalled)' if found.recalled else ''}",
        style="dim",
    )
    return found


class _Bar(AbstractContextManager["_Bar"]):
    """Progress on stderr, one bar for each fault model."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        self._bar = Progress(
            "{task.description}", BarColumn(bar_width=24), MofNCompleteColumn(),
            TimeRemainingColumn(), console=stderr(), transient=True,
        )  # fmt: skip
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, name: str, done: int, planned: int) -> None:
        """Show how far a campaign is."""
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(name, total=planned)
        self._bar.update(self._tasks[name], completed=done, total=planned)


def _print(document: Any) -> None:
    for campaign in document["campaigns"]:
        counts = [name for name, count in campaign["counts"].items() if count]
        title = f"{campaign['title']}: {campaign['told']}"
        rows = [
            (
                found["structure"], found["kind"], found["sites"], found["injected"],
                *(found["counts"][name] for name in counts), _interval(found["undetected"]),
            )
            for found in campaign["structures"]
        ]  # fmt: skip
        total = sum(found["sites"] for found in campaign["structures"])
        rows.append(
            (
                "all", "", total, campaign["injected"],
                *(campaign["counts"][name] for name in counts), _interval(campaign["undetected"]),
            )
        )  # fmt: skip
        emit_table(("structure", "kind", "bits", "injected", *counts, "undetected"), rows, title)
        rate = campaign["injections_per_s"]
        speed = f"{rate:,.0f} injections/s" if rate else "nothing new to inject"
        typer.echo(f"intervals at {100 * campaign['confidence']:g} %; {speed}\n")


def _interval(share: Any) -> str:
    """Return a share in percent, with its interval."""
    low, value, high = (100 * share[name] for name in ("low", "share", "high"))
    return f"{value:.2f} %" if low == high else f"{value:.2f} % [{low:.2f}, {high:.2f}]"
