"""Mapped netlists as Yosys writes them in JSON, hierarchical, one pin per bit.

Modules are kept apart and counted, never flattened: a module of which 4,096 copies exist is read,
timed and weighed once.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hw.contracts import KilnError

__all__ = ["Bit", "Instance", "Module", "Netlist", "read_netlist"]

Bit = int | str
"""A net of a module, or a constant: ``"0"``, ``"1"``, ``"x"``, ``"z"``."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A cell or a module inside a module; a pin wider than one bit is one pin per bit, ``P[3]``."""

    name: str
    type: str
    pins: Mapping[str, Bit]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def number(self, parameter: str) -> int:
        """Return an integer parameter, which Yosys writes as a string of binary digits."""
        value = self.parameters[parameter]
        return int(value, 2) if isinstance(value, str) else int(value)


@dataclass(frozen=True)
class Module:
    """One module: ports and instances, and the names of its nets."""

    name: str
    inputs: Mapping[str, Bit]
    outputs: Mapping[str, Bit]
    instances: tuple[Instance, ...]
    names: Mapping[Bit, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def counts(self) -> Counter[str]:
        """How many instances of each type the module itself holds."""
        return Counter(instance.type for instance in self.instances)


@dataclass(frozen=True)
class Netlist:
    """Modules by name, and which of them is the top."""

    modules: Mapping[str, Module]
    top: str
    digest: str = ""

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Modules in use, children before their parents."""
        done: dict[str, None] = {}

        def visit(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise KilnError(f"netlist: module {name!r} contains itself; export the design anew")
            if name not in done:
                for child in sorted(self.modules[name].counts):
                    if child in self.modules:
                        visit(child, (*above, name))
                done[name] = None

        visit(self.top, ())
        return tuple(done)

    @cached_property
    def module_counts(self) -> Counter[str]:
        """How often each module exists in the whole design; the top once."""
        counts: Counter[str] = Counter({self.top: 1})
        for name in reversed(self.order):
            for child, number in self.modules[name].counts.items():
                if child in self.modules:
                    counts[child] += number * counts[name]
        return counts

    @cached_property
    def cell_counts(self) -> Counter[str]:
        """How often each cell that is not a module exists in the whole design."""
        counts: Counter[str] = Counter()
        for name, copies in self.module_counts.items():
            for cell, number in self.modules[name].counts.items():
                if cell not in self.modules:
                    counts[cell] += number * copies
        return counts


def read_netlist(source: str | Path | Mapping[str, Any], top: str | None = None) -> Netlist:
    """Return the netlist in Yosys's JSON: a path, the text, or the parsed object.

    Parameters
    ----------
    source : str, Path or mapping
        What ``write_json`` wrote.
    top : str, optional
        Name of the top module. Default: the one marked so, else the one nobody instantiates.

    Raises
    ------
    KilnError
        Not such a netlist, or no such top.
    """
    if isinstance(source, Mapping):
        data, digest = source, ""
    else:
        text = _read(source)
        digest = hashlib.sha256(text.encode()).hexdigest()
        data = _parse(text)
    try:
        # Synthesis for an FPGA leaves the models of its cells in the file.
        found = {n: m for n, m in data["modules"].items() if not _is_cell(m)}
        modules = {name: _module(name, module) for name, module in found.items()}
        name = top or _find_top(found)
    except (KeyError, TypeError, AttributeError) as error:
        raise KilnError(
            f"netlist: {error} is missing or ill-formed; write it with Yosys's write_json"
        ) from error
    if name not in modules:
        raise KilnError(f"netlist: it has no module {name!r}; name one of {sorted(modules)}")
    return Netlist(modules, name, digest)


def _read(source: str | Path) -> str:
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return source
    try:
        return Path(source).read_text(encoding="utf-8")
    except OSError as error:
        raise KilnError(
            f"netlist {str(source)!r} cannot be read ({error}); synthesise again"
        ) from error


def _parse(text: str) -> Mapping[str, Any]:
    try:
        data: Mapping[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise KilnError(f"netlist: not JSON ({error}); write it with Yosys's write_json") from error
    return data


def _is_cell(data: Mapping[str, Any]) -> bool:
    attributes = data.get("attributes", {})
    return "blackbox" in attributes or "whitebox" in attributes


def _module(name: str, data: Mapping[str, Any]) -> Module:
    ports: dict[str, dict[str, Bit]] = {"input": {}, "output": {}, "inout": {}}
    for port, about in data["ports"].items():
        ports[about["direction"]].update(_spread(port, about["bits"]))
    names: dict[Bit, tuple[str, ...]] = {}
    for net, about in data.get("netnames", {}).items():
        if not about.get("hide_name"):
            for bit in about["bits"]:
                names[bit] = (*names.get(bit, ()), net)
    instances = (_instance(key, cell) for key, cell in data["cells"].items())
    found = tuple(cell for cell in instances if cell.type != "$scopeinfo")
    return Module(name, ports["input"], ports["output"], found, names)


def _instance(name: str, cell: Mapping[str, Any]) -> Instance:
    pins = {
        pin: bit for port, bits in cell["connections"].items() for pin, bit in _spread(port, bits)
    }
    return Instance(name, cell["type"], pins, cell.get("parameters", {}))


def _spread(port: str, bits: list[Bit]) -> Iterator[tuple[str, Bit]]:
    if len(bits) == 1:
        yield port, bits[0]
    else:
        yield from ((f"{port}[{i}]", bit) for i, bit in enumerate(bits))


def _find_top(modules: Mapping[str, Any]) -> str:
    marked = [n for n, m in modules.items() if int(str(m.get("attributes", {}).get("top", "0")), 2)]
    inside = {cell["type"] for m in modules.values() for cell in m["cells"].values()}
    roots = marked or [name for name in modules if name not in inside]
    if len(roots) != 1:
        raise KilnError(f"netlist: the top may be any of {sorted(roots)}; name it with top=")
    return roots[0]
