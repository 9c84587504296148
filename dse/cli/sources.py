"""Options of commands that take anyone's Verilog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DefineOption",
    "IncludeOption",
    "MoreFiles",
    "ParameterOption",
    "VerilogOption",
    "parse_pairs",
]

MoreFiles = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further Verilog files.")
]
VerilogOption = Annotated[
    list[Path] | None, typer.Option("--verilog", help="Verilog or SystemVerilog files.")
]
IncludeOption = Annotated[list[Path] | None, typer.Option("-I", help="Folder of included files.")]
DefineOption = Annotated[list[str] | None, typer.Option("-D", help="Macro, NAME=VALUE.")]
ParameterOption = Annotated[
    list[str] | None, typer.Option("-P", help="Parameter of the top module, NAME=VALUE.")
]


def parse_pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """Return names and values of ``-D`` or ``-P``; a macro without a value is 1."""
    from hw.contracts import ConfigError

    found = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals and option == "-P":
            raise ConfigError(f"{option} {text}: write NAME=VALUE")
        found[name] = value if equals else "1"
    return found
