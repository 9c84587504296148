"""From an elaborated fragment to RTLIL text, as Amaranth's back end does it, but faster.

Amaranth (its version is pinned in ``pyproject.toml``) keeps a checked object for every bit of every
signal and writes every word of every memory. For a 64x64 array this is most of the export, so here
the checks are suspended and memories of zeros are left to the writer, which knows that they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Fragment, Value, _ast, _ir, _nir

__all__ = ["Ports", "lower"]

Ports = dict[str, tuple[Value, bool]]


def lower(name: str, fragment: Fragment, ports: Ports, *, words: bool = False) -> str:
    """Return the RTLIL of `fragment` as module `name`, without anything about its source.

    Parameters
    ----------
    name : str
        Name of the module; its submodules are called ``name.submodule``.
    fragment : Fragment
        The elaborated component.
    ports : dict
        Name, value, and whether it is an input.
    words : bool
        Write the initial words of memories even if all are zero.
    """
    directions = {
        port: (value, _ir.PortDirection.Input if is_input else _ir.PortDirection.Output)
        for port, (value, is_input) in ports.items()
    }
    with _unchecked():
        if words:
            text, _names = rtlil.convert_fragment(fragment, directions, name, emit_src=False)
            return str(text)
        return _convert(name, fragment, directions)


def _convert(name: str, fragment: Fragment, directions: dict[str, Any]) -> str:
    netlist = _ir.build_netlist(fragment, ports=directions, name=name)
    empty = rtlil.EmptyModuleChecker(netlist)
    names = _ast.SignalDict()
    builder = rtlil.Design(emit_src=False)
    for number, module in enumerate(netlist.modules):
        if not empty.is_empty(number):
            target = builder.module(".".join(module.name))
            _Emitter(target, netlist, module, names, empty_checker=empty).emit()
    return str(builder)


class _Emitter(rtlil.ModuleEmitter):
    """Leaves out initial words that are zero."""

    def emit_memory(self, cell_idx: int, cell: Any) -> None:
        if any(cell.init):
            super().emit_memory(cell_idx, cell)


def _new_value(cls: type[_nir.Value], nets: Iterable[_nir.Net] | _nir.Net = ()) -> _nir.Value:
    return tuple.__new__(cls, (nets,) if isinstance(nets, int) else nets)


def _resolve_value(self: _nir.Netlist, value: _nir.Value) -> _nir.Value:
    if not value or min(value) >= 0:
        return value
    connections = self.connections
    nets = []
    for net in value:
        while net < 0:  # bound later: follow what it was connected to
            net = connections[net]
        nets.append(net)
    return tuple.__new__(_nir.Value, nets)


@contextlib.contextmanager
def _unchecked() -> Iterator[None]:
    """Suspend Amaranth's own type checks of each bit."""
    new, resolve = _nir.Value.__new__, _nir.Netlist.resolve_value
    _nir.Value.__new__ = _new_value
    _nir.Netlist.resolve_value = _resolve_value
    try:
        yield
    finally:
        _nir.Value.__new__ = new
        _nir.Netlist.resolve_value = resolve
