"""A module as Verilog-2005: one subject per block, sized operands, names of the source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from .expressions import Expressions, constant
from .fold import fold
from .names import Names, identifier
from .netlist import Netlist
from .rtlil import Cell, Chunk, RtlilModule
from .signals import part, width_of
from .statements import Statements, hold_free

__all__ = ["module_text"]

_COLUMNS = 100


def module_text(
    module: RtlilModule,
    directions: Mapping[str, Mapping[str, str]],
    names: Mapping[str, str],
    comment: str,
) -> tuple[str, Netlist]:
    """Return `module` as Verilog, and the netlist that it was written from.

    Parameters
    ----------
    module : RtlilModule
        The module.
    directions : mapping
        For each module of the design, the direction of its ports.
    names : mapping of str to str
        Verilog names of the modules.
    comment : str
        What stands above it.
    """
    writer = _Writer(module, directions, names)
    return writer.text(comment), writer.netlist


class _Writer:
    def __init__(
        self,
        module: RtlilModule,
        directions: Mapping[str, Mapping[str, str]],
        names: Mapping[str, str],
    ) -> None:
        self._module = module
        self._modules = names
        fold(module)
        self.netlist = Netlist(module, directions)
        self._names = Names(self.netlist)
        self._expressions = Expressions(self.netlist, self._names)
        self._variables: set[str] = set()  # what procedural code assigns

    def text(self, comment: str) -> str:
        blocks = [*self._memories(), *self._clocked(), *self._combinational(), *self._instances()]
        sink = list(self._sink())
        assigns = list(self._assigns())
        lines = [
            *textwrap.wrap(comment, _COLUMNS, initial_indent="// ", subsequent_indent="// "),
            f"module {self._modules[self._module.name]} (",
            *self._ports(),
            ");",
            *_indented(self._declarations()),
            *_indented(assigns),
            *_indented(sink),
            *(line for block in blocks for line in ("", *_indented(block))),
            "endmodule",
        ]
        return "\n".join(wrapped for line in lines for wrapped in _wrap(line)) + "\n"

    def _ports(self) -> Iterator[str]:
        ports = [wire for wire in self._module.wires.values() if wire.port]
        ports.sort(key=lambda wire: {"\\clk": 0, "\\rst": 1}.get(wire.name, 2))
        for number, wire in enumerate(ports):
            kind = "reg " if wire.name in self._variables else "wire"
            comma = "," if number < len(ports) - 1 else ""
            attributes = _attributes(wire.attributes)
            name = self._names.of[wire.name]
            yield f"  {attributes}{wire.port:6} {kind} {_range(wire.width)}{name}{comma}"

    def _declarations(self) -> Iterator[str]:
        for wire, name in self._names.of.items():
            found = self._module.wires.get(wire)
            if found is not None and not found.port and self._is_declared(wire):
                kind = "reg" if wire in self._variables else "wire"
                width = _range(self._expressions.width(wire))
                yield f"{_attributes(found.attributes)}{kind} {width}{name};"
        for name, (bits, _value) in self._expressions.padded.items():
            yield f"wire {_range(bits)}{name};"
        for name, chunk in self._expressions.parts.items():
            yield f"wire {_range(chunk.width)}{name};"
        for memory in self._module.memories.values():
            attributes = _attributes(memory.attributes)
            name = self._names.of[memory.name]
            yield f"{attributes}reg {_range(memory.width)}{name} [0:{memory.depth - 1}];"

    def _is_declared(self, wire: str) -> bool:
        return wire in self.netlist.need or wire in self.netlist.instance_outputs

    def _assigns(self) -> Iterator[str]:
        right = self._right_hand_sides()
        order = {name: number for number, name in enumerate(self._module.wires)}
        for name, chunk in self._expressions.parts.items():
            whole = self._names.of[chunk.wire]
            high = chunk.low + chunk.width - 1
            bits = f"{high}:{chunk.low}" if chunk.width > 1 else f"{high}"
            yield f"assign {name} = {whole}[{bits}];"
        for name, (_bits, text) in self._expressions.padded.items():
            yield f"assign {name} = {text};"
        for wire in sorted(right, key=order.__getitem__):
            yield f"assign {self._names.of[wire]} = {right[wire]};"

    def _sink(self) -> Iterator[str]:
        """Name what the module is given and has no use for, so that linters need no waiver."""
        unread = self.netlist.unread()
        if unread:
            names = (self._expressions.sig((chunk,)) for chunk in unread)
            yield f"wire {self._names.new('unused')} = &{{1'b0, {', '.join(names)}}};"

    def _right_hand_sides(self) -> dict[str, str]:
        netlist, expressions = self.netlist, self._expressions
        right = {
            wire: expressions.sig(part(sig, 0, netlist.need[wire]))
            for wire, sig in netlist.copies.items()
            if wire in netlist.need
        }
        named = [wire for wire in netlist.operations if not wire.startswith("$")]
        right |= {wire: expressions.operation(netlist.operations[wire]) for wire in named}
        while expressions.pending:
            wire = expressions.pending.pop()
            right[wire] = expressions.operation(netlist.operations[wire])
        return right | expressions.assigned

    def _memories(self) -> Iterator[list[str]]:
        for memory in self._module.memories.values():
            name = self._names.of[memory.name]
            yield list(self._initial_words(memory.name, name))
        for cell in self.netlist.writes:
            yield list(self._write_port(cell))
        for wire, cell in self.netlist.reads.items():
            yield list(self._read_port(wire, cell))

    def _initial_words(self, memory: str, name: str) -> Iterator[str]:
        depth, width = self._module.memories[memory].depth, self._module.memories[memory].width
        words = [0] * depth
        for cell in self._module.cells:
            if cell.kind == "$meminit_v2" and _memory_of(cell) == memory:
                data = cell.ports["DATA"]
                words = [
                    piece[0].low for at in range(depth) if (piece := part(data, at * width, width))
                ]
        if not any(words):
            index = self._names.new("word")
            yield f"integer {index};"
            yield f"initial for ({index} = 0; {index} < {depth}; {index} = {index} + 1)"
            yield f"  {name}[{index}] = {constant(0, width)};"
        else:
            yield "initial begin"
            yield from (
                f"  {name}[{number}] = {constant(word, width)};"
                for number, word in enumerate(words)
            )
            yield "end"

    def _write_port(self, cell: Cell) -> Iterator[str]:
        memory = self._names.of[_memory_of(cell)]
        address = self._expressions.sig(cell.ports["ADDR"])
        data = cell.ports["DATA"]
        enable = self.netlist.resolve(cell.ports["EN"])
        yield f"always @({self._edge(cell)}) begin"
        low = 0
        for chunk, width in _runs(enable):
            lanes = "" if width == width_of(data) else f"[{low + width - 1}:{low}]"
            value = self._expressions.sig(part(data, low, width))
            condition = self._expressions.sig((chunk,))
            yield f"  if ({condition}) {memory}[{address}]{lanes} <= {value};"
            low += width
        yield "end"

    def _read_port(self, wire: str, cell: Cell) -> Iterator[str]:
        memory = self._names.of[_memory_of(cell)]
        name = self._expressions.name(wire)
        word = f"{memory}[{self._expressions.sig(cell.ports['ADDR'])}]"
        if not cell.number("CLK_ENABLE"):
            yield f"assign {name} = {word};"
            return
        self._variables.add(wire)
        enable = self.netlist.resolve(cell.ports["EN"])
        condition = "" if enable == (Chunk("", 1, 1),) else f"if ({self._expressions.sig(enable)}) "
        yield f"always @({self._edge(cell)}) {condition}{name} <= {word};"

    def _clocked(self) -> Iterator[list[str]]:
        for wire, cell in self.netlist.registers.items():
            yield list(self._register(wire, cell))

    def _register(self, wire: str, cell: Cell) -> Iterator[str]:
        self._variables.add(wire)
        width = self.netlist.need[wire]
        name = self._expressions.name(wire)
        init = self._module.wires[wire].init
        if init is not None:
            yield f"initial {name} = {constant(init & ((1 << width) - 1), width)};"
        process = self.netlist.next_state(wire)
        # Yosys merges equal registers unless the block, not the register, is marked.
        kept = "(* keep *) " if "keep" in self._module.wires[wire].attributes else ""
        head = f"{kept}always @({self._edge(cell)})"
        if process is None:
            yield f"{head} {name} <= {self._expressions.sig(self.netlist.data(wire))};"
            return
        body = hold_free(process.body, (Chunk(wire, 0, self._module.wires[wire].width),))
        lines = list(Statements(self._expressions, name, width, "<=").lines(body))
        yield from _block(head, lines)

    def _combinational(self) -> Iterator[list[str]]:
        merged = {
            self.netlist.data(wire)[0].wire
            for wire in self.netlist.registers
            if self.netlist.next_state(wire)
        }
        for wire, process in self.netlist.processes.items():
            if wire in self.netlist.need and wire not in merged:
                self._variables.add(wire)
                name = self._expressions.name(wire)
                statements = Statements(self._expressions, name, self._expressions.width(wire), "=")
                yield list(_block("always @*", list(statements.lines(process.body))))

    def _instances(self) -> Iterator[list[str]]:
        for cell in self.netlist.instances:
            yield list(self._instance(cell))

    def _instance(self, cell: Cell) -> Iterator[str]:
        kind = cell.kind[1:]
        parameters = ", ".join(
            f".{name}({_parameter(value)})" for name, value in cell.parameters.items()
        )
        name = self._names.new(identifier(cell.name))
        yield f"{self._modules.get(kind, kind)} {f'#({parameters}) ' * bool(parameters)}{name} ("
        ports = list(cell.ports.items())
        for number, (port, sig) in enumerate(ports):
            comma = "," if number < len(ports) - 1 else ""
            text = (
                self._output(name, port, sig[0].wire)
                if self.netlist.is_output(cell, port)
                else (self._expressions.sig(sig))
            )
            yield f"  .{identifier(port)}({text}){comma}"
        yield ");"

    def _output(self, instance: str, port: str, wire: str) -> str:
        """Return the name of what an instance drives; linters know "unused" for what it says."""
        if wire not in self.netlist.need and wire not in self._names.of:
            self._names.of[wire] = self._names.new(f"unused_{instance}_{identifier(port)}")
        return self._expressions.name(wire)

    def _edge(self, cell: Cell) -> str:
        clock = cell.ports["CLK"]
        polarity = "posedge" if cell.number("CLK_POLARITY") else "negedge"
        return f"{polarity} {self._expressions.sig(clock)}"


def _memory_of(cell: Cell) -> str:
    return cell.parameters["MEMID"].strip('"').replace("\\\\", "\\")


def _runs(enable: tuple[Chunk, ...]) -> Iterator[tuple[Chunk, int]]:
    """Return each enable bit with the number of neighbouring lanes that it enables."""
    bits = [part((chunk,), bit, 1)[0] for chunk in enable for bit in range(chunk.width)]
    start = 0
    for at in range(1, len(bits) + 1):
        if at == len(bits) or bits[at] != bits[start]:
            yield bits[start], at - start
            start = at


def _block(head: str, lines: list[str]) -> Iterator[str]:
    if len(lines) == 1:
        yield f"{head} {lines[0]}"
    else:
        yield f"{head} begin"
        yield from (f"  {line}" for line in lines)
        yield "end"


def _parameter(value: str) -> str:
    if value.startswith('"'):
        return value
    if "'" in value:
        width, bits = value.split("'")
        return f"{width}'b{bits}"
    return value


def _attributes(attributes: Mapping[str, str]) -> str:
    if not attributes:
        return ""
    texts = ", ".join(f"{name} = {_parameter(value)}" for name, value in attributes.items())
    return f"(* {texts} *) "


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def _indented(lines: Iterator[str] | list[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _wrap(line: str) -> list[str]:
    """Break a long line at spaces, continued two levels deeper."""
    if len(line) <= _COLUMNS or line.lstrip().startswith("//"):
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(
        line,
        _COLUMNS,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
