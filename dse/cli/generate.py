"""`dse generate BLOCK`: one engine as Verilog. Options are the fields of its configuration."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from .console import JsonFlag, emit_json, note
from .lazy import CommandsOnDemand

__all__ = ["app"]


_NAMES = tuple[str, ...]


class _Blocks(CommandsOnDemand):
    """One command per block, built when it is called."""

    def summaries(self) -> dict[str, str]:
        from hw.accelerator import list_blocks

        return {name: f"Write a {name} engine as Verilog." for name in list_blocks()}

    def load(self, name: str) -> typer.Typer:
        from hw.accelerator import find_block

        block = typer.Typer()
        block.command()(_command(name, find_block(name)))
        return block


app = typer.Typer(
    cls=_Blocks,
    no_args_is_help=True,
    help="Write the Verilog of one engine, with configuration and test bench, without any search.",
)


@app.callback()
def _root() -> None:
    pass


Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder to write; by default ./NAME.")
]
Name = Annotated[str | None, typer.Option(help="Name of the top module; by default kiln_BLOCK.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a design that is there.")]


def _command(block: str, kind: type[Any]) -> Callable[..., None]:
    """Return a function whose parameters are the fields of `kind`, and the three of every block."""
    hints, words = get_type_hints(kind), _parameter_help(kind.__doc__ or "")
    configurable = [f for f in fields(kind) if hints[f.name] in (int, float, str, bool, _NAMES)]

    def command(**given: Any) -> None:
        knobs = {field.name: given.pop(field.name) for field in configurable}
        texts = {name: text for name, text in knobs.items() if hints[name] == _NAMES}
        knobs |= {name: _names(name, text) for name, text in texts.items()}
        _generate(kind(**knobs), given["name"] or f"kiln_{block}", given)

    shared = {"output": (Output, None), "name": (Name, None), "force": (Force, False)}
    parameters = [_parameter(f, hints[f.name], words.get(f.name, "")) for f in configurable]
    parameters += [_keyword(n, kind_, default) for n, (kind_, default) in shared.items()]
    parameters.append(_keyword("as_json", JsonFlag, False))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = f"Write a {block} engine as Verilog, with configuration and test bench."
    return command


def _parameter(field: Field[Any], kind: type[Any], words: str) -> inspect.Parameter:
    required = field.default is MISSING and field.default_factory is MISSING
    default: Any = inspect.Parameter.empty if required else field.default
    if kind == _NAMES:
        kind, words = str, f"{words} Separated by commas."
        default = default if required else ",".join(default)
    option = typer.Option(help=words, rich_help_panel="The engine")
    return _keyword(field.name, Annotated[kind, option], default)


def _names(field: str, text: str) -> tuple[str, ...]:
    from hw.contracts import ConfigError

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if text and not names:
        option = f"--{field.replace('_', '-')}"
        raise ConfigError(
            f"{option} {text!r} names nothing; give names with commas between them, or leave "
            f"{option} out"
        )
    return names


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _parameter_help(doc: str) -> dict[str, str]:
    """Return what a NumPy docstring says of each parameter, on one line."""
    section = inspect.cleandoc(doc).partition("Parameters\n----------\n")[2]
    found: dict[str, str] = {}
    for names, text in re.findall(r"(?m)^(\w[\w, ]*) : .*\n((?:    .*\n?)+)", section):
        words = " ".join(text.replace("`", "").split())
        found.update(dict.fromkeys(re.split(r",\s*", names.strip()), words))
    return found


def _generate(config: Any, name: str, given: dict[str, Any]) -> None:
    from dse.designs import write_design
    from hw.contracts import ConfigError
    from hw.export import export

    folder = given["output"] or Path(name)
    if (folder / "config.toml").exists() and not given["force"]:
        raise ConfigError(
            f"--output {folder} holds a design already; choose another folder, or add --force"
        )
    design = export(config, name)
    written = write_design(folder, config, design)
    if given["as_json"]:
        modules = {module.name: module.count for module in design.modules}
        files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
        emit_json({"folder": folder, "top": design.top, "modules": modules, "files": files})
        return
    lines = sum(len(module.verilog.splitlines()) for module in design.modules)
    typer.echo(f"{written.path}/verilog: {len(design.modules)} modules, {lines:,} lines of Verilog")
    note(f"Next: {_next(config, folder)}", style="dim")


def _next(config: Any, folder: Path) -> str:
    from hw.mac import MacConfig
    from hw.matrix import MatrixConfig

    if isinstance(config, MatrixConfig | MacConfig):
        return f"dse verify --design {folder}"
    return f"open {folder / 'README.md'}"
