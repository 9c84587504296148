"""`dse explain`: why a design is as fast as it is, and what the next-best change would bring."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .complete import target_names, workload_names
from .console import JsonFlag, emit_json, emit_table, note, stdout, typed_command
from .verify import DesignOption

if TYPE_CHECKING:
    from dse.designs.explain import Explanation
    from dse.designs.what_if import Change

__all__ = ["app"]

app = typer.Typer()

_SHOWN = 10


@app.command()
def explain(
    design: DesignOption,
    workload: Annotated[
        str | None,
        typer.Option(
            "--workload",
            "-w",
            help="Ask about another workload than the run's.",
            autocompletion=workload_names,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="Ask about another target than the run's.",
            autocompletion=target_names,
        ),
    ] = None,
    clock: Annotated[
        float | None, typer.Option(help="Clock to assume, in MHz; by default the measured one.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say where a design's time goes, and what one change of a knob would bring.

    A design that belongs to no run is asked about GPT-2 on the default board.
    """
    from dse.designs.explain import explain_design

    found = explain_design(design, workload=workload, target=target, clock_mhz=clock)
    if as_json:
        emit_json({**_plain(found), **_told(found)})
        return
    _print(found)
    sources = _told(found)["provenance"]
    note(
        f"\nTimes are {sources['time']['fidelity']} by {sources['time']['tool']}, at a clock "
        f"{sources['clock_mhz']['fidelity']} by {sources['clock_mhz']['tool']}; --json has more.",
        style="dim",
    )


def _told(found: Explanation) -> dict[str, Any]:
    """Return where every figure came from, and the command that makes them again."""
    from dse.designs.what_if import predicting_tool
    from dse.results.provenance import kiln_version

    command, clock = typed_command(), found.clock_source
    tool = predicting_tool(found.config)
    shares = {"tool": tool, "conditions": "as shares of the design's own prediction"}
    time = found.time.get("provenance") or {
        "fidelity": "modelled",
        "tool": "kiln-system",
        "version": kiln_version(),
        "conditions": f"at the clock {clock['fidelity']} by {clock['tool']}; "
        "memory and host as the target states them",
        "command": command,
    }
    return {
        "command": command,
        "provenance": {
            "clock_mhz": clock,
            "time": time,
            "changes.latency": {**time, "conditions": "as shares; the clock moves as predicted"},
            "changes.resources": {"fidelity": "predicted", **shares},
            "changes.fits": {"fidelity": "predicted", **shares},
        },
    }


def _plain(found: Explanation) -> dict[str, Any]:
    names = ("workload", "target", "clock_mhz", "clock_is", "time")
    return {
        "config": asdict(found.config),
        **{name: getattr(found, name) for name in names},
        "changes": [asdict(change) for change in found.changes],
    }


def _print(found: Explanation) -> None:
    from dse.report.text import number
    from dse.report.time_charts import verdict

    time, config = found.time, found.config
    say = stdout()
    of = f" of {', '.join(config.formats)}" if config.formats else ""
    say.print(
        f"{config.rows}×{config.cols} {config.dataflow}{of}, {found.workload} on {found.target} at "
        f"{number(found.clock_mhz)} MHz ({found.clock_is})",
        style="bold",
    )
    say.print(
        f"first token after {number(time['ttft_ms'])} ms, then one every "
        f"{number(time['tpot_ms'])} ms (modelled). {verdict(time)}\n",
        soft_wrap=True,
    )
    _print_causes(found)
    _print_operators(time["operators"])
    _print_changes(found.changes)


def _print_causes(found: Explanation) -> None:
    from dse.report.palette import cause_label

    phases = {phase: found.causes(phase) for phase in ("prefill", "decode")}
    rows = []
    for cause in dict.fromkeys(c for causes in phases.values() for c in causes):
        row: list[Any] = [cause_label(cause)]
        for causes in phases.values():
            total = sum(causes.values())
            ms = causes.get(cause, 0.0)
            row += [ms, f"{ms / total:.0%}" if total else "-"]
        rows.append(row)
    emit_table(("cause", "prefill ms", "", "decode ms", ""), rows)


def _print_operators(operators: list[dict[str, Any]]) -> None:
    total = sum(op["ms"] for op in operators)
    ranked = sorted(operators, key=lambda op: -op["ms"])
    formats = any(op.get("format") for op in operators)
    rows = [
        (
            op["phase"],
            op["name"],
            *([op.get("format") or "-"] if formats else []),
            op["block"],
            op["ms"],
            f"{op['ms'] / total:.0%}",
            op["bottleneck"],
        )
        for op in ranked[:_SHOWN]
    ]
    stdout().print()
    middle = ("format",) if formats else ()
    emit_table(("phase", "operator", *middle, "runs on", "ms", "of all", "held up by"), rows)
    if len(ranked) > _SHOWN:
        note(f"{len(ranked) - _SHOWN} shorter ones are left out; --json has all.", style="dim")


def _print_changes(changes: tuple[Change, ...]) -> None:
    useful = [change for change in changes if change.latency < 0.999]
    stdout().print()
    if not useful:
        stdout().print("No single change of a knob would make it faster.")
        return
    rows = [
        (
            change.knob.replace("_", " "),
            f"{change.old} to {change.new}",
            f"{change.latency - 1:+.1%}",
            _prices(change),
            "yes" if change.fits else "NO",
        )
        for change in useful[:_SHOWN]
    ]
    emit_table(("change", "from, to", "latency", "price, predicted", "fits"), rows)
    if any(change.knob == "operand_bits" for change in useful[:_SHOWN]):
        note("A narrower operand also costs quality, which is not modelled.", style="dim")


def _prices(change: Change) -> str:
    moved = {name: share - 1 for name, share in change.resources.items() if abs(share - 1) > 0.005}
    return ", ".join(f"{name} {share:+.0%}" for name, share in moved.items())
