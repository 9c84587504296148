"""Verilog of a frozen netlist, for simulators, synthesis and whoever transforms it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from hw.contracts import ConfigError

from .expressions import expression
from .netlist import Bit, Cell, Frozen, MemoryCell

__all__ = ["write_verilog"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def write_verilog(
    netlist: Frozen,
    *,
    numbered: bool = False,
    synthesis: bool = False,
    note: str = "",
    outputs: Mapping[str, str] | None = None,
    around: Callable[[int, str], str] | None = None,
    declarations: Sequence[str] = (),
) -> str:
    """Return Verilog that does what the netlist says; addresses past a memory's end read 0.

    Parameters
    ----------
    numbered : bool
        Call ports ``p0``, flip-flops ``f0``, memories ``m0``, by their indices, and not as they
        are called in the netlist. Cells' outputs are always ``c0``.
    synthesis : bool
        Write bits of a memory that have enables of their own one by one, which synthesis
        understands, and say where a word that is read while it is written may be anything; a row
        is else written whole where there is one writer, which runs faster. A read port whose data
        nothing but registers of one enable take becomes a block RAM's own.
    note : str
        What is written behind the declaration of each flip-flop and memory, such as a comment
        that a simulator reads.
    outputs : dict of str to str
        Cells that are not Yosys' own become instances: the output pin of each such type. A type
        ``x/Y`` is pin ``Y`` of cell ``x``.
    around : callable
        Given the index of a cell and the wire that holds its value, returns what its output is.
    declarations : sequence of str
        Lines that stand before everything else in the module.

    Raises
    ------
    ConfigError
        A type of cell that is not known, or a net that nothing drives.
    """
    return _Writer(netlist, numbered, synthesis, note, outputs or {}, around, declarations).text()


class _Writer:
    def __init__(
        self,
        netlist: Frozen,
        numbered: bool,
        synthesis: bool,
        note: str,
        outputs: Mapping[str, str],
        around: Callable[[int, str], str] | None,
        declarations: Sequence[str],
    ) -> None:
        self.netlist, self.note, self.outputs = netlist, note, outputs
        self.around, self.synthesis = around, synthesis
        self.declarations = declarations
        self.driver: dict[Bit, tuple[str, int, int]] = {}
        self.lines: list[str] = []
        if numbered:
            self.ports = {port.name: f"p{at}" for at, port in enumerate(netlist.ports)}
            self.flops = [f"f{at}" for at in range(len(netlist.flops))]
            self.memories = [f"m{at}" for at in range(len(netlist.memories))]
        else:
            self._name()

    def _name(self) -> None:
        """Take the netlist's names; a flip-flop may be the output port that is called like it."""
        self.ports = {port.name: _escaped(port.name) for port in self.netlist.ports}
        shown = {port.name: port.bits for port in self.netlist.outputs}
        taken = {port.name for port in self.netlist.ports}
        names: list[str] = []
        things = [(flop.name, flop.q) for flop in self.netlist.flops]
        things += [(memory.name, ()) for memory in self.netlist.memories]
        for name, q in things:
            wanted = name
            if name in taken and not (q and shown.pop(name, None) == q):
                wanted = next(f for n in range(len(taken) + 1) if (f := f"{name}${n}") not in taken)
            taken.add(wanted)
            names.append(_escaped(wanted))
        self.flops = names[: len(self.netlist.flops)]
        self.memories = names[len(self.netlist.flops) :]

    def text(self) -> str:
        self._declare()
        for index, cell in enumerate(self.netlist.cells):
            self._cell(index, cell)
        for index, memory in enumerate(self.netlist.memories):
            self._memory(index, memory)
        for name, flop in zip(self.flops, self.netlist.flops, strict=True):
            clock = self.ports[self.netlist.clock]
            self.lines.append(f"always @(posedge {clock}) {name} <= {self.bits(flop.d)};")
        for port in self.netlist.outputs:
            if self.ports[port.name] not in self.flops:
                self.lines.append(f"assign {self.ports[port.name]} = {self.bits(port.bits)};")
        return "\n".join([*self._head(), *self.lines, "endmodule", ""])

    def _head(self) -> Iterator[str]:
        top = _escaped(self.netlist.top)
        yield f"module {top} ({', '.join(self.ports[port.name] for port in self.netlist.ports)});"
        for port in self.netlist.ports:
            way = "input" if port.is_input else "output"
            yield f"{way} {_range(len(port.bits))} {self.ports[port.name]};"
        yield from self.declarations

    def _declare(self) -> None:
        """Declare everything that drives nets, and note which."""
        n = self.netlist
        for port in n.ports:
            if port.is_input:
                self._drives(self.ports[port.name], port.bits)
        for name, flop in zip(self.flops, n.flops, strict=True):
            self.lines.append(f"reg {_range(len(flop.q))} {name} {self.note};")
            self.lines.append(f"initial {name} = {len(flop.q)}'h{flop.init:x};")
            self._drives(name, flop.q)
        for index, cell in enumerate(n.cells):
            self.lines.append(f"wire {_range(len(cell.output))} c{index};")
            self._drives(f"c{index}", cell.output)
        for index, memory in enumerate(n.memories):
            for port_index, (_, data) in enumerate(memory.reads):
                self.lines.append(f"wire {_range(memory.width)} r{index}_{port_index};")
                self._drives(f"r{index}_{port_index}", data)

    def _drives(self, name: str, bits: Sequence[Bit]) -> None:
        for at, bit in enumerate(bits):
            if isinstance(bit, int):
                self.driver[bit] = name, at, len(bits)

    def bits(self, bits: Sequence[Bit]) -> str:
        """Return bits, lowest first, as an expression of exactly their number of bits."""
        parts = [self._part(list(run)) for run in _runs(bits, self._source)]
        return parts[0] if len(parts) == 1 else f"{{{', '.join(reversed(parts))}}}"

    def _source(self, bit: Bit) -> tuple[str, int, int]:
        if isinstance(bit, str):
            return "", int(bit == "1"), 0
        if bit not in self.driver:
            raise ConfigError(
                f"net {bit} of {self.netlist.top} is used and nothing drives it; drive it"
            )
        return self.driver[bit]

    def _part(self, run: list[tuple[str, int, int]]) -> str:
        name, low, width = run[0]
        if not name:
            return f"{len(run)}'b{''.join(str(value) for _, value, _ in reversed(run))}"
        if len(run) > 1 and run[1][1] == low:
            return f"{{{len(run)}{{{_slice(name, low, 1, width)}}}}}"
        return _slice(name, low, len(run), width)

    def _cell(self, index: int, cell: Cell) -> None:
        """Write a cell; a wire of its own holds the value that `around` is about."""
        name = f"n{index}" if self.around else f"c{index}"
        if self.around:
            self.lines.append(f"wire {_range(len(cell.output))} {name};")
            self.lines.append(f"assign c{index} = {self.around(index, name)};")
        if cell.type.startswith("$"):
            self.lines.append(f"assign {name} = {expression(cell, self.bits)};")
            return
        kind, _, pin = cell.type.partition("/")
        if kind not in self.outputs:
            raise ConfigError(f"{cell.name}: cells of type {kind} are not supported")
        pins = {pin: self.bits(bits) for pin, bits in cell.inputs.items()}
        pins[pin or self.outputs[kind]] = name
        listed = ", ".join(f".{pin}({text})" for pin, text in pins.items())
        self.lines.append(f"{kind} g{index} ({listed});")

    def _memory(self, index: int, memory: MemoryCell) -> None:
        name, size = self.memories[index], memory.size
        words = [(at, word) for at, word in enumerate(memory.init) if word]
        loose = "(* no_rw_check *) " if memory.loose and self.synthesis else ""
        self.lines.append(f"{loose}reg {_range(memory.width)} {name} [0:{size - 1}] {self.note};")
        loop = f"for (i{index} = 0; i{index} < {size}; i{index} = i{index} + 1)"
        zeros = [loop, f"{name}[i{index}] = {memory.width}'h0;"]
        self.lines.append(f"integer i{index};")
        if memory.writes and not words:  # what `source_text` knows, and leaves out
            self.lines.append("initial " + " ".join(zeros))
        else:
            fill = [f"{name}[{at}] = {memory.width}'h{word:x};" for at, word in words]
            self.lines += ["initial begin", *zeros, *fill, "end"]
        for port, (address, _) in enumerate(memory.reads):
            where = self.bits(address) if address else "1'b0"
            value = f"{name}[{where}]"
            if 1 << len(address) > size:
                value = f"({where} < {_size(address, size)}) ? {value} : {memory.width}'h0"
            self.lines.append(f"assign r{index}_{port} = {value};")
        if memory.writes:
            self.lines.append(f"always @(posedge {self.ports[self.netlist.clock]}) begin")
            how = self._write if self.synthesis or len(memory.writes) > 1 else self._whole
            for address, data, enable in memory.writes:
                self.lines += how(name, size, address, data, enable)
            self.lines.append("end")

    def _whole(
        self,
        name: str,
        size: int,
        address: Sequence[Bit],
        data: Sequence[Bit],
        enable: Sequence[Bit],
    ) -> Iterator[str]:
        """Write all bits of a row at once, those that are not enabled with what they are."""
        row, mask = f"{name}[{self.bits(address) if address else 0}]", self.bits(enable)
        inside = self._inside(address, size)
        value = f"({row} & ~{mask}) | ({self.bits(data)} & {mask})"
        yield f"if ((|{mask}){inside}) {row} <= {value};"

    def _inside(self, address: Sequence[Bit], size: int) -> str:
        small = 1 << len(address) > size
        return f" && {self.bits(address)} < {_size(address, size)}" if small else ""

    def _write(
        self,
        name: str,
        size: int,
        address: Sequence[Bit],
        data: Sequence[Bit],
        enable: Sequence[Bit],
    ) -> Iterator[str]:
        where = self.bits(address) if address else "1'b0"
        inside = self._inside(address, size)
        low = 0
        for bit, group in groupby(enable):
            high = low + len(list(group)) - 1
            part = "" if high - low + 1 == len(data) else f"[{high}:{low}]"
            if bit not in ("0", "x"):
                value = self.bits(data[low : high + 1])
                yield f"if ({self.bits([bit])}{inside}) {name}[{where}]{part} <= {value};"
            low = high + 1


def _runs(
    bits: Iterable[Bit], source: Callable[[Bit], tuple[str, int, int]]
) -> Iterator[list[tuple[str, int, int]]]:
    """Split bits into runs of constants, of one net's bits in order, and of one bit repeated."""
    run: list[tuple[str, int, int]] = []
    for found in map(source, bits):
        if run and found[0] == run[0][0]:
            step = run[1][1] - run[0][1] if len(run) > 1 else found[1] - run[0][1]
            if not found[0] or (step in (0, 1) and found[1] == run[-1][1] + step):
                run.append(found)
                continue
        if run:
            yield run
        run = [found]
    if run:
        yield run


def _slice(name: str, low: int, count: int, width: int) -> str:
    if count == width:
        return name
    return f"{name}[{low}]" if count == 1 else f"{name}[{low + count - 1}:{low}]"


def _size(address: Sequence[Bit], size: int) -> str:
    return f"{max(len(address), size.bit_length())}'d{size}"


def _range(width: int) -> str:
    return f"[{width - 1}:0]" if width > 1 else ""


def _escaped(name: str) -> str:
    return f"\\{name} "
