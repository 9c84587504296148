"""Protection of designs whose memories become block RAMs, whose registers cannot be doubled.

The register behind a block RAM's read port is part of the block. A copy of it, or a parity bit that
is predicted from what it takes, needs what was read a cycle earlier, which no block RAM gives:
synthesis then builds the memory from look-up tables, hundreds of them. Such registers have the
code of their memory, or nothing; what that leaves is for injections to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from boards.frozen import Flop, Frozen, MemoryCell

from .plan import Plan

__all__ = ["LEAST_BITS", "for_block_ram", "read_registers"]

LEAST_BITS = 2048
"""Smaller memories become look-up tables: Yosys' costs of ECP5's are 4 for 64 bits of those, and
128 for a block RAM."""


def for_block_ram(netlist: Frozen, plan: Plan) -> tuple[Frozen, Plan]:
    """Return netlist and plan for families with block RAMs.

    Registers of read ports have no protection of their own, unless they and their memory are in
    lockstep, a second block RAM. What is read while it is written is what it was where a memory is
    protected: a checker would tell of an unknown word that nobody uses.
    """
    protected = {m.name for m in netlist.memories if plan.of_memory(m.name) != "none"}
    inside = {
        flop.name
        for memory, flop in read_registers(netlist)
        if {plan.of_memory(memory.name), plan.of_flop(flop.name)} != {"lockstep"}
    }
    schemes = {f.name: plan.of_flop(f.name) for f in netlist.flops}
    flops = {n: "none" if n in inside else s for n, s in schemes.items()}
    memories = tuple(
        replace(m, loose=False) if m.name in protected else m for m in netlist.memories
    )
    changed = plan if flops == schemes else replace(plan, flops=flops)
    return replace(netlist, memories=memories), changed


def read_registers(netlist: Frozen) -> Iterator[tuple[MemoryCell, Flop]]:
    """Yield memories large enough for block RAMs with the registers of their read ports."""
    muxes = {cell.output: cell for cell in netlist.cells if cell.type == "$mux"}
    large = [m for m in netlist.memories if m.size * m.width >= LEAST_BITS]
    owner = {bit: m for m in large for _, data in m.reads for bit in data if isinstance(bit, int)}
    for flop in netlist.flops:
        d = flop.d
        while d in muxes and muxes[d].inputs["A"] == flop.q:  # an enable
            d = muxes[d].inputs["B"]
        found = next((owner[bit] for bit in d if bit in owner), None)
        if found is not None:
            yield found, flop
