"""The part of Yosys' RTLIL text that Amaranth writes, read into plain objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

__all__ = [
    "Assign",
    "Case",
    "Cell",
    "Chunk",
    "Memory",
    "Process",
    "RtlilModule",
    "Sig",
    "Statement",
    "Switch",
    "Wire",
    "all_sigs",
    "parse",
]


class Chunk(NamedTuple):
    """`width` bits of `wire` from bit `low`; or, where `wire` is empty, the constant `low`."""

    wire: str
    low: int
    width: int


Sig: TypeAlias = tuple[Chunk, ...]  # least significant chunk first


@dataclass(slots=True)
class Wire:
    """A net with a name; `port` is "input", "output" or empty."""

    name: str
    width: int
    port: str = ""
    init: int | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """An array of `depth` words of `width` bits."""

    name: str
    width: int
    depth: int
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Cell:
    """An operator (its `kind` begins with ``$``) or an instance of a module."""

    kind: str
    name: str
    parameters: dict[str, str] = field(default_factory=dict)
    ports: dict[str, Sig] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)  # ports connected to a wire named without a range

    def number(self, parameter: str) -> int:
        """Return an integer parameter, written in decimal or as ``width'bits``."""
        text = self.parameters[parameter]
        return int(text.split("'")[1].replace("x", "0") or "0", 2) if "'" in text else int(text)


@dataclass(slots=True)
class Assign:
    """`target` takes `value`."""

    target: Sig
    value: Sig


@dataclass(slots=True)
class Switch:
    """The body of the first case one of whose patterns fits `test`; no patterns fit always."""

    test: Sig
    cases: list[Case] = field(default_factory=list)


Statement: TypeAlias = Assign | Switch
Case: TypeAlias = tuple[tuple[str, ...], list[Statement]]  # patterns and body


@dataclass(slots=True)
class Process:
    """Statements that together drive one wire; a later one overrides an earlier one."""

    body: list[Statement] = field(default_factory=list)

    @property
    def target(self) -> str:
        """The wire that it drives: Amaranth begins each process with a default for all of it."""
        first = self.body[0]
        assert isinstance(first, Assign)
        return first.target[0].wire


@dataclass(slots=True)
class RtlilModule:
    """One module, everything in the order of the text."""

    name: str
    wires: dict[str, Wire] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    connects: list[tuple[str, Sig]] = field(default_factory=list)


def all_sigs(module: RtlilModule) -> Iterator[Sig]:
    """Return every signal that occurs in `module`, read or driven."""
    for cell in module.cells:
        yield from cell.ports.values()
    for process in module.processes:
        yield from _statement_sigs(process.body)
    yield from (sig for _target, sig in module.connects)


def _statement_sigs(body: list[Statement]) -> Iterator[Sig]:
    for statement in body:
        if isinstance(statement, Assign):
            yield statement.value
        else:
            yield statement.test
            for _patterns, inner in statement.cases:
                yield from _statement_sigs(inner)


_TOKEN = re.compile(r"(\d+)'([01xz-]*)|\[(\d+)(?::(\d+))?\]|(\S+)")


class _Reader:
    """Reads one design line by line."""

    def __init__(self, text: str) -> None:
        self._lines: Iterator[list[str]] = (
            words for line in text.splitlines() if (words := line.split(None, 1))
        )
        self._widths: dict[str, int] = {}

    def design(self) -> list[RtlilModule]:
        modules = []
        for words in self._lines:
            if words[0] == "module":
                modules.append(self._module(RtlilModule(words[1][1:])))
        return modules

    def _module(self, module: RtlilModule) -> RtlilModule:
        attributes: dict[str, str] = {}
        self._widths = {}
        for words in self._lines:
            match words:
                case ["end"]:
                    break
                case ["attribute", rest]:
                    name, value = rest.split(None, 1)
                    attributes[name[1:]] = value
                    continue
                case ["wire", rest]:
                    wire = _wire(rest, attributes)
                    module.wires[wire.name] = wire
                    self._widths[wire.name] = wire.width
                case ["memory", rest]:
                    _width, width, _size, depth, name = rest.split()
                    module.memories[name] = Memory(name, int(width), int(depth), attributes)
                case ["cell", rest]:
                    module.cells.append(self._cell(*rest.split()))
                case ["process", _name]:
                    module.processes.append(Process(self._body()))
                case ["connect", rest]:
                    target, value = rest.split(None, 1)
                    module.connects.append((target, self._sig(value)))
            attributes = {}
        return module

    def _cell(self, kind: str, name: str) -> Cell:
        cell = Cell(kind, name)
        for words in self._lines:
            if words[0] == "end":
                break
            port, value = words[1].removeprefix("signed ").split(None, 1)
            if words[0] == "parameter":
                cell.parameters[port[1:]] = value.strip()
            else:
                name = port.removeprefix("\\")
                cell.ports[name] = self._sig(value)
                if value[0] in "\\$" and " " not in value:
                    cell.bare.add(name)
        return cell

    def _body(self) -> list[Statement]:
        body: list[Statement] = []
        for words in self._lines:
            if words[0] == "end":
                break
            if words[0] == "assign":
                body.append(self._assign(words[1]))
            else:
                body.append(self._switch(words[1]))
        return body

    def _assign(self, text: str) -> Assign:
        target, value = _split_sigs(text)
        return Assign(self._sig(target), self._sig(value))

    def _switch(self, text: str) -> Switch:
        switch = Switch(self._sig(text))
        body: list[Statement] = []
        for words in self._lines:
            if words[0] == "end":
                break
            if words[0] == "case":
                patterns = words[1].split(",") if len(words) > 1 else []
                body = []
                switch.cases.append((tuple(p.strip().split("'")[1] for p in patterns), body))
            elif words[0] == "assign":
                body.append(self._assign(words[1]))
            else:
                body.append(self._switch(words[1]))
        return switch

    def _sig(self, text: str) -> Sig:
        """Read ``{ high ... low }``, ``\\name [7:0]`` or a constant."""
        chunks: list[Chunk] = []
        for size, bits, high, low, word in _TOKEN.findall(text):
            if size:
                chunks.append(Chunk("", int(bits.replace("x", "0") or "0", 2), int(size)))
            elif high:
                bottom = int(low or high)
                chunks[-1] = Chunk(chunks[-1].wire, bottom, int(high) - bottom + 1)
            elif word not in "{}":
                chunks.append(Chunk(word, 0, self._widths[word]))
        return tuple(chunk for chunk in reversed(chunks) if chunk.width)


def _wire(text: str, attributes: dict[str, str]) -> Wire:
    words = text.split()
    port = next((word for word in words[2:-1] if word in ("input", "output")), "")
    init = attributes.pop("init", None)
    attributes = {name: v for name, v in attributes.items() if not name.startswith("enum_")}
    value = None if init is None else int(init.split("'")[1].replace("x", "0") or "0", 2)
    return Wire(words[-1], int(words[1]), port, value, attributes)


def _split_sigs(text: str) -> tuple[str, str]:
    """Split the two sides of an assignment."""
    if text.startswith("{"):
        end = text.index(" }") + 2
        return text[:end], text[end:]
    match = re.match(r"\S+( \[[\d:]+\])?", text)
    assert match is not None
    return text[: match.end()], text[match.end() :]


def parse(text: str) -> list[RtlilModule]:
    """Return the modules of RTLIL `text` in their order."""
    return _Reader(text).design()
