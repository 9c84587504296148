"""The export itself: from a configuration or a component to an `ExportedDesign`."""

from __future__ import annotations

import re
from typing import Any

from amaranth.hdl import Fragment
from amaranth.lib import wiring

from ..bus import AxiTop
from ..contracts import ConfigError
from .design import ExportedDesign, ExportedModule, Port, instance_counts
from .shared import ExportPlatform
from .units import Unit, convert_unit, port_values
from .yosys import write_verilog

__all__ = ["export"]


def export(
    source: Any, name: str = "kiln_matrix", *, flat: bool = False, axi: bool = True
) -> ExportedDesign:
    """Return `source` as Verilog, each shared class as one module.

    The text is a function of the hardware, `name` and `source` alone: the same on every machine.

    Parameters
    ----------
    source : configuration or Component
        A Block configuration, whose ``create()`` is called, or a component.
    name : str
        Name of the top module and prefix of all others.
    flat : bool
        Export the whole design as one module instead, every instance in its place.
    axi : bool
        Give streams their AXI4-Stream names, and the top module ``aclk`` and ``aresetn``. Else the
        ports keep Amaranth's names, and clock and reset are ``clk`` and ``rst``.

    Raises
    ------
    ConfigError
        `source` has no hardware, or `name` is no Verilog identifier.
    KilnError
        A shared class is used with two configurations, or in a way that cannot be shared.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ConfigError(f"name={name!r} is no Verilog identifier; use letters, digits and _")
    component = _component(source)
    top = AxiTop(component) if axi else component
    units = _units(name, top, flat=flat)
    texts, children = write_verilog([unit.text for unit in units], top=name, flat=flat)
    counts = instance_counts(name, children)
    modules = tuple(
        ExportedModule(name=module, verilog=texts[module], count=count, children=children[module])
        for module, count in counts.items()
    )
    return ExportedDesign(top=name, modules=modules, ports=_ports(units[-1], top), config=source)


def _component(source: Any) -> wiring.Component:
    component = source.create() if hasattr(source, "create") else source
    if not isinstance(component, wiring.Component):
        raise ConfigError(
            f"{type(source).__name__} has no hardware to export; "
            f"give a component, or a configuration whose create() returns one"
        )
    return component


def _units(name: str, top: wiring.Component, *, flat: bool) -> list[Unit]:
    if flat:
        return [convert_unit(name, top, Fragment.get(top, None))]
    platform = ExportPlatform(name)
    unit = platform.convert(name, top)
    return [*platform.units.values(), unit]


def _ports(unit: Unit, top: wiring.Component) -> tuple[Port, ...]:
    clock = [Port(name="clk", width=1, is_input=True)] if unit.has_clock else []
    reset = [Port(name="rst", width=1, is_input=True)] if unit.has_reset else []
    return (
        *clock,
        *reset,
        *(
            Port(name=port, width=len(value), is_input=is_input)
            for port, (value, is_input) in port_values(top).items()
        ),
    )
