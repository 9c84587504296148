"""A mapped netlist beside the frozen one that it was made of: flip-flops found one by one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from boards.frozen import Bit, Cell, Flop, Frozen, MemoryCell
from boards.liberty import Library
from boards.netlist import Instance, Module, read_netlist
from hw.contracts import ConfigError

__all__ = ["Gates", "match_gates"]

_MEMORY = "$mem_v2"
_SHOWN = 6


@dataclass(frozen=True)
class Gates:
    """A mapped netlist in the form of a frozen one.

    Members
    -------
    netlist : Frozen
        A cell for each output of each library cell, its type theirs (``type/Y`` where a cell has
        several); flip-flops as in the frozen netlist, then a word for each row of memories that
        became flip-flops.
    source : Frozen
        The netlist that was mapped.
    library : Library
        Whose cells they are.
    memories : tuple of int
        For each memory of `source`: its index in `netlist`, or less than 0 if it became
        flip-flops, the index of the first row's word being ``-1 - memory``.
    """

    netlist: Frozen
    source: Frozen
    library: Library
    memories: tuple[int, ...]

    @property
    def outputs(self) -> dict[str, str]:
        """Output pin of each combinational cell that has one."""
        cells = self.library.cells.values()
        return {c.name: c.outputs[0].name for c in cells if len(c.outputs) == 1}


def match_gates(
    source: Frozen, mapped: str | bytes, library: Library, *, top: str = "", numbered: bool = False
) -> Gates:
    """Return a mapped netlist as `Gates`, after a check of its flip-flops.

    Parameters
    ----------
    source : Frozen
        The netlist that it was made of.
    mapped : str or bytes
        Flat, of cells of `library`, and memories, as Yosys' ``write_json`` writes it. Nets at
        flip-flops are called as those of `source`; initial values are not looked at, since those
        of `source` count.
    top : str
        The module; by default that of `source`.
    numbered : bool
        Whether names are those of `boards.frozen.write_verilog` with `numbered`.

    Raises
    ------
    ConfigError
        Bits of flip-flop words without a flip-flop of their own (merged, removed, recoded or
        inverted), flip-flops that belong to none, or something else than cells and memories.
    """
    return _Matching(source, json.loads(mapped), library, top or source.top, numbered).gates()


class _Matching:
    def __init__(
        self, source: Frozen, data: Mapping[str, Any], library: Library, top: str, numbered: bool
    ) -> None:
        self.source, self.library, self.numbered = source, library, numbered
        mapped = read_netlist(data, top)
        if len(mapped.order) > 1:
            raise ConfigError(f"the netlist of {top!r} has modules in it; flatten it first")
        self.module: Module = mapped.modules[top]
        self.words: dict[str, tuple[Bit, ...]] = {
            name: tuple(net["bits"]) for name, net in data["modules"][top]["netnames"].items()
        }
        self.flop_at: dict[Bit, Instance] = {}
        for instance in self.module.instances:
            cell = library.cells.get(instance.type)
            if cell is not None and cell.sequential is not None:
                self.flop_at |= {
                    instance.pins[pin.name]: instance
                    for pin in cell.outputs
                    if pin.function == cell.sequential.state and pin.name in instance.pins
                }

    def gates(self) -> Gates:
        kept = [i for i in self.module.instances if i.type == _MEMORY]
        flops = list(self._flops())
        memories, where = self._memories(kept, flops)
        self._check(flops)
        ports = tuple(
            replace(port, bits=self._port(at, port.name, len(port.bits)))
            for at, port in enumerate(self.source.ports)
        )
        netlist = replace(
            self.source,
            ports=ports,
            cells=tuple(self._cells()),
            flops=tuple(replace(flop, d=self._data(flop.q)) for flop in flops),
            memories=tuple(memories),
        )
        return Gates(netlist, self.source, self.library, tuple(where))

    def _port(self, at: int, name: str, width: int) -> tuple[Bit, ...]:
        pins = {**self.module.inputs, **self.module.outputs}
        name = f"p{at}" if self.numbered else name
        names = [name] if width == 1 else [f"{name}[{bit}]" for bit in range(width)]
        missing = [pin for pin in names if pin not in pins]
        if missing:
            raise ConfigError(
                f"the mapped netlist has no port {missing[0]} as {self.source.top} has; map the "
                "netlist that is injected"
            )
        return tuple(pins[pin] for pin in names)

    def _flops(self) -> Iterable[Flop]:
        """Yield flip-flops on the nets of their names, or of the ports that they drive."""
        shown: dict[Bit, Bit] = {}
        for at, port in enumerate(self.source.ports):
            if not port.is_input:
                shown |= zip(port.bits, self._port(at, port.name, len(port.bits)), strict=True)
        for at, flop in enumerate(self.source.flops):
            bits = self.words.get(f"f{at}" if self.numbered else flop.name, ())
            if len(bits) != len(flop.q):
                bits = tuple(shown.get(bit, "x") for bit in flop.q)
            yield replace(flop, q=bits, d=())

    def _memories(
        self, kept: Sequence[Instance], flops: list[Flop]
    ) -> tuple[list[MemoryCell], list[int]]:
        """Return the memories that are left, and where each one is; add rows to `flops`."""
        found: list[MemoryCell] = []
        where: list[int] = []
        at_name = {str(i.parameters["MEMID"]).lstrip("\\"): i for i in kept}
        for at, memory in enumerate(self.source.memories):
            name = f"m{at}" if self.numbered else memory.name
            if name in at_name:
                where.append(len(found))
                found.append(_memory(memory, at_name[name]))
                continue
            where.append(-1 - len(flops))
            for row in range(memory.size):
                bits = self.words.get(f"{name}[{row}]", ("x",) * memory.width)
                label = f"{memory.name}[{row}]"
                flops.append(Flop(label, (), tuple(bits), memory.init[row]))
        return found, where

    def _check(self, flops: Sequence[Flop]) -> None:
        bits = [(f"{flop.name}[{at}]", bit) for flop in flops for at, bit in enumerate(flop.q)]
        gone = [name for name, bit in bits if bit not in self.flop_at]
        counts = Counter(self.flop_at[bit].name for _, bit in bits if bit in self.flop_at)
        gone += [
            name for name, bit in bits if bit in self.flop_at and counts[self.flop_at[bit].name] > 1
        ]
        if gone:
            raise ConfigError(
                f"{len(gone)} of {len(bits)} flip-flop bits of {self.source.top} have no flip-flop "
                f"of their own in the mapped netlist: {_list(gone)}; synthesis merged, removed or "
                "recoded them: give them the attribute keep"
            )
        strange = [i.name for i in _once(self.flop_at.values()) if i.name not in counts]
        if strange:
            raise ConfigError(
                f"{len(strange)} flip-flops of the mapped netlist belong to none of "
                f"{self.source.top}: {_list(strange)}; map the netlist that is injected"
            )

    def _data(self, q: Sequence[Bit]) -> tuple[Bit, ...]:
        found: list[Bit] = []
        for bit in q:
            instance = self.flop_at[bit]
            sequential = self.library.cells[instance.type].sequential
            assert sequential is not None
            if sequential.clear or sequential.preset or sequential.data not in instance.pins:
                raise ConfigError(
                    f"{instance.name}: flip-flops of type {instance.type} are not supported; map "
                    "to plain ones, resets as logic"
                )
            found.append(instance.pins[sequential.data])
        return tuple(found)

    def _cells(self) -> Iterable[Cell]:
        for instance in self.module.instances:
            if instance.type == _MEMORY:
                continue
            cell = self.library.cells.get(instance.type)
            if cell is None or (cell.sequential and cell.sequential.kind != "ff"):
                raise ConfigError(
                    f"{instance.name}: cells of type {instance.type} are not supported; map to "
                    f"flip-flops and gates of {self.library.name}"
                )
            if cell.sequential:
                continue
            inputs = {pin.name: (instance.pins[pin.name],) for pin in cell.inputs}
            for pin in cell.outputs:
                if pin.name in instance.pins:
                    several = len(cell.outputs) > 1
                    kind = f"{instance.type}/{pin.name}" if several else instance.type
                    yield Cell(instance.name, kind, inputs, (instance.pins[pin.name],), {})


def _once(instances: Iterable[Instance]) -> Iterable[Instance]:
    """Return each instance once."""
    return {instance.name: instance for instance in instances}.values()


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _memory(memory: MemoryCell, instance: Instance) -> MemoryCell:
    """Return a memory on the nets of the mapped netlist."""
    readers, writers = instance.number("RD_PORTS"), instance.number("WR_PORTS")
    bits, width = instance.number("ABITS"), instance.number("WIDTH")
    if width != memory.width or instance.number("SIZE") != memory.size:
        raise ConfigError(f"{memory.name}: the mapped memory has another shape; map it anew")
    if instance.number("RD_CLK_ENABLE"):
        raise ConfigError(f"{memory.name}: the mapped memory reads with the clock; map it anew")

    def part(pin: str, index: int, wide: int) -> tuple[Bit, ...]:
        single = f"{pin}[0]" not in instance.pins
        names = (
            pin if single else f"{pin}[{at}]" for at in range(index * wide, (index + 1) * wide)
        )
        return tuple(instance.pins[name] for name in names)

    return replace(
        memory,
        reads=tuple((part("RD_ADDR", i, bits), part("RD_DATA", i, width)) for i in range(readers)),
        writes=tuple(
            (part("WR_ADDR", i, bits), part("WR_DATA", i, width), part("WR_EN", i, width))
            for i in range(writers)
        ),
    )
