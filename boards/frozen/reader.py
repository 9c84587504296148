"""Reading a frozen netlist from the JSON that Yosys writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hw.contracts import ConfigError

from .labels import labelled
from .lower import Lowered, lower_cell, lower_flop, number
from .names import Names
from .netlist import Bit, Cell, Flop, Frozen, MemoryCell, Port
from .order import ordered

__all__ = ["read_frozen"]

_IGNORED = ("$scopeinfo", "$print", "$check", "$assert", "$assume", "$cover", "$live", "$fair")
_LATCHES = ("$dlatch", "$adlatch", "$dlatchsr", "$sr")
_UNKNOWN = ("$anyconst", "$anyseq", "$allconst", "$allseq", "$initstate")

Clocks = dict[Bit, tuple[str, str]]
"""Each clock net, with the name and source of something on it."""


def read_frozen(netlist: Mapping[str, Any], top: str) -> Frozen:
    """Return the design in a netlist that Yosys wrote.

    Raises
    ------
    ConfigError
        What has no place in a design of one clock, two values and no loops: latches, further
        clocks, tristate drivers, nets of several drivers. Says where in the source.
    """
    module = netlist["modules"][top]
    found = _Reading(module)
    for name, cell in module["cells"].items():
        if cell["type"] not in _IGNORED:
            found.read(name, cell)
    ports = tuple(
        Port(name, _is_input(name, port, found.names), tuple(port["bits"]))
        for name, port in module["ports"].items()
    )
    clock = _clock(ports, found.clocks)
    made = found.made
    frozen = Frozen(top, clock, ports, tuple(made.cells), tuple(made.flops), tuple(found.memories))
    return labelled(ordered(_driven(frozen, found.names)), found.names)


@dataclass
class _Reading:
    """What was found so far."""

    module: Mapping[str, Any]
    memories: list[MemoryCell] = field(default_factory=list)
    clocks: Clocks = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = Names(self.module)
        self.made = Lowered(self.names.first_free)

    def read(self, name: str, cell: Mapping[str, Any]) -> None:
        kind, pins = cell["type"], {k: tuple(v) for k, v in cell["connections"].items()}
        source = self.names.place(cell)
        if any(bit == "z" for bits in pins.values() for bit in bits) or kind == "$tribuf":
            _refuse(source, name, "a tristate driver", "drive it with 0 and 1 by a multiplexer")
        if kind == "$mem_v2":
            self._memory(name, cell, pins, source)
        elif kind in _LATCHES:
            label = self.names.of(name, pins["Q"])
            _refuse(source, label, "a latch", "assign it in every branch, or clock it")
        elif kind in _UNKNOWN or kind == "$ff":
            _refuse(source, name, f"{kind}, a source of unknown values,", "leave it out")
        elif "Q" in pins and kind.startswith("$"):
            self._flop(name, cell, pins, source)
        elif "Y" in pins and kind.startswith("$"):
            parameters = {k: number(v) for k, v in cell["parameters"].items() if _is_number(v)}
            inputs = {pin: bits for pin, bits in pins.items() if pin != "Y"}
            lower_cell(self.made, Cell(name, kind, inputs, pins["Y"], parameters, source))
        else:
            what = f"{kind.removeprefix(chr(92))}, of which only the ports are known,"
            _refuse(source, name, what, "give the Verilog of that module as well")

    def _flop(
        self, name: str, cell: Mapping[str, Any], pins: Mapping[str, tuple[Bit, ...]], source: str
    ) -> None:
        label = self.names.of(name, pins["Q"])
        parameters = cell["parameters"]
        if not number(parameters["CLK_POLARITY"]):
            _refuse(source, label, "a flip-flop on the falling edge", "use the rising edge")
        self.clocks.setdefault(pins["CLK"][0], (label, source))
        flop = Flop(label, (), pins["Q"], self.names.initial(pins["Q"]), source)
        lower_flop(self.made, flop, cell["type"], pins, parameters)

    def _memory(
        self, name: str, cell: Mapping[str, Any], pins: Mapping[str, tuple[Bit, ...]], source: str
    ) -> None:
        raw = cell["parameters"]
        width, size, bits = (number(raw[key]) for key in ("WIDTH", "SIZE", "ABITS"))
        label = str(raw["MEMID"]).lstrip("\\")
        readers, writers = number(raw["RD_PORTS"]), number(raw["WR_PORTS"])
        for at in range(writers):
            if _flag(raw["WR_CLK_ENABLE"], at) != 1 or _flag(raw["WR_CLK_POLARITY"], at) != 1:
                _refuse(source, label, "a memory written without a rising edge", "clock its writes")
            self.clocks.setdefault(pins["WR_CLK"][at], (label, source))

        def part(pin: str, index: int, wide: int) -> tuple[Bit, ...]:
            return pins[pin][index * wide : (index + 1) * wide]

        def address(pin: str, index: int) -> tuple[Bit, ...]:
            offset, found = number(raw["OFFSET"]), part(pin, index, bits)
            return self.made.less(f"{label}$offset", found, offset, source) if offset else found

        self.memories.append(
            MemoryCell(
                name=label,
                width=width,
                size=size,
                reads=tuple(
                    (address("RD_ADDR", at), part("RD_DATA", at, width)) for at in range(readers)
                ),
                writes=tuple(
                    (address("WR_ADDR", at), part("WR_DATA", at, width), part("WR_EN", at, width))
                    for at in range(writers)
                ),
                init=_words(str(raw.get("INIT", "")), width, size),
                source=source,
                loose=bool(number(cell["attributes"].get("no_rw_check", 0))),
            )
        )


def _words(init: str, width: int, size: int) -> tuple[int, ...]:
    """Return the words of a memory; unknown bits are 0."""
    known = init.replace("x", "0")
    ends = range(len(known), len(known) - width * size, -width)
    return tuple(int(known[max(0, end - width) : max(0, end)] or "0", 2) for end in ends)


def _is_input(name: str, port: Mapping[str, Any], names: Names) -> bool:
    if port["direction"] == "inout":
        _refuse(names.place_of(name), name, "an inout port", "split it into an input and an output")
    return bool(port["direction"] == "input")


def _clock(ports: Iterable[Port], clocks: Clocks) -> str:
    owner = {bit: port for port in ports if port.is_input for bit in port.bits}
    listed = []
    for bit, (label, source) in clocks.items():
        port = owner.get(bit)
        what = repr(port.name) if port else "a clock made inside the design"
        listed.append(f"{what} of {label}{_at(source)}")
    if len(clocks) > 1:
        raise ConfigError(
            f"the design has {len(clocks)} clocks: {'; '.join(listed)}; only one is supported: "
            "give the part of one clock as top"
        )
    for bit, (label, source) in clocks.items():
        port = owner.get(bit)
        if port is None or len(port.bits) != 1:
            raise ConfigError(
                f"{_before(source)}{label} has no clock from an input port of one bit (a gated or "
                "divided clock, say); turn the gate into an enable"
            )
        return port.name
    return ""


def _driven(frozen: Frozen, names: Names) -> Frozen:
    """Return the netlist with unknown values in place of nets that nothing drives."""
    drivers: dict[Bit, str] = {}
    for label, source, bits in _outputs(frozen):
        for bit in bits:
            if isinstance(bit, str) or bit in drivers:
                other = drivers.get(bit, f"the constant {bit}")
                _refuse(source, label, f"a net with a second driver, {other},", "leave one driver")
            drivers[bit] = f"{label}{_at(source)}"
    clock = next((port.bits[0] for port in frozen.inputs_and_clock if port.name == frozen.clock), 0)

    def known(bits: tuple[Bit, ...], user: str, source: str) -> tuple[Bit, ...]:
        if frozen.clock and clock in bits:
            _refuse(source, user, "logic that reads the clock", "use an enable instead")
        return tuple(bit if isinstance(bit, str) or bit in drivers else "x" for bit in bits)

    cells = tuple(
        Cell(
            c.name, c.type, {p: known(b, c.name, c.source) for p, b in c.inputs.items()},
            c.output, c.parameters, c.source,
        )
        for c in frozen.cells
    )  # fmt: skip
    flops = tuple(
        Flop(f.name, known(f.d, f.name, f.source), f.q, f.init, f.source) for f in frozen.flops
    )
    memories = tuple(
        MemoryCell(
            m.name, m.width, m.size,
            tuple((known(a, m.name, m.source), d) for a, d in m.reads),
            tuple(
                (known(a, m.name, m.source), known(d, m.name, m.source), known(e, m.name, m.source))
                for a, d, e in m.writes
            ),
            m.init, m.source, m.loose,
        )
        for m in frozen.memories
    )  # fmt: skip
    ports = tuple(
        p if p.is_input else Port(p.name, False, known(p.bits, p.name, names.place_of(p.name)))
        for p in frozen.ports
    )
    return Frozen(frozen.top, frozen.clock, ports, cells, flops, memories)


def _outputs(frozen: Frozen) -> Iterable[tuple[str, str, tuple[Bit, ...]]]:
    """Yield everything that drives nets, with its source."""
    for port in frozen.inputs_and_clock:
        yield port.name, "", port.bits
    for cell in frozen.cells:
        yield cell.name, cell.source, cell.output
    for flop in frozen.flops:
        yield flop.name, flop.source, flop.q
    for memory in frozen.memories:
        for _, data in memory.reads:
            yield memory.name, memory.source, data


def _flag(text: Any, at: int) -> int:
    return number(text) >> at & 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or (
        isinstance(value, str) and set(value) <= {"0", "1"} and value != ""
    )


def _at(source: str) -> str:
    return f" ({source})" if source else ""


def _before(source: str) -> str:
    return f"{source}: " if source else ""


def _refuse(source: str, name: str, what: str, remedy: str) -> None:
    raise ConfigError(f"{_before(source)}{name}: {what} is not supported; {remedy}")
