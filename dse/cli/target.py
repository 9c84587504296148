"""`dse target`: boards and processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .complete import target_names
from .console import JsonFlag, emit_json, emit_table, stdout

if TYPE_CHECKING:
    from boards.target import Target

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="List and show boards and processes.")

TargetName = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="A name of `dse target list`, or your own TOML file.",
        autocompletion=target_names,
    ),
]


@app.command("list")
def list_all(as_json: JsonFlag = False) -> None:
    """List the targets, the default first."""
    from boards.target import list_targets, load_target

    targets = [load_target(name) for name in list_targets()]
    if as_json:
        emit_json([_plain(target) for target in targets])
        return
    emit_table(
        ("name", "logic", "memory", "clock", "what it is"),
        [(t.name, _logic(t), _memory(t), _clock(t), t.title) for t in targets],
        optional=1,
    )


@app.command()
def show(target: TargetName, as_json: JsonFlag = False) -> None:
    """Show one target: budget, reserve, memories and host."""
    from boards.target import load_target

    found = load_target(target)
    if as_json:
        emit_json(_plain(found))
        return
    console = stdout()
    console.print(f"[bold]{found.name}[/bold]  {found.title}")
    console.print(f"clock   {_clock(found)}; at most {found.clock.max_mhz:g} MHz")
    for memory in found.memories:
        console.print(
            f"memory  {memory.kind}, {_bytes(memory.capacity_bytes)}, "
            f"{memory.bytes_per_s / 1e9:.3g} GB/s after refresh, {memory.latency_ns:g} ns"
        )
    console.print(f"host    {found.host.title}, {found.host.clock_mhz:g} MHz (stated rates)")
    console.print()
    emit_table(("resource", "budget", "reserved, not measured", "left"), _budget(found))
    if found.reserve_note:
        console.print(f"\nreserved for: {found.reserve_note}")


def _plain(target: Target) -> dict[str, Any]:
    data = dataclasses.asdict(target)
    return {**data, "available": target.available, "bytes_per_s": target.memory.bytes_per_s}


def _budget(target: Target) -> Iterator[tuple[str, float, float, float]]:
    for name, amount in target.budget.items():
        yield name, amount, target.reserve.get(name, 0), target.available[name]


def _logic(target: Target) -> str:
    shown = {k: v for k, v in target.budget.items() if k in ("lut", "dsp", "area_um2")}
    return ", ".join(f"{value:,.0f} {name}" for name, value in shown.items()) or "no limit"


def _memory(target: Target) -> str:
    memory = target.memory
    return f"{_bytes(memory.capacity_bytes)} {memory.kind}, {memory.bytes_per_s / 1e9:.3g} GB/s"


def _clock(target: Target) -> str:
    how = "routed" if target.routing else "estimated"
    return f"{how} at {target.clock.request_mhz:g} MHz"


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:g} {unit}"
        count /= 1024
    return f"{count:g} GB"
