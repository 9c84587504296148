"""`dse quality`: what number formats cost a language model, in noise and in perplexity."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .complete import workload_names
from .console import JsonFlag, emit_json, emit_table, note, told

if TYPE_CHECKING:
    from sim.quality.assignment import Assignment
    from sim.quality.perplexity import Measured, QualityBench
    from sim.quality.synthetic import Sample

__all__ = ["app"]

_HELP = "Say what number formats cost a language model: quantisation noise and perplexity."

app = typer.Typer(help=_HELP)

_NOTABLE = (
    "int4,int8,fp4_e2m1,fp6_e3m2,fp8_e4m3,fp8_e5m2,bf16,posit4,posit8,posit16,"
    "mx_fp4_e2m1,mx_fp8_e4m3,mx_int8"
)


@app.command()
def quality(
    workload: Annotated[
        str,
        typer.Option(help="Model whose tensors are meant.", autocompletion=workload_names),
    ] = "gpt2",
    formats: Annotated[
        str, typer.Option(help="Formats by commas, or all; mx_* scale blocks.")
    ] = _NOTABLE,
    windows: Annotated[
        str, typer.Option(help="Widths of bounded accumulators beside the quire, by commas.")
    ] = "32,24,16",
    assign: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT,OPERATOR=FORMAT@BITS,...",
            help="Measure this mixture, such as int8,ffn_up.first=fp4@24; repeatable.",
        ),
    ] = None,
    tensors: Annotated[
        Path | None, typer.Option(help="Tensors to quantise: .safetensors or .npz.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="GPT-2 to measure: .safetensors, with config.json beside it."),
    ] = None,
    text: Annotated[Path | None, typer.Option(help="Text to measure --weights on.")] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="Folder of vocab.json and merges.txt; by default beside --weights."),
    ] = None,
    tokens: Annotated[int, typer.Option(help="Tokens to predict at most, where measured.")] = 1024,
    seed: Annotated[int, typer.Option(help="Seed of synthetic tensors.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Print signal-to-quantisation-noise of formats on tensors, and perplexity under them.

    Without --tensors (or --weights), tensors are drawn from distributions with outlier channels.
    Without --weights and --text, perplexity is that of a small model, a stand-in for any other.
    """
    from sim.quality.assignment import Assignment

    names = _formats(formats)
    widths = _windows(windows)
    mixtures = [Assignment.parse(one) for one in assign or []]
    _check_numbers(tokens, seed)
    bench = _bench(weights, text, tokenizer, tokens)
    noise = _noise(workload, tensors or weights, names, seed)
    if mixtures and bench is None:
        from sim.quality.perplexity import QualityBench

        bench = QualityBench.small(limit=tokens)
    rows = _perplexities(bench, names, widths, mixtures, measured=weights is not None)
    model = "measured" if weights is not None else "stand-in"
    if as_json:
        sources = told(
            sqnr_db=("measured", "kiln-quality"), perplexity=("measured", "kiln-quality")
        )
        drawn = "synthetic" if (tensors or weights) is None else str(tensors or weights)
        found = {"workload": workload, "tensors": drawn, "sqnr_db": noise}
        found |= {"model": model, "perplexity": rows}
        emit_json({**found, **sources})
        return
    _print_noise(noise, workload, tensors or weights)
    _print_perplexity(rows, workload, weights)


def _formats(text: str) -> list[str]:
    from hw.contracts import ConfigError
    from sim.quality.quantise import ALL_FORMATS, find_any

    if text.strip() == "all":
        return list(ALL_FORMATS)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ConfigError("formats is empty; name some, or all")
    return list(dict.fromkeys(find_any(name).name for name in names))


def _windows(text: str) -> list[int]:
    from hw.contracts import ConfigError

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError(f"windows={text!r} is no list of widths; use bits by commas, as in 32,24")
    return list(dict.fromkeys(int(part) for part in parts))


def _check_numbers(tokens: int, seed: int) -> None:
    """Refuse what nothing can be measured on, or drawn with, even where it is not needed."""
    from hw.contracts import ConfigError

    if tokens < 1:
        raise ConfigError(f"tokens={tokens} measures nothing; use 1 or more")
    if seed < 0:
        raise ConfigError(f"seed={seed} draws nothing; use 0 or more")


def _bench(
    weights: Path | None, text: Path | None, tokenizer: Path | None, tokens: int
) -> QualityBench | None:
    """Return the user's model on the user's text, if there are any."""
    from hw.contracts import ConfigError
    from sim.quality.perplexity import QualityBench

    if (weights is None) != (text is None):
        given, lacking = ("weights", "text") if text is None else ("text", "weights")
        raise ConfigError(f"--{given} alone measures nothing; give --{lacking} as well")
    if weights is None or text is None:
        if tokenizer is not None:
            raise ConfigError("--tokenizer says nothing without --weights and --text; give both")
        return None
    return QualityBench.of_files(weights, text, tokenizer, limit=tokens)


