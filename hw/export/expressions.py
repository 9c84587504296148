"""Verilog expressions of a netlist, with intermediate results written in place where possible."""

from __future__ import annotations

from itertools import groupby

from .names import Names
from .netlist import Netlist
from .operations import Operation
from .rtlil import Chunk, Sig
from .signals import width_of

__all__ = ["Expressions", "constant"]

_LONGEST = 60  # characters of an operand; what is longer becomes a wire of its own


def constant(value: int, width: int) -> str:
    """Return a sized constant: decimal where that is short, else hexadecimal."""
    if width == 1 or value < 1024:
        return f"{width}'d{value}" if width > 1 else f"1'b{value}"
    return f"{width}'h{value:x}"


class Expressions:
    """Renders signals; names each intermediate result at its first use.

    Members
    -------
    assigned : dict of str to str
        Wires that need a continuous assignment, with its right-hand side.
    parts : dict of str to Chunk
        Named fields that are used, and what they are part of.
    padded : dict of str to (int, str)
        Extra vectors for indexed part selects: width and right-hand side.
    pending : list of str
        Intermediate results that were named and whose right-hand side is still to be written.
    """

    def __init__(self, netlist: Netlist, names: Names) -> None:
        self._netlist = netlist
        self._names = names
        self._inlined: dict[str, str] = {}
        self.assigned: dict[str, str] = {}
        self.parts: dict[str, Chunk] = {}
        self.padded: dict[str, tuple[int, str]] = {}
        self.pending: list[str] = []

    def sig(self, sig: Sig, *, operand: bool = False) -> str:
        """Return the text of `sig`; as an `operand`, in parentheses if it needs them."""
        sig = self._netlist.resolve(sig)
        if len(sig) == 1:
            return self._chunk(sig[0], operand=operand)
        pieces: list[str] = []
        for chunk, group in groupby(reversed(sig)):
            count = len(list(group))
            text = self._chunk(chunk)
            pieces.append(text if count == 1 else f"{{{count}{{{text}}}}}")
        if len(pieces) == 1 and pieces[0].startswith("{"):
            return pieces[0]
        return f"{{{', '.join(pieces)}}}"

    def name(self, wire: str) -> str:
        """Return the identifier of `wire`; the first use of an intermediate result names it."""
        if wire not in self._names.of:
            operation = self._netlist.operations.get(wire)
            noun = operation.noun if operation else "next"
            self._names.of[wire] = self._names.numbered(noun)
            if operation and wire not in self.assigned:
                self.pending.append(wire)
        return self._names.of[wire]

    def operation(self, operation: Operation) -> str:
        """Return the text of an operator with its operands."""
        if operation.form == "select":
            return self._select(operation)
        args = [self.sig(arg, operand=True) for arg in operation.args]
        if operation.form == "unary":
            return operation.symbol + args[0]
        if operation.form == "mux":
            return f"{args[0]} ? {args[1]} : {args[2]}"
        if operation.symbol == "*" and not operation.signed:
            # The only operands narrower than their context, which would widen what is inside.
            args = [f"{{{arg[1:-1]}}}" if arg.startswith("(") else arg for arg in args]
        if operation.signed:
            args[0] = f"$signed({args[0]})"
            if operation.symbol != ">>>":
                args[1] = f"$signed({args[1]})"
        return f"{args[0]} {operation.symbol} {args[1]}"

    def _select(self, operation: Operation) -> str:
        """Return ``vector[offset +: width]``; what is no vector becomes one."""
        vector, offset = operation.args
        whole = len(vector) == 1 and self._is_whole(vector[0])
        if whole and not self._can_inline(vector[0].wire):
            base = self.name(vector[0].wire)
        else:
            base = self._names.numbered("vector")
            self.padded[base] = width_of(vector), self.sig(vector)
        if operation.width == 1:
            return f"{base}[{self.sig(offset)}]"
        return f"{base}[{self.sig(offset)} +: {operation.width}]"

    def _is_whole(self, chunk: Chunk) -> bool:
        return bool(chunk.wire) and (chunk.low, chunk.width) == (0, self.width(chunk.wire))

    def width(self, wire: str) -> int:
        """Return the width with which `wire` is declared."""
        if self._netlist.module.wires[wire].port or wire in self._netlist.instance_outputs:
            return self._netlist.module.wires[wire].width
        return self._netlist.need[wire]

    def _chunk(self, chunk: Chunk, *, operand: bool = False) -> str:
        if not chunk.wire:
            return constant(chunk.low, chunk.width)
        if self._is_whole(chunk):
            text = self._inline(chunk.wire)
            if text is not None:
                return f"({text})" if operand else text
            return self.name(chunk.wire)
        if chunk in self._names.parts:
            return self._part(chunk)
        high = chunk.low + chunk.width - 1
        bits = f"{chunk.low}" if chunk.width == 1 else f"{high}:{chunk.low}"
        return f"{self.name(chunk.wire)}[{bits}]"

    def _part(self, chunk: Chunk) -> str:
        name = self._names.parts[chunk]
        if self.parts.get(name) != chunk:
            name = self._names.new(name)
            self._names.parts[chunk] = name
            self.parts[name] = chunk
        return name

    def _can_inline(self, wire: str) -> bool:
        operation = self._netlist.operations.get(wire)
        return (
            operation is not None
            and wire.startswith("$")
            and operation.is_inlinable
            and self._netlist.uses[wire] == 1
        )

    def _inline(self, wire: str) -> str | None:
        """Return the text of an intermediate result that can stand where it is used."""
        if not self._can_inline(wire) or wire in self._names.of:
            return None
        text = self.operation(self._netlist.operations[wire])
        if len(text) > _LONGEST:
            self.assigned[wire] = text
            return None
        return text
