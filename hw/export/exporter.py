"""The export itself: from a configuration or a component to an `ExportedDesign`."""

from __future__ import annotations

import contextlib
import gc
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from amaranth.hdl import Fragment, UnusedElaboratable
from amaranth.lib import wiring

from ..bus import AxiTop
from ..contracts import ConfigError, KilnError
from .design import ExportedDesign, ExportedModule, Port, instance_counts
from .flat import flat_verilog
from .lowering import lower
from .names import identifier
from .rtlil import RtlilModule, parse
from .shared import ExportPlatform
from .units import port_values
from .verilog import module_text

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
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or identifier(name) != name:
        raise ConfigError(
            f"name={name!r} is no Verilog identifier, or is reserved; use letters, digits and _"
        )
    component = _component(source)
    component._MustUse__used = True  # even if it is refused
    top = AxiTop(component) if axi else component
    with _without_collector():
        try:
            return (_export_flat if flat else _export_shared)(name, top, source)
        except BaseException:
            UnusedElaboratable._MustUse__silence = True  # what was not reached is no mistake
            raise


def _component(source: Any) -> wiring.Component:
    component = source.create() if hasattr(source, "create") else source
    if not isinstance(component, wiring.Component):
        raise ConfigError(
            f"{type(source).__name__} has no hardware to export; "
            f"give a component, or a configuration whose create() returns one"
        )
    return component


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Elaboration makes millions of objects and no garbage: collecting takes a third."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _export_shared(name: str, top: wiring.Component, source: Any) -> ExportedDesign:
    platform = ExportPlatform(name)
    unit = platform.convert(name, top, _comment(source))
    if not unit.modules:
        raise ConfigError(f"{type(source).__name__} has no logic; there is nothing to export")
    units = [*platform.units.values(), unit]
    modules = {module.name: module for unit in units for module in unit.modules}
    comments = {unit.name: unit.comment for unit in units}
    names = _verilog_names(modules)
    directions = {
        module: {wire.name[1:]: wire.port for wire in parsed.wires.values() if wire.port}
        for module, parsed in modules.items()
    }
    children = {
        module: dict(Counter(c.kind[1:] for c in parsed.cells if c.kind[1:] in modules))
        for module, parsed in modules.items()
    }
    counts = instance_counts(name, children)
    written = []
    for module, count in counts.items():
        comment = comments.get(module, _part_of(module))
        text, netlist = module_text(modules[module], directions, names, comment)
        inside = {names[child]: number for child, number in children[module].items()}
        written.append(
            ExportedModule(
                name=names[module], verilog=text, count=count, children=inside, netlist=netlist
            )
        )
    return ExportedDesign(
        top=name, modules=tuple(written), ports=_ports(modules[name]), config=source
    )


def _export_flat(name: str, top: wiring.Component, source: Any) -> ExportedDesign:
    text = lower(name, Fragment.get(top, None), port_values(top), words=True)
    verilog = flat_verilog(text, name)
    module = ExportedModule(name=name, verilog=verilog, count=1, children={})
    ports = _ports(parse(text)[0])
    return ExportedDesign(top=name, modules=(module,), ports=ports, config=source)


def _verilog_names(modules: Iterable[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for module in modules:
        name = identifier(module)
        if name in names.values():
            raise KilnError(f"two modules are called {name!r}; rename one submodule or class")
        names[module] = name
    return names


def _comment(source: Any) -> str:
    """Return what the top module was made from; a component says no more than its class."""
    made_from = type(source).__name__ if isinstance(source, wiring.Component) else repr(source)
    return f"Generated by Kiln from {made_from}."


def _part_of(module: str) -> str:
    return f"Part of {identifier(module.rsplit('.', 1)[0])}."


def _ports(module: RtlilModule) -> tuple[Port, ...]:
    return tuple(
        Port(name=identifier(wire.name), width=wire.width, is_input=wire.port == "input")
        for wire in module.wires.values()
        if wire.port
    )
