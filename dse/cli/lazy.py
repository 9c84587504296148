"""A command group whose commands are imported when they are called, not when they are listed."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from .failure import guard

__all__ = ["LazyGroup"]

_COMPLETION = ("install_completion", "show_completion")


class LazyGroup(TyperGroup):
    """Group of the commands in `COMMANDS`; each lives in the module of its name beside this one.

    Listing them, as ``--help`` and completion do, costs no import. A module offers its command or
    its sub-group as a `typer.Typer` called ``app``.
    """

    COMMANDS: ClassVar[dict[str, str]] = {
        "search": "Search accelerators for a workload; measure the best.",
        "generate": "Write the Verilog of one engine, without any search.",
        "verify": "Check a design's Verilog against its golden model.",
        "explain": "Say why a design is as fast as it is, and what would change it.",
        "report": "Write the report page and pictures of a run.",
        "front": "Print the Pareto front of a run.",
        "workload": "List and show language models and their operators.",
        "target": "List and show boards and processes.",
        "doctor": "Check that every tool is there and new enough.",
    }

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for name, text in self.COMMANDS.items():
            self.commands.setdefault(name, TyperCommand(name=name, help=text))
        self._loaded: set[str] = set()

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self._load(args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with guard(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)

    def _load(self, name: str) -> None:
        if name not in self.COMMANDS or name in self._loaded:
            return
        module = importlib.import_module(f"{__package__}.{name}")
        command = typer.main.get_command(module.app)
        command.name = name
        command.help = command.help or self.COMMANDS[name]
        command.params = [p for p in command.params if p.name not in _COMPLETION]  # the root has it
        self.commands[name] = command
        self._loaded.add(name)
