"""A unit: one elaborated component as RTLIL text, with its non-shared submodules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Fragment, Value, ValueCastable
from amaranth.lib import wiring

from ..contracts import KilnError
from .lowering import Ports, lower
from .rtlil import RtlilModule, all_sigs, parse

__all__ = ["Unit", "convert_unit", "port_values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One component and its non-shared submodules, as RTLIL.

    Members
    -------
    name : str
        Name of the component's own module.
    modules : tuple of RtlilModule
        Its own module first; empty for a component without any cell.
    ports : frozenset of str
        Ports of its own module, ``clk`` and ``rst`` only where they are used.
    comment : str
        What it was made from.
    """

    name: str
    modules: tuple[RtlilModule, ...]
    ports: frozenset[str]
    comment: str


def port_values(interface: Any) -> Ports:
    """Return the ports of an interface: Verilog name, value, and whether it is an input."""
    ports: Ports = {}
    for path, member, value in interface.signature.flatten(interface):
        plain = value.as_value() if isinstance(value, ValueCastable) else Value.cast(value)
        if len(plain) and not isinstance(plain, Const):  # `ready` of always-ready streams is one
            ports["__".join(map(str, path))] = plain, member.flow == wiring.In
    return ports


def convert_unit(name: str, component: wiring.Component, fragment: Fragment, comment: str) -> Unit:
    """Convert the elaborated `fragment` of `component` to RTLIL, as the module `name`.

    Raises
    ------
    KilnError
        It uses a clock domain other than ``sync``.
    """
    modules = tuple(parse(lower(name, fragment, port_values(component))))
    if not modules:
        return Unit(name=name, modules=(), ports=frozenset(), comment=comment)
    _drop_unused_clock(modules[0])
    ports = frozenset(wire.name[1:] for wire in modules[0].wires.values() if wire.port)
    extra = ports - set(port_values(component)) - {"clk", "rst"}
    if extra:
        raise KilnError(
            f"module {name!r} uses signals that are not its ports: {', '.join(sorted(extra))}; "
            f"use the clock domain 'sync' only, and drive everything inside the component"
        )
    return Unit(name=name, modules=modules, ports=ports, comment=comment)


def _drop_unused_clock(module: RtlilModule) -> None:
    """Amaranth gives a domain both its signals, even if all registers go without a reset."""
    used = {chunk.wire for sig in all_sigs(module) for chunk in sig}
    for name in ("\\clk", "\\rst"):
        if name in module.wires and module.wires[name].port and name not in used:
            del module.wires[name]
