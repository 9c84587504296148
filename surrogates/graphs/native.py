"""Graphs of generated designs: from the netlist that the export writes Verilog from.

No tool runs: a module takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hw.contracts import KilnError
from hw.export import ExportedDesign, export
from hw.export.netlist import Netlist, split_defaults
from hw.export.operations import Operation
from hw.export.rtlil import Cell, Sig, Statement, Switch
from hw.export.signals import width_of

from .build import Builder
from .module import DesignGraph, ModuleGraph

__all__ = ["design_graph", "module_graph"]

_UNARY = {"~": "not", "-": "negate", "&": "reduce", "|": "reduce", "^": "reduce"}
_BINARY = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "divide",
    "&": "and", "|": "or", "^": "xor",
    "==": "equal", "!=": "equal", "<": "less", "<=": "less", ">": "less", ">=": "less",
    "<<": "shift", ">>": "shift", ">>>": "shift",
}  # fmt: skip


def design_graph(source: Any) -> DesignGraph:
    """Return the graph of a configuration, a component, or an export of one.

    Raises
    ------
    KilnError
        An export that was flat, or is somebody's text, has no words to make a graph of.
    """
    design = source if isinstance(source, ExportedDesign) else export(source)
    modules = {}
    for module in design.modules:
        if module.netlist is None:
            raise KilnError(f"{module.name} is text, not a generated module; read it with Yosys")
        modules[module.name] = module_graph(module.netlist, set(module.children))
    return DesignGraph(modules, {module.name: module.count for module in design.modules})


def module_graph(netlist: Netlist, children: Iterable[str] = ()) -> ModuleGraph:
    """Return the graph of one module; `children` are modules of the same design."""
    return _Reader(netlist, set(children)).graph()


class _Reader:
    """Adds a node for everything in the netlist that takes hardware, then what reads what."""

    def __init__(self, netlist: Netlist, children: set[str]) -> None:
        self._netlist, self._children = netlist, children
        self._builder = Builder()

    def graph(self) -> ModuleGraph:
        netlist = self._netlist
        wires = netlist.module.wires.values()
        for wire in wires:
            if wire.port == "input":
                self._builder.drive(wire.name, self._builder.node("input", wire.width))
        instances = [self._instance(cell) for cell in netlist.instances]
        for name, operation in netlist.operations.items():
            self._operation(name, operation)
        for name in netlist.registers:
            node = self._builder.node("register", netlist.need[name], clocked=True)
            self._builder.drive(name, node)
            self._builder.read(node, netlist.data(name))
        for name, cell in netlist.reads.items():
            self._memory("memory_read", cell, ("ADDR", "EN"), name)
        for cell in netlist.writes:
            self._memory("memory_write", cell, ("ADDR", "DATA", "EN"))
        for name, process in netlist.processes.items():
            default, rest = split_defaults(process)
            self._builder.drive(name, self._selects(rest, netlist.need.get(name, 0), default))
        for name, sig in netlist.copies.items():
            self._builder.copy(name, netlist.resolve(sig))
        for node, cell in instances:
            for port, sig in cell.ports.items():
                if not netlist.is_output(cell, port):
                    self._builder.read(node, netlist.resolve(sig))
        for wire in wires:
            if wire.port == "output":
                self._builder.pass_out(self._builder.node("output", wire.width), wire.name)
        return self._builder.graph()

    def _instance(self, cell: Cell) -> tuple[int, Cell]:
        outputs = [sig for port, sig in cell.ports.items() if self._netlist.is_output(cell, port)]
        node = self._builder.node("instance", sum(width_of(sig) for sig in outputs))
        for sig in outputs:
            self._builder.drive(sig[0].wire, node)
        name = cell.kind.removeprefix("\\")
        if name in self._children:
            self._builder.children[node] = name
        return node, cell

    def _operation(self, name: str, operation: Operation) -> None:
        if operation.form == "copy":
            self._builder.copy(name, operation.args[0])
            return
        kinds = _UNARY if operation.form == "unary" else _BINARY
        kind = {"mux": "mux", "select": "part_select"}.get(operation.form)
        node = self._builder.node(kind or kinds[operation.symbol], operation.width)
        self._builder.drive(name, node)
        for arg in operation.args:
            self._builder.read(node, arg)

    def _memory(self, kind: str, cell: Cell, ports: tuple[str, ...], name: str = "") -> None:
        memory = self._netlist.module.memories[_memory_name(cell)]
        clocked = kind == "memory_write" or bool(cell.number("CLK_ENABLE"))
        node = self._builder.node(kind, memory.width, words=memory.depth, clocked=clocked)
        if name:
            self._builder.drive(name, node)
        for port in ports:
            self._builder.read(node, self._netlist.resolve(cell.ports[port]))

    def _selects(self, body: list[Statement], width: int, before: Sig) -> int:
        """Add the choices of a process; return the node of what it drives in the end."""
        node = self._builder.node("select", width)
        self._builder.read(node, self._netlist.resolve(before))
        for statement in body:
            self._statement(node, statement, width)
        return node

    def _statement(self, node: int, statement: Statement, width: int) -> None:
        if isinstance(statement, Switch):
            self._builder.read(node, self._netlist.resolve(statement.test))
            for sig in _values(statement):
                self._builder.read(node, self._netlist.resolve(sig))
            for _patterns, body in statement.cases:
                for inner in body:
                    if isinstance(inner, Switch):
                        self._builder.read_node(node, self._selects([inner], width, ()), width)
        else:
            self._builder.read(node, self._netlist.resolve(statement.value))


def _values(switch: Switch) -> Iterator[Sig]:
    """Return what the cases of a choice assign themselves."""
    for _patterns, body in switch.cases:
        for statement in body:
            if not isinstance(statement, Switch):
                yield statement.value


def _memory_name(cell: Cell) -> str:
    return cell.parameters["MEMID"].strip('"').replace("\\\\", "\\")
