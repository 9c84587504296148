"""Command groups whose commands are imported when they are called, not when they are listed."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from .failure import guard

__all__ = ["CommandsOnDemand", "LazyGroup"]

_COMPLETION = ("install_completion", "show_completion")


class CommandsOnDemand(TyperGroup):
    """Group that knows its commands by name and one line, and loads one when it is called.

    Listing them, as ``--help`` and completion do, costs no import.
    """

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self._loaded: set[str] = set()
        self._summaries = self.summaries()
        for name, text in self._summaries.items():
            self.commands.setdefault(name, TyperCommand(name=name, help=text))

    @abstractmethod
    def summaries(self) -> dict[str, str]:
        """Return each command's name and the line that lists it."""

    @abstractmethod
    def load(self, name: str) -> typer.Typer:
        """Import a command or sub-group."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] in self._summaries and args[0] not in self._loaded:
            self._replace(args[0])
        return super().resolve_command(ctx, args)

    def _replace(self, name: str) -> None:
        command = typer.main.get_command(self.load(name))
        command.name = name
        command.help = command.help or self._summaries[name]
        command.params = [p for p in command.params if p.name not in _COMPLETION]  # the root has it
        self.commands[name] = command
        self._loaded.add(name)


class LazyGroup(CommandsOnDemand):
    """The root group; each command lives in the module of its name beside this one.

    A module offers its command or its sub-group as a `typer.Typer` called ``app``.
    """

    COMMANDS: ClassVar[dict[str, str]] = {
        "search": "Search accelerators for a workload; measure the best.",
        "generate": "Write the Verilog of one engine, without any search.",
        "verify": "Check a design's Verilog against its golden model.",
        "inject": "Inject faults into a design, or into any Verilog.",
        "harden": "Protect a design until an ASIL's bounds hold, at the least area.",
        "explain": "Say why a design is as fast as it is, and what would change it.",
        "build": "Make a bitstream of a design for a board.",
        "report": "Write the report page and pictures of a run.",
        "front": "Print the Pareto front of a run.",
        "workload": "List and show language models and their operators.",
        "quality": "Say what number formats cost a language model.",
        "target": "List and show boards and processes.",
        "dataset": "Measure many designs, for surrogates to learn from.",
        "bench": "Compare samplers; write how far the figures are off.",
        "doctor": "Check that every tool is there and new enough.",
    }

    def summaries(self) -> dict[str, str]:
        return self.COMMANDS

    def load(self, name: str) -> typer.Typer:
        app: typer.Typer = importlib.import_module(f"{__package__}.{name}").app
        return app

    def invoke(self, ctx: Any) -> Any:
        with guard(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)
