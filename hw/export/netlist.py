"""What of a module is written: names chosen, dead logic left out, widths cut to what is used."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping

from ..contracts import KilnError
from .live import drop_dead_bits, runs_of_ones
from .operations import Operation, normalize
from .rtlil import Assign, Case, Cell, Chunk, Process, RtlilModule, Sig, Statement, Switch, Wire
from .signals import join, part, replace_part, width_of

__all__ = ["Netlist", "prune", "split_defaults", "statement_sigs"]

_IGNORED = ("$print", "$check")  # for simulation in Amaranth; they mean nothing to hardware


class Netlist:
    """One module, ready to be written.

    Members
    -------
    module : RtlilModule
        Where it comes from.
    aliases : dict of str to Sig
        Other names that the source has for wires or parts of them.
    need : dict of str to int
        Wires that somebody reads, and how many of their low bits.
    operations : dict of str to Operation
        Operators by the wire they drive.
    registers : dict of str to Cell
        Flip-flops by the wire they drive.
    reads : dict of str to Cell
        Memory read ports by the wire they drive.
    processes : dict of str to Process
        Processes by the wire they drive.
    instances : list of Cell
        Instances of modules and of foreign cells.
    writes : list of Cell
        Memory write ports.
    copies : dict of str to Sig
        Named wires that are other wires put together.
    instance_outputs : dict of str to (Cell, str)
        Wires that instances drive, with the instance and its port.
    uses : Counter
        How often each wire is read.
    """

    def __init__(self, module: RtlilModule, directions: Mapping[str, Mapping[str, str]]) -> None:
        self.module = module
        self._directions = directions
        self.operations: dict[str, Operation] = {}
        self.registers: dict[str, Cell] = {}
        self.reads: dict[str, Cell] = {}
        self.processes: dict[str, Process] = {}
        self.instances: list[Cell] = []
        self.writes: list[Cell] = []
        self.copies: dict[str, Sig] = {}
        self.need: dict[str, int] = {}
        self.aliases: dict[str, Sig] = {}
        self.instance_outputs: dict[str, tuple[Cell, str]] = {}
        self._cells: dict[str, Cell] = {}
        self._substitutes: dict[str, Sig] = {}
        drop_dead_bits(module, self.is_output)
        self._sort()
        self._follow()
        self._unread = self._all_bits()
        self.uses: Counter[str] = Counter()
        for sig in self._read_sigs():
            for chunk in sig:
                self.uses[chunk.wire] += 1
                bits = ((1 << chunk.width) - 1) << chunk.low
                self._unread[chunk.wire] = self._unread.get(chunk.wire, 0) & ~bits

    def resolve(self, sig: Sig) -> Sig:
        """Return `sig` without the wires that are only other wires put together."""
        if not any(chunk.wire in self._substitutes for chunk in sig):
            return sig
        parts: list[Chunk] = []
        for chunk in sig:
            if chunk.wire in self._substitutes:
                whole = self.resolve(self._substitutes[chunk.wire])
                parts.extend(part(whole, chunk.low, chunk.width))
            else:
                parts.append(chunk)
        return join(parts)

    def next_state(self, register: str) -> Process | None:
        """Return the process that is nothing but the next value of `register`, if there is one."""
        sig = self.data(register)
        if len(sig) != 1 or sig[0].wire not in self.processes:
            return None
        target = sig[0].wire
        whole = (0, self.need[target]) == (sig[0].low, sig[0].width)
        if not whole or self.uses[target] != 1 or self.module.wires[target].port:
            return None
        return self.processes[target]

    def data(self, register: str) -> Sig:
        """Return the data input of `register`, as wide as the register is needed."""
        return self.resolve(part(self.registers[register].ports["D"], 0, self.need[register]))

    def _sort(self) -> None:
        """Tell apart what drives each wire."""
        for cell in self.module.cells:
            if cell.kind == "$memwr_v2":
                self.writes.append(cell)
            elif not cell.kind.startswith("$"):
                self.instances.append(cell)
                for port, sig in cell.ports.items():
                    if self.is_output(cell, port):
                        self.instance_outputs[sig[0].wire] = cell, port
            elif cell.kind not in (*_IGNORED, "$meminit_v2"):
                self._cells[_driven_wire(cell)] = cell
        for process in self.module.processes:
            target = process.target
            default, rest = split_defaults(process)
            rest = prune(rest)
            if rest:
                whole = (Chunk(target, 0, self.module.wires[target].width),)
                self.processes[target] = Process([Assign(whole, default), *rest])
            elif self._is_kept(target):
                self.copies[target] = default
            else:
                self._substitutes[target] = default
        for alias, sig in self.module.connects:
            if self.module.wires[alias].port:
                self.copies[alias] = sig
            else:
                self._substitutes[alias] = sig
                self.aliases[alias] = sig

    def _is_kept(self, name: str) -> bool:
        wire = self.module.wires[name]
        return bool(wire.port or wire.attributes)

    def _follow(self) -> None:
        """Walk from what is seen outside back to all that is needed for it."""
        self._pending: list[str] = []
        for wire in self.module.wires.values():
            if self._is_kept(wire.name):
                self._ask((Chunk(wire.name, 0, wire.width),))
        for cell in (*self.instances, *self.writes):
            for sig in self._cell_inputs(cell):
                self._ask(sig)
        while self._pending:
            self._visit(self._pending.pop())

    def _ask(self, sig: Sig) -> None:
        for chunk in self.resolve(sig):
            if chunk.wire and self.need.get(chunk.wire, 0) < chunk.low + chunk.width:
                self.need[chunk.wire] = chunk.low + chunk.width
                self._pending.append(chunk.wire)

    def _visit(self, wire: str) -> None:
        width = self.need[wire]
        cell = self._cells.get(wire)
        if cell is None:
            for sig in self._process_sigs(wire):
                self._ask(sig)
        elif cell.kind == "$dff":
            self.registers[wire] = cell
            self._ask(part(cell.ports["D"], 0, width))
            self._ask(cell.ports["CLK"])
        elif cell.kind == "$memrd_v2":
            self.reads[wire] = cell
            self.need[wire] = self.module.wires[wire].width
            for port in ("ADDR", "EN", "CLK"):
                self._ask(cell.ports[port])
        else:
            self._visit_operation(wire, cell, width)

    def _visit_operation(self, wire: str, cell: Cell, width: int) -> None:
        operation = normalize(cell, width)
        operation = _with_args(operation, tuple(self.resolve(arg) for arg in operation.args))
        self.operations[wire] = operation
        self.need[wire] = max(width, operation.width)
        for arg in operation.args:
            self._ask(arg)

    def _process_sigs(self, wire: str) -> Iterator[Sig]:
        if wire in self.copies:
            yield part(self.copies[wire], 0, self.need[wire])
        elif wire in self.processes:
            yield from statement_sigs(self.processes[wire].body, self.need[wire])

    def is_output(self, cell: Cell, port: str) -> bool:
        """Return whether `port` of an instance is an output of the instance."""
        if cell.kind[1:] in self._directions:
            return self._directions[cell.kind[1:]][port] == "output"
        return port in cell.bare  # how Amaranth writes the outputs of foreign cells

    def unread(self) -> Sig:
        """Return the bits that nothing here reads of inputs and of wires that are read in part."""
        return join(
            Chunk(wire, low, width)
            for wire, mask in self._unread.items()
            if self.uses[wire] or self._comes_whole(self.module.wires[wire])
            for low, width in runs_of_ones(mask)
        )

    def _all_bits(self) -> dict[str, int]:
        """Return all bits that are declared here, but for those that are seen outside."""
        wires = self.module.wires
        widths = {
            wire: width
            for wire, width in self.need.items()
            if not self._is_kept(wire) and not self._comes_whole(wires[wire])
        }
        widths |= {wire.name: wire.width for wire in wires.values() if self._comes_whole(wire)}
        return {wire: (1 << width) - 1 for wire, width in widths.items()}

    def _comes_whole(self, wire: Wire) -> bool:
        """Return whether a wire is an input, or what an instance says and somebody listens to."""
        said = wire.name in self.instance_outputs and wire.name in self.need
        return wire.port == "input" or (not wire.port and said)

    def _cell_inputs(self, cell: Cell) -> Iterator[Sig]:
        if cell.kind == "$memwr_v2":
            yield from (cell.ports[port] for port in ("ADDR", "DATA", "EN", "CLK"))
        else:
            yield from (sig for port, sig in cell.ports.items() if not self.is_output(cell, port))

    def _read_sigs(self) -> Iterator[Sig]:
        """Every signal that the text reads."""
        for operation in self.operations.values():
            yield from operation.args
        for register, cell in self.registers.items():
            yield self.data(register)
            yield self.resolve(cell.ports["CLK"])
        for cell in self.reads.values():
            yield from (self.resolve(cell.ports[port]) for port in ("ADDR", "EN", "CLK"))
        for cell in (*self.instances, *self.writes):
            yield from (self.resolve(sig) for sig in self._cell_inputs(cell))
        for wire in self.need:
            yield from (self.resolve(sig) for sig in self._process_sigs(wire))


def _driven_wire(cell: Cell) -> str:
    """Return the wire that an operator, register or read port drives; refuse what has none."""
    if cell.kind == "$memrd_v2" and cell.number("TRANSPARENCY_MASK"):
        raise KilnError(
            "export cannot write a read port that shows what is being written; "
            "use transparent_for=() and forward the word in logic"
        )
    port = {"$dff": "Q", "$memrd_v2": "DATA"}.get(cell.kind, "Y")
    if port not in cell.ports or cell.kind == "$tribuf":
        raise KilnError(
            f"export cannot write a {cell.kind.removeprefix('$')!r} cell; "
            f"use synchronous resets, and no tristate buffers"
        )
    return cell.ports[port][0].wire


def _with_args(operation: Operation, args: tuple[Sig, ...]) -> Operation:
    return dataclasses.replace(operation, args=args)


def split_defaults(process: Process) -> tuple[Sig, list[Statement]]:
    """Return what the unconditional assignments at the start add up to, and what follows them."""
    value: Sig = ()
    for number, statement in enumerate(process.body):
        if not isinstance(statement, Assign):
            return value, process.body[number:]
        if value:
            value = replace_part(value, statement.target[0].low, statement.value)
        else:
            value = statement.value
    return value, []


def prune(body: list[Statement]) -> list[Statement]:
    """Return `body` without branches that do nothing and without tests that decide nothing."""
    pruned: list[Statement] = []
    for statement in body:
        if isinstance(statement, Switch):
            cases = [(patterns, prune(inner)) for patterns, inner in statement.cases]
            while cases and not cases[-1][1]:
                cases.pop()
            if cases and not cases[0][0]:
                pruned.extend(cases[0][1])
            elif cases:
                pruned.append(_without_idle_bits(statement.test, cases))
        else:
            pruned.append(statement)
    return pruned


def _without_idle_bits(test: Sig, cases: list[Case]) -> Switch:
    """Leave out the bits of `test` that no pattern looks at."""
    width = width_of(test)
    columns = [
        bit
        for bit in range(width)
        if any(pattern[width - 1 - bit] != "-" for patterns, _body in cases for pattern in patterns)
    ]
    kept = [
        (tuple("".join(p[width - 1 - bit] for bit in reversed(columns)) for p in patterns), inner)
        for patterns, inner in cases
    ]
    return Switch(join(chunk for bit in columns for chunk in part(test, bit, 1)), kept)


def statement_sigs(body: list[Statement], width: int) -> Iterator[Sig]:
    """Return what `body` reads to give the low `width` bits of its target."""
    for statement in body:
        if isinstance(statement, Switch):
            yield statement.test
            for _patterns, inner in statement.cases:
                yield from statement_sigs(inner, width)
        elif statement.target[0].low < width:
            yield part(statement.value, 0, width - statement.target[0].low)