def _noise(workload: str, path: Path | None, formats: list[str], seed: int) -> list[dict[str, Any]]:
    from sim.quality.sqnr import sqnr_db

    samples = _samples(workload, path, seed)
    rows = []
    for name in formats:
        worst: dict[str, float] = {}
        for sample in samples:
            worst[sample.kind] = min(worst.get(sample.kind, math.inf), sqnr_db(sample, name))
        finite = {kind: None if math.isinf(db) else round(db, 2) for kind, db in worst.items()}
        rows.append({"format": name, "worst": finite})
    return rows


def _samples(workload: str, path: Path | None, seed: int) -> list[Sample]:
    if path is not None:
        from sim.quality.sqnr import file_tensors

        return file_tensors(path)
    from dse.workloads import load_workload
    from sim.quality.synthetic import synthetic_tensors

    return synthetic_tensors(list(load_workload(workload).trace().operators), seed)


def _perplexities(
    bench: QualityBench | None,
    formats: list[str],
    windows: list[int],
    mixtures: list[Assignment],
    *,
    measured: bool,
) -> list[dict[str, Any]]:
    """Return a row for every format and accumulator, from the table or by running the model."""
    from sim.quality.arithmetic import Arithmetic

    length = bench.model.longest if bench is not None else 512
    rows = []
    for name in formats:
        for window in [None, *windows]:
            arithmetic = Arithmetic(format=name, window=window)
            if window is not None and arithmetic.is_exact(length):
                rows.append({"format": name, "accumulator": f"{window} bits", "exact": True})
            elif measured and bench is not None:
                rows.append(_row(arithmetic.text, window, _run(bench, arithmetic.text), "measured"))
            else:
                rows.append(_row(arithmetic.text, window, _look_up(arithmetic.text), "table"))
    for mixture in mixtures:
        assert bench is not None
        row = _row(mixture.text, None, _measured(bench, mixture), "measured")
        rows.append(row | _accumulators(mixture, length))
    return rows


def _accumulators(mixture: Assignment, length: int) -> dict[str, Any]:
    """Return what a mixture's row says of accumulators, and whether all sums are exact."""
    used = (mixture.default, *mixture.operators.values())
    exact = all(one is not None and one.is_exact(length) for one in used)
    if mixture.operators:
        return {"accumulator": "as assigned", "exact": exact}
    if mixture.default is None:
        return {"accumulator": "float64", "exact": exact}
    window = mixture.default.window
    return {"accumulator": "quire" if window is None else f"{window} bits", "exact": exact}


def _run(bench: QualityBench, text: str) -> Measured:
    from sim.quality.assignment import Assignment

    return _measured(bench, Assignment.parse(text))


def _measured(bench: QualityBench, assignment: Assignment) -> Measured:
    note(f"running {assignment.text} on {bench.tokens:,} tokens")
    return bench.measure(assignment)


def _look_up(text: str) -> Measured | None:
    """Return what the table has, on as much text as there is."""
    from sim.quality.table import Table

    return Table().longest(text)


def _row(text: str, window: int | None, found: Measured | None, source: str) -> dict[str, Any]:
    accumulator = "quire" if window is None else f"{window} bits"
    row: dict[str, Any] = {
        "format": text.partition("@")[0] if window is not None else text,
        "accumulator": accumulator,
        "exact": window is None,
        "source": source,
    }
    if found is None:
        return row | {"source": "not in the table: --assign runs it", "perplexity": None}
    error = found.increase_error
    return row | {
        "perplexity": found.perplexity,
        "increase": found.increase,
        "increase_error": None if math.isnan(error) else error,
        "tokens": found.tokens,
    }


def _print_noise(rows: list[dict[str, Any]], workload: str, path: Path | None) -> None:
    kinds = list(rows[0]["worst"])
    source = path.name if path else f"synthetic tensors shaped as {workload}'s"
    emit_table(
        ("format", *kinds),
        [(row["format"], *(row["worst"][kind] for kind in kinds)) for row in rows],
        title=f"Worst signal to quantisation noise, dB: {source}",
    )


def _print_perplexity(rows: list[dict[str, Any]], workload: str, weights: Path | None) -> None:
    name = weights or f"small model, a stand-in for {workload}"
    emit_table(
        ("format", "accumulator", "perplexity", "increase", "+-", "tokens"),
        [
            (
                row["format"],
                row["accumulator"],
                row.get("perplexity", "as the quire"),
                _percent(row.get("increase"), signed=True),
                _percent(row.get("increase_error")),
                row.get("tokens"),
            )
            for row in rows
        ],
        title=f"Perplexity: {name}",
    )
    note("Increases are over float64 on the same tokens; +- is one standard error.")


def _percent(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "-"
    return f"{value:+.3%}" if signed else f"{value:.3%}"
