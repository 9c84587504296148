"""Reading a frozen netlist from the JSON that Yosys writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hw.contracts import ConfigError

from .netlist import Bit, Cell, Flop, Frozen, MemoryCell, Port

__all__ = ["read_frozen"]

_IGNORED = ("$scopeinfo", "$print", "$check", "$assert", "$assume", "$cover")


def read_frozen(netlist: Mapping[str, Any], top: str) -> Frozen:
    """Return the design in a netlist that Yosys wrote."""
    module = netlist["modules"][top]
    names, inits = _names(module)
    cells: list[Cell] = []
    flops: list[Flop] = []
    memories: list[MemoryCell] = []
    clocks: set[Bit] = set()
    for name, cell in module["cells"].items():
        kind, pins = cell["type"], {k: tuple(v) for k, v in cell["connections"].items()}
        parameters = {k: _number(v) for k, v in cell["parameters"].items() if _is_number(v)}
        if kind in _IGNORED:
            continue
        if kind == "$dff":
            _require(bool(parameters["CLK_POLARITY"]), name, "a flip-flop on the falling edge")
            clocks.add(pins["CLK"][0])
            label = names.get(pins["Q"], name)
            flops.append(Flop(label, pins["D"], pins["Q"], _initial(pins["Q"], inits)))
        elif kind == "$mem_v2":
            memories.append(_memory(name, parameters, cell["parameters"], pins, clocks))
        elif "Y" in pins:
            inputs = {pin: bits for pin, bits in pins.items() if pin != "Y"}
            cells.append(Cell(name, kind, inputs, pins["Y"], parameters))
        else:
            _require(False, name, f"a cell of type {kind}")
    ports = tuple(
        Port(name, port["direction"] == "input", tuple(port["bits"]))
        for name, port in module["ports"].items()
    )
    return Frozen(top, _clock(ports, clocks), ports, tuple(cells), tuple(flops), tuple(memories))


def _names(module: Mapping[str, Any]) -> tuple[dict[tuple[Bit, ...], str], dict[Bit, str]]:
    """Return the shortest public name of each word, and the initial value of each bit."""
    names: dict[tuple[Bit, ...], str] = {}
    inits: dict[Bit, str] = {}
    for name, net in module["netnames"].items():
        bits = tuple(net["bits"])
        if not net["hide_name"] and len(name) < len(names.get(bits, name + "x")):
            names[bits] = name
        if "init" in net["attributes"]:
            value = net["attributes"]["init"]
            inits |= dict(zip(bits, reversed(value), strict=False))
    return names, inits


def _initial(q: Iterable[Bit], inits: Mapping[Bit, str]) -> int:
    return sum((inits.get(bit) == "1") << at for at, bit in enumerate(q))


def _memory(
    name: str,
    parameters: Mapping[str, int],
    raw: Mapping[str, Any],
    pins: Mapping[str, tuple[Bit, ...]],
    clocks: set[Bit],
) -> MemoryCell:
    width, size, bits = (parameters[key] for key in ("WIDTH", "SIZE", "ABITS"))
    _require(not parameters["RD_CLK_ENABLE"], name, "a memory that reads with the clock")
    _require(not parameters["OFFSET"], name, "a memory that does not begin at 0")
    count, writers = parameters["RD_PORTS"], parameters["WR_PORTS"]
    enabled = parameters["WR_CLK_ENABLE"] == (1 << writers) - 1
    _require(enabled or not writers, name, "a memory that writes without a clock")
    clocks |= set(pins["WR_CLK"][:writers])

    def part(pin: str, index: int, wide: int) -> tuple[Bit, ...]:
        return pins[pin][index * wide : (index + 1) * wide]

    init = str(raw.get("INIT", ""))
    words = [
        init[max(0, len(init) - (at + 1) * width) : len(init) - at * width] for at in range(size)
    ]
    return MemoryCell(
        name=str(raw["MEMID"]).lstrip("\\"),
        width=width,
        size=size,
        reads=tuple((part("RD_ADDR", i, bits), part("RD_DATA", i, width)) for i in range(count)),
        writes=tuple(
            (part("WR_ADDR", i, bits), part("WR_DATA", i, width), part("WR_EN", i, width))
            for i in range(writers)
        ),
        init=tuple(int(word.replace("x", "0") or "0", 2) for word in words),
    )


def _clock(ports: Iterable[Port], clocks: set[Bit]) -> str:
    found = [p.name for p in ports if p.is_input and set(p.bits) & clocks]
    if len(clocks) > 1 or len(found) != len(clocks):
        raise ConfigError(
            f"the design has {len(clocks)} clocks ({', '.join(found) or 'none is an input'}); "
            "only one, from an input port, is supported"
        )
    return found[0] if found else ""


def _number(value: Any) -> int:
    return int(value, 2) if isinstance(value, str) else int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or (
        isinstance(value, str) and set(value) <= {"0", "1"} and value != ""
    )


def _require(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise ConfigError(f"{name}: {what} is not supported; leave it out of the campaign's design")
