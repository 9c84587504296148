"""`dse bench`: how good the search is, and how far the figures are off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import JsonFlag, emit_json, emit_table, note, told

if TYPE_CHECKING:
    from dse.benchmark.compare import Comparison, Truth

__all__ = ["app"]

_HELP = "Compare samplers on designs that were all measured; write pages of figures."

app = typer.Typer(no_args_is_help=True, help=_HELP)

_DEFAULT = "kiln,tpe,nsga2,random"
_MODELLED = ("hypervolume_share", "gap", "gap_ci95", "gap_of_random", "curve")


@app.callback()
def _group() -> None:
    """Compare samplers on designs that were all measured; write pages of figures."""


@app.command()
def search(
    samplers: Annotated[
        str, typer.Option(help="Samplers to compare, by commas: kiln, tpe, gp, nsga2, random.")
    ] = _DEFAULT,
    seeds: Annotated[int, typer.Option(help="Seeds 0 to this, less one, of each sampler.")] = 10,
    budget: Annotated[
        int | None,
        typer.Option(help="Measurements; by default twice the true front, at most a fifth of all."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the curves into this .png or .svg file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run samplers on a sub-space that was measured whole, and say what they missed of it.

    Latency is modelled at the measured clock, power is estimated, LUTs are measured; all on
    logarithmic axes, up to 1.1 times the worst of the true front.
    """
    from dse.benchmark.compare import Truth, compare
    from dse.benchmark.picture import check_picture, write_picture

    check_picture(picture)
    names = _names(samplers)
    _check(seeds, budget)
    truth = Truth()
    measurements = _budget(truth, budget)
    note(
        f"{len(truth.costs)} designs, {truth.front_size} on the true front; "
        f"{measurements} measurements ({measurements / len(truth.costs):.0%}), seeds 0 to "
        f"{seeds - 1}"
    )
    found: list[Comparison] = []
    for name in names:
        found += compare(truth, [name], seeds, measurements)
        note(f"{name}: gap {found[-1].final.mean():.2%}")
    if picture is not None:
        write_picture(found, picture)
    _show(truth, found, measurements, as_json=as_json)


@app.command()
def calibration(
    page: Annotated[Path, typer.Option(help="Page to write.")] = Path("docs/calibration.md"),
    as_json: JsonFlag = False,
) -> None:
    """Write how far predicted, modelled and estimated figures are off, from the data files.

    Nothing is measured; the page names the command that makes each file again.
    """
    from dse.benchmark.calibration_page import render_calibration
    from hw.contracts import ConfigError, write_atomic

    if page.is_dir():
        raise ConfigError(
            f"--page {page} is a folder; name a file in it: {page / 'calibration.md'}"
        )
    write_atomic(page, render_calibration())
    if as_json:
        emit_json({"page": page})
        return
    typer.echo(page)


@app.command()
def quality(
    page: Annotated[Path, typer.Option(help="Page to write.")] = Path("docs/quality.md"),
    as_json: JsonFlag = False,
) -> None:
    """Write what formats and accumulators do to the small model, from the measured table.

    Nothing is measured; `python -m bench.perplexity` measures what is missing.
    """
    from dse.benchmark.quality_page import render_quality
    from hw.contracts import ConfigError, write_atomic
    from sim.quality.table import Table

    if page.is_dir():
        raise ConfigError(f"--page {page} is a folder; name a file in it: {page / 'quality.md'}")
    write_atomic(page, render_quality(Table()))
    if as_json:
        emit_json({"page": page})
        return
    typer.echo(page)


def _names(text: str) -> list[str]:
    from dse.explore.study import SAMPLERS, make_sampler

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name != SAMPLERS[0]:
            make_sampler(name, 0, done=0)  # complains about unknown ones, and about missing torch
    if not names:
        raise typer.BadParameter(f"name at least one of {', '.join(SAMPLERS)}")
    return names


def _check(seeds: int, budget: int | None) -> None:
    """Refuse options that no table could serve, before any is read."""
    from dse.benchmark.subspace import SUBSPACE
    from hw.contracts import ConfigError

    if seeds < 1:
        raise ConfigError(f"seeds={seeds} compares nothing; use 1 or more")
    most = len(SUBSPACE)
    if budget is not None and not 1 <= budget <= most:
        remedy = "1 or more" if budget < 1 else f"{most} or fewer"
        raise ConfigError(f"budget={budget} is outside 1 to {most}; use {remedy}")


def _budget(truth: Truth, budget: int | None) -> int:
    from hw.contracts import ConfigError

    most = len(truth.costs)
    wanted = min(2 * truth.front_size, most // 5) if budget is None else budget
    if not 1 <= wanted <= most:
        raise ConfigError(
            f"budget={wanted} is outside 1 to {most}, the designs measured; use {most} or fewer"
        )
    return wanted


def _show(truth: Truth, found: list[Comparison], measurements: int, *, as_json: bool) -> None:
    from dse.benchmark.compare import interval

    chance = next((c.final.mean() for c in found if c.sampler == "random"), None)
    rows: list[dict[str, Any]] = []
    for comparison in found:
        mean, half = interval(comparison.final)
        rows.append(
            {
                "sampler": comparison.sampler,
                "seeds": len(comparison.final),
                "hypervolume_share": 1 - mean,
                "gap": mean,
                "gap_ci95": half if len(comparison.final) > 1 else None,
                "gap_of_random": mean / chance if chance else None,
                "curve": comparison.gaps.mean(axis=0).round(6).tolist(),
            }
        )
    if as_json:
        emit_json(
            {
                "designs": len(truth.costs),
                "front": truth.front_size,
                "budget": measurements,
                "samplers": rows,
                **told(**dict.fromkeys(_MODELLED, ("modelled", "kiln-benchmark"))),
            }
        )
        return
    emit_table(
        ("sampler", "runs", "hypervolume found", "missing", "+- (95 %)", "of random's"),
        [
            (
                row["sampler"],
                row["seeds"],
                f"{row['hypervolume_share']:.2%}",
                f"{row['gap']:.2%}",
                f"{row['gap_ci95']:.2%}" if row["seeds"] > 1 else "draws nothing",
                "-" if row["gap_of_random"] is None else f"{row['gap_of_random']:.2f}",
            )
            for row in rows
        ],
    )
