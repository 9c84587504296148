"""The `dse` command. Sub-commands live in the modules of their names, imported when called."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from .lazy import LazyGroup

__all__ = ["app", "main"]

app = typer.Typer(
    name="dse",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # rich's help costs 0.15 s; sub-commands use it, this list need not
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"kiln {version('kiln-dse')}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Kiln: from a language model and a board to a Pareto front of measured accelerators.

    Start with `dse search --workload gpt2`.
    """


def main() -> None:
    """Run the command line; the entry point of `dse`."""
    _reserve_stdout()
    app(prog_name="dse")


def _reserve_stdout() -> None:
    """Keep stdout for data: what tools in this process print by themselves goes to stderr."""
    data = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)
    os.dup2(2, 1)
    sys.stdout = data
