"""What protection adds, measured without mapping the whole design again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from boards.frozen import Bit, Frozen, Port, write_verilog

from .builder import bits_of
from .mapped import map_sky130
from .transform import Protected

__all__ = ["added_area_um2", "added_netlist"]

_TOP = "added"


def added_area_um2(before: Frozen, made: Protected) -> float:
    """Return the area in sky130 of what was added to a netlist, mapped by itself.

    Cells, and whole memories; bits that memories get wider by are not in it.
    """
    extra = added_netlist(before, made.netlist)
    if not extra.cells and not extra.flops:
        return 0.0
    text = write_verilog(extra, synthesis=True)
    kept = text.replace("\nalways @(posedge", "\n(* keep *) always @(posedge")
    mapped = map_sky130(kept, _TOP)
    return mapped.area_um2 + mapped.macro_area_um2


def added_netlist(before: Frozen, after: Frozen) -> Frozen:
    """Return the cells and registers that only `after` has, as a design of their own."""
    cells_before = {cell.name for cell in before.cells}
    flops_before = {flop.name for flop in before.flops}
    memories_before = {memory.name for memory in before.memories}
    cells = tuple(cell for cell in after.cells if cell.name not in cells_before)
    flops = tuple(flop for flop in after.flops if flop.name not in flops_before)
    memories = tuple(m for m in after.memories if m.name not in memories_before)
    part = Frozen(_TOP, "", (), cells, flops, memories)
    driven = set(bits_of(part))
    wanted = dict.fromkeys(bit for bit in _read(part) if isinstance(bit, int))
    inputs = tuple(bit for bit in wanted if bit not in driven)
    own = {cell.name for cell in cells} | {flop.name for flop in flops}
    rest = Frozen(
        after.top,
        after.clock,
        tuple(port for port in after.ports if not port.is_input),
        tuple(cell for cell in after.cells if cell.name not in own),
        tuple(flop for flop in after.flops if flop.name not in own),
        tuple(m for m in after.memories if m.name in memories_before),
    )
    outputs = tuple(dict.fromkeys(bit for bit in _read(rest) if bit in driven))
    clock = max(bits_of(after), default=1) + 1
    ports = [Port("clk", True, (clock,))]
    ports += [Port("i", True, inputs)] if inputs else []
    ports += [Port("o", False, outputs)] if outputs else []
    return Frozen(_TOP, "clk", tuple(ports), cells, flops, memories)


def _read(netlist: Frozen) -> Iterator[Bit]:
    """Return every net that something reads."""
    for cell in netlist.cells:
        yield from _all(cell.inputs.values())
    for flop in netlist.flops:
        yield from flop.d
    for memory in netlist.memories:
        for address, _ in memory.reads:
            yield from address
        for write in memory.writes:
            yield from _all(write)
    for port in netlist.ports:
        if not port.is_input:
            yield from port.bits


def _all(words: Iterable[Iterable[Bit]]) -> Iterator[Bit]:
    for word in words:
        yield from word
