"""What an export returns: Verilog modules with their instance counts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from ..contracts import KilnError
from .netlist import Netlist

__all__ = ["ExportedDesign", "ExportedModule", "Port", "instance_counts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One port of the top module; `width` in bits."""

    name: str
    width: int
    is_input: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedModule:
    """One Verilog module.

    Members
    -------
    name : str
        Module name, and the stem of its file.
    verilog : str
        Its text, a header comment first.
    count : int
        How often it occurs in the whole design, all parents multiplied.
    children : dict of str to int
        Modules it instantiates itself, and how often.
    netlist : Netlist, optional
        The words and operators that the text was written from; none where a design was given as
        text, or exported flat.
    """

    name: str
    verilog: str
    count: int
    children: dict[str, int]
    netlist: Netlist | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedDesign:
    """A design as Verilog, every module once, children before parents and the top module last.

    Members
    -------
    top : str
        Name of the top module.
    modules : tuple of ExportedModule
        All modules.
    ports : tuple of Port
        Ports of the top module, clock and reset included.
    config : object
        What was exported: a configuration or a component.
    """

    top: str
    modules: tuple[ExportedModule, ...]
    ports: tuple[Port, ...]
    config: Any

    @property
    def verilog(self) -> str:
        """All modules in one text."""
        return "\n".join(module.verilog for module in self.modules)

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal: equal for equal hardware on any machine."""
        return hashlib.sha256(self.verilog.encode()).hexdigest()

    def module(self, name: str) -> ExportedModule:
        """Return the module called `name`."""
        for module in self.modules:
            if module.name == name:
                return module
        known = ", ".join(module.name for module in self.modules)
        raise KilnError(f"the design {self.top!r} has no module {name!r}; known: {known}")


def instance_counts(top: str, children: dict[str, dict[str, int]]) -> dict[str, int]:
    """Return how often each module occurs under one `top`, children before parents.

    Parameters
    ----------
    children : dict
        For each module, the modules it instantiates and how often.
    """
    order = _children_first(top, children)
    counts = dict.fromkeys(order, 0)
    counts[top] = 1
    for parent in reversed(order):
        for child, number in children[parent].items():
            counts[child] += number * counts[parent]
    return counts


def _children_first(top: str, children: dict[str, dict[str, int]]) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name not in seen:
            seen.add(name)
            for child in children[name]:
                visit(child)
            order.append(name)

    visit(top)
    return order
