"""A unit: one elaborated component as RTLIL text, with its non-shared submodules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Const, Fragment, Value, ValueCastable
from amaranth.hdl._ir import PortDirection  # the Verilog back end's own way to name a port
from amaranth.lib import wiring

from ..contracts import KilnError

__all__ = ["Unit", "convert_unit", "port_values"]

_WIRE = re.compile(r"  wire width (\d+) (input|output) \d+ +(?:signed )?\\(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """RTLIL of one component: its own module first, then its non-shared submodules.

    Members
    -------
    name : str
        Name of the component's own module.
    text : str
        RTLIL, empty for a component without any cell.
    port_widths : dict of str to int
        Ports of the component's own module that belong to its signature.
    has_clock, has_reset : bool
        Whether the module has ``clk`` and ``rst``.
    """

    name: str
    text: str
    port_widths: dict[str, int]
    has_clock: bool
    has_reset: bool

    @property
    def is_empty(self) -> bool:
        return not self.text


def port_values(interface: Any) -> dict[str, tuple[Value, bool]]:
    """Return the ports of an interface: Verilog name, value, and whether it is an input."""
    ports: dict[str, tuple[Value, bool]] = {}
    for path, member, value in interface.signature.flatten(interface):
        plain = value.as_value() if isinstance(value, ValueCastable) else Value.cast(value)
        if len(plain) and not isinstance(plain, Const):  # `ready` of always-ready streams is one
            ports["__".join(map(str, path))] = plain, member.flow == wiring.In
    return ports


def convert_unit(name: str, component: wiring.Component, fragment: Fragment) -> Unit:
    """Convert the elaborated `fragment` of `component` to RTLIL, as the module `name`.

    Raises
    ------
    KilnError
        It uses a clock domain other than ``sync``.
    """
    declared = port_values(component)
    directions = {
        port: (value, PortDirection.Input if is_input else PortDirection.Output)
        for port, (value, is_input) in declared.items()
    }
    text, _names = rtlil.convert_fragment(fragment, directions, name, emit_src=False)
    found = {port: int(width) for width, _flow, port in _WIRE.findall(_first_module(text))}
    extra = set(found) - set(declared) - {"clk", "rst"}
    if extra:
        raise KilnError(
            f"module {name!r} uses signals that are not its ports: {', '.join(sorted(extra))}; "
            f"use the clock domain 'sync' only, and drive everything inside the component"
        )
    return Unit(
        name=name,
        text=text,
        port_widths={port: found[port] for port in declared if port in found},
        has_clock="clk" in found,
        has_reset="rst" in found,
    )


def _first_module(text: str) -> str:
    return text.split("\nend\n", 1)[0]
