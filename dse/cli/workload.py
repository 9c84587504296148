"""`dse workload`: language models and the operators they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .complete import workload_names
from .console import JsonFlag, emit_json, emit_table, note, stdout

if TYPE_CHECKING:
    from dse.workloads import OperatorList, Trace, Workload

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="List and show language models and their operators.")

Source = Annotated[
    str,
    typer.Argument(
        metavar="WORKLOAD",
        help="A name of `dse workload list`, a Hugging Face config.json, a .toml, a .csv of GEMMs "
        "or an .onnx file.",
        autocompletion=workload_names,
    ),
]
Prompt = Annotated[int | None, typer.Option(help="Tokens of the prompt; by default 128.")]
Generate = Annotated[int | None, typer.Option(help="Tokens to generate; by default 64.")]
Batch = Annotated[int | None, typer.Option(help="Sequences that run together; by default 1.")]
Requests = Annotated[
    Path | None,
    typer.Option(
        "--trace", help="CSV of requests: TIMESTAMP, ContextTokens, GeneratedTokens (Azure)."
    ),
]
Bucket = Annotated[
    int | None, typer.Option(help="Tokens per class of the request histogram; by default 256.")
]
DropLonger = Annotated[
    bool, typer.Option("--drop-longer", help="Leave out requests longer than the model's context.")
]
Dims = Annotated[
    list[str] | None,
    typer.Option("--dim", metavar="NAME=SIZE", help="Size of a free ONNX dimension; repeatable."),
]
Bits = Annotated[int, typer.Option(help="Operand width at which memory is reckoned.")]


@app.command("list")
def list_all(as_json: JsonFlag = False) -> None:
    """List the built-in models with the counts computed from their configurations."""
    from dse.workloads import builtin_models
    from dse.workloads.summary import model_counts

    models = builtin_models()
    if as_json:
        emit_json([{"name": name, **model_counts(model)} for name, model in models.items()])
        return
    emit_table(
        ("name", "parameters", "active", "KV B/token", "MACs/token", "MACs/context token", "ctx"),
        [(name, *model_counts(model).values(), model.context) for name, model in models.items()],
    )
    note("KV cache at 16 bits; MACs/token are those of all weight matrices, LM head included.")


@app.command()
def show(
    workload: Source,
    prompt: Prompt = None,
    generate: Generate = None,
    batch: Batch = None,
    trace: Requests = None,
    bucket: Bucket = None,
    drop_longer: DropLonger = False,
    dim: Dims = None,
    bits: Bits = 8,
    as_json: JsonFlag = False,
) -> None:
    """Show the operators of a workload: shapes, counts, MACs, and the memory it needs."""
    from dse.workloads import load_workload, make_scenario, parse_dims
    from dse.workloads.summary import describe

    scenario = make_scenario(
        prompt=prompt, generate=generate, batch=batch, requests=trace, bucket=bucket
    )
    found = load_workload(workload, scenario, dims=parse_dims(dim), drop_longer=drop_longer)
    if as_json:
        emit_json(describe(found, bits))
        return
    _print(found, bits)


def _print(workload: Workload | OperatorList, bits: int) -> None:
    from dse.workloads.summary import operator_rows

    trace = workload.trace()
    total = max(trace.macs, 1)
    for line in (*_heading(workload, trace), _memory(trace, bits)):
        stdout().print(line, markup=False)
    stdout().print()
    emit_table(
        ("phase", "operator", "kind", "m", "k", "n", "context", "count", "MMACs", "% of MACs"),
        [
            (
                *(row.phase, row.name, row.kind, row.m, row.k, row.n),
                None if row.context == "0" else row.context,
                row.count,
                row.macs / 1e6 if row.macs else None,
                100 * row.macs / total if row.macs else None,
            )
            for row in operator_rows(trace)
        ],
    )
    for text in getattr(workload, "notes", ()):
        note(text)


def _heading(workload: Workload | OperatorList, trace: Trace) -> list[str]:
    from hw.contracts import Phase

    lines = [f"{trace.name}  {trace.weights:,} parameters"]
    scenario = getattr(workload, "scenario", None)
    if scenario is not None:
        rate = scenario.requests_per_second
        lines.append(
            f"scenario  {scenario.source}, batch {scenario.batch}"
            + (f", {rate:.2f} requests/s" if rate else "")
            + (f"; {scenario.dropped} longer requests left out" if scenario.dropped else "")
        )
        contexts = scenario.decode_contexts()
        span = f", contexts {min(contexts)} to {max(contexts)}" if contexts else ""
    else:
        span = ""
    for phase, passes, what in (
        (Phase.PREFILL, trace.prefills, "up to the first token"),
        (Phase.DECODE, trace.decode_steps, f"the other tokens{span}"),
    ):
        macs = trace.totals(phase).macs
        lines.append(f"{phase.value:<8}  {passes:,} passes, {macs / 1e6:,.0f} MMACs: {what}")
    return lines


def _memory(trace: Trace, bits: int) -> str:
    need = trace.footprint(bits)
    weights, cache = (count / (1 << 20) for count in (need.weight_bytes, need.kv_bytes))
    return f"memory    {weights:,.1f} MiB of weights, {cache:,.1f} MiB of KV cache at {bits} bits"
