"""Lowering to the few cells that engines know: plain flip-flops, and combinational words.

Resets, enables and loads become multiplexers before (and, if asynchronous, behind) a flip-flop,
exactly so in cycles: inputs change right after a clock edge, so that an asynchronous reset shows
in the cycle in which it is applied, and what the next edge takes is the reset value as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hw.contracts import ConfigError

from .netlist import Bit, Cell, Flop

__all__ = ["Lowered", "lower_cell", "lower_flop", "number"]

_FLOPS = (
    "$dff", "$dffe", "$adff", "$adffe", "$aldff", "$aldffe", "$dffsr", "$dffsre",
    "$sdff", "$sdffe", "$sdffce",
)  # fmt: skip
_KNOWN = (
    "$and", "$or", "$xor", "$xnor", "$not", "$pos", "$neg", "$add", "$sub", "$mul",
    "$lt", "$le", "$gt", "$ge", "$eq", "$ne", "$eqx", "$nex", "$mux", "$pmux",
    "$reduce_and", "$reduce_or", "$reduce_xor", "$reduce_xnor", "$reduce_bool",
    "$logic_not", "$logic_and", "$logic_or", "$shl", "$shr", "$sshl", "$sshr", "$shift", "$shiftx",
)  # fmt: skip
Word = tuple[Bit, ...]
Pins = Mapping[str, Word]


@dataclass
class Lowered:
    """Cells and flip-flops made so far; new nets are numbered from `free`."""

    free: int
    cells: list[Cell] = field(default_factory=list)
    flops: list[Flop] = field(default_factory=list)

    def word(self, width: int) -> Word:
        """Return new nets."""
        found = tuple(range(self.free, self.free + width))
        self.free += width
        return found

    def add(
        self,
        name: str,
        kind: str,
        source: str,
        output: Word,
        parameters: Mapping[str, int] | None = None,
        **inputs: Word,
    ) -> Word:
        """Add a cell, and return its output."""
        widths = {f"{pin}_WIDTH": len(bits) for pin, bits in inputs.items()}
        extra = {"Y_WIDTH": len(output), "A_SIGNED": 0, "B_SIGNED": 0, **(parameters or {})}
        known = {"WIDTH": len(output)} if kind == "$mux" else {**widths, **extra}
        self.cells.append(Cell(name, kind, inputs, output, known, source))
        return output

    def mux(
        self, name: str, source: str, select: Word, zero: Word, one: Word, output: Word = ()
    ) -> Word:
        """Return `one` where `select` is 1, else `zero`."""
        y = output or self.word(len(zero))
        return self.add(name, "$mux", source, y, A=zero, B=one, S=select)

    def less(self, name: str, word: Word, offset: int, source: str) -> Word:
        """Return a word, one bit wider, less a constant; below 0 it is very large."""
        width = len(word) + 1
        constant = tuple(str(offset >> at & 1) for at in range(width))
        name = f"{name}${len(self.cells)}"
        return self.add(name, "$sub", source, self.word(width), A=(*word, "0"), B=constant)

    def when(self, name: str, source: str, bit: Word, polarity: bool) -> Word:
        """Return a bit that is 1 where `bit` has `polarity`."""
        return bit if polarity else self.add(name, "$not", source, self.word(1), A=bit)


def lower_flop(
    made: Lowered, flop: Flop, kind: str, pins: Pins, parameters: Mapping[str, Any]
) -> None:
    """Add a plain flip-flop, named as `flop`, and the logic of its enable, resets and loads."""
    if kind not in _FLOPS:
        raise ConfigError(
            f"{_before(flop.source)}{flop.name}: a storage cell of type {kind} is not supported; "
            "write a flip-flop on the rising edge"
        )
    name, source = flop.name, flop.source

    def active(pin: str) -> Word:
        polarity = bool(number(parameters[f"{pin}_POLARITY"]))
        return made.when(f"{name}${pin.lower()}_n", source, pins[pin], polarity)

    late = kind in ("$adff", "$adffe", "$aldff", "$aldffe", "$dffsr", "$dffsre")
    q = made.word(len(flop.q)) if late else flop.q
    seen, d = flop.q, pins["D"]
    if "SRST" in pins and kind == "$sdffce":  # the enable gates the reset as well
        d = made.mux(f"{name}$srst", source, active("SRST"), d, _value(parameters, "SRST"))
    if "EN" in pins:
        d = made.mux(f"{name}$en", source, active("EN"), seen, d)
    if "SRST" in pins and kind != "$sdffce":
        d = made.mux(f"{name}$srst", source, active("SRST"), d, _value(parameters, "SRST"))
    if "ARST" in pins or "ALOAD" in pins:
        value = pins["AD"] if "ALOAD" in pins else _value(parameters, "ARST")
        if any(isinstance(bit, int) for bit in value):
            raise ConfigError(
                f"{_before(source)}{name}: an asynchronous load of a value that is no constant is "
                "not supported; load it with the clock"
            )
        select = active("ALOAD" if "ALOAD" in pins else "ARST")
        made.mux(f"{name}$arst", source, select, q, value, seen)
        d = made.mux(f"{name}$arst_d", source, select, d, value)
    if "SET" in pins:
        d = _set_and_clear(made, name, source, pins, parameters, q, d, seen)
    made.flops.append(Flop(name, d, q, flop.init, source))


def _set_and_clear(
    made: Lowered,
    name: str,
    source: str,
    pins: Pins,
    parameters: Mapping[str, Any],
    q: Word,
    d: Word,
    seen: Word,
) -> Word:
    """Add set and clear of each bit, of which clear wins; return what the next edge takes."""
    width = len(q)

    def bits(pin: str, wanted: bool) -> Word:
        if bool(number(parameters[f"{pin}_POLARITY"])) == wanted:
            return pins[pin]
        label = f"{name}${pin.lower()}_n"
        return made.add(label, "$not", source, made.word(width), A=pins[pin])

    ones, keep = bits("SET", True), bits("CLR", False)
    for label, value, output in (("q", q, seen), ("d", d, made.word(width))):
        either = made.add(f"{name}$set_{label}", "$or", source, made.word(width), A=value, B=ones)
        last = made.add(f"{name}$clr_{label}", "$and", source, output, A=either, B=keep)
    return last


def lower_cell(made: Lowered, cell: Cell) -> None:
    """Add a combinational cell; those of types that engines do not know as several others."""
    if cell.type in ("$shift", "$shiftx") and cell.parameters.get("B_SIGNED"):
        _shift(made, cell)
    elif cell.type == "$bmux":
        _select(made, cell)
    elif cell.type == "$bwmux":
        _bitwise(made, cell)
    elif cell.type == "$demux":
        _spread(made, cell)
    elif cell.type == "$buf":
        made.add(cell.name, "$pos", cell.source, cell.output, A=cell.inputs["A"])
    elif cell.type in _KNOWN:
        made.cells.append(cell)
    else:
        raise ConfigError(
            f"{_before(cell.source)}{cell.name}: cells of type {cell.type} are not supported; "
            "write it with operators that are"
        )


def _shift(made: Lowered, cell: Cell) -> None:
    """To the right by a signed distance: to the left where it is negative."""
    a, b, name, source = cell.inputs["A"], cell.inputs["B"], cell.name, cell.source
    width = max(len(a), len(cell.output))
    signed = {"A_SIGNED": 0 if cell.type == "$shiftx" else cell.parameters.get("A_SIGNED", 0)}
    back = made.add(f"{name}$neg", "$neg", source, made.word(len(b)), {"A_SIGNED": 1}, A=b)
    left = made.add(f"{name}$left", "$shl", source, made.word(width), signed, A=a, B=back)
    right = made.add(f"{name}$right", "$shr", source, made.word(width), signed, A=a, B=b)
    count = len(cell.output)
    made.mux(name, source, b[-1:], right[:count], left[:count], cell.output)


def _select(made: Lowered, cell: Cell) -> None:
    """One of several words by a binary number, halving stage by stage from its highest bit."""
    words, selects = cell.inputs["A"], cell.inputs["S"]
    if not selects:
        made.add(cell.name, "$pos", cell.source, cell.output, A=words)
    for stage in reversed(range(len(selects))):
        half = len(words) // 2
        output = () if stage else cell.output
        label = f"{cell.name}${stage}" if stage else cell.name
        words = made.mux(
            label, cell.source, selects[stage : stage + 1], words[:half], words[half:], output
        )


def _spread(made: Lowered, cell: Cell) -> None:
    """A word at one of several places by a binary number, doubling stage by stage."""
    words, width = cell.inputs["A"], len(cell.inputs["A"])
    selects = cell.inputs["S"]
    for stage in reversed(range(len(selects))):
        parts = [words[at : at + width] for at in range(0, len(words), width)]
        nothing: Word = ("0",) * width
        low = tuple(bit for part in parts for bit in (*part, *nothing))
        high = tuple(bit for part in parts for bit in (*nothing, *part))
        output, label = ((), f"{cell.name}${stage}") if stage else (cell.output, cell.name)
        words = made.mux(label, cell.source, selects[stage : stage + 1], low, high, output)


def _bitwise(made: Lowered, cell: Cell) -> None:
    """Each bit by a select bit of its own: a, except where it differs from b and b is chosen."""
    a, b, s = (cell.inputs[pin] for pin in "ABS")
    name, source, width = cell.name, cell.source, len(cell.output)
    apart = made.add(f"{name}$apart", "$xor", source, made.word(width), A=a, B=b)
    chosen = made.add(f"{name}$chosen", "$and", source, made.word(width), A=apart, B=s)
    made.add(name, "$xor", source, cell.output, A=a, B=chosen)


def _value(parameters: Mapping[str, Any], pin: str) -> Word:
    """Return a reset value, lowest bit first."""
    text: Sequence[str] = str(parameters[f"{pin}_VALUE"])
    return tuple(reversed(text))


def number(value: Any) -> int:
    """Return a parameter of Yosys' JSON as a number; unknown bits are 0."""
    if isinstance(value, str):
        return int(value.replace("x", "0") or "0", 2)
    return int(value)


def _before(source: str) -> str:
    return f"{source}: " if source else ""
