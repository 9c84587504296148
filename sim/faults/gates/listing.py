"""Sites of gates: outputs of library cells, each with its share of the area."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Bit
from sim.faults.sites import NET, Sites, Word

from .matching import Gates

__all__ = ["cell_areas", "gate_sites"]


def gate_sites(gates: Gates) -> Sites:
    """Return the output of every gate as a site: `NET`, its word an index of `netlist.cells`.

    A gate belongs to the structure of the flip-flop, memory or output that is the fewest gates
    behind it (of several, the one that is listed first): mapping leaves gates no other names.
    """
    tags = _structures(gates)
    return Sites(
        tuple(
            Word(f"{tags[at]}.{cell.name}", NET, at, 1, 1, cell.type, tags[at])
            for at, cell in enumerate(gates.netlist.cells)
        )
    )


def cell_areas(gates: Gates) -> NDArray[np.float64]:
    """Return the area of each site of `gate_sites`, in um2; outputs of one cell share its area."""
    cells = gates.netlist.cells
    outputs = Counter(cell.name for cell in cells)
    area = {name: cell.area_um2 for name, cell in gates.library.cells.items()}
    return np.array([area[c.type.partition("/")[0]] / outputs[c.name] for c in cells])


def _structures(gates: Gates) -> list[str]:
    netlist = gates.netlist
    driver: dict[Bit, int] = {c.output[0]: at for at, c in enumerate(netlist.cells)}
    tags = [""] * len(netlist.cells)
    reached: deque[int] = deque()

    def reach(bits: tuple[Bit, ...], tag: str) -> None:
        for bit in bits:
            at = driver.get(bit)
            if at is not None and not tags[at]:
                tags[at] = tag
                reached.append(at)

    for flop in netlist.flops:
        reach(flop.d, _above(flop.name))
    for memory in netlist.memories:
        for address, _ in memory.reads:
            reach(address, _above(memory.name))
        for write in memory.writes:
            for bits in write:
                reach(bits, _above(memory.name))
    for port in netlist.outputs:
        reach(port.bits, "top")
    while reached:
        at = reached.popleft()
        for bits in netlist.cells[at].inputs.values():
            reach(bits, tags[at])
    return [tag or "top" for tag in tags]


def _above(name: str) -> str:
    return name.rpartition(".")[0] or "top"
