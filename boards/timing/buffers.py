"""What layout tools do to a net that is too heavy for its driver: a tree of buffers, estimated.

Synthesis leaves an enable with a thousand loads on one gate. Timing that as it stands would report
a delay that no finished chip has, so every net above its driver's rated load gets the smallest tree
of one buffer cell. Its delay is in the path, its count and area are in the report.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from boards.liberty import Arc, Cell, Library

__all__ = ["BufferTree", "Buffering"]

_TYPICAL_LOAD_PF = 0.2
_TYPICAL_SLEW_NS = 0.2
_CRISP_SLEW_NS = 0.3  # what a tree is built for; the rated load of a cell gives 1.5 ns
_INPUT_WORTH_NS_PER_PF = 3.0  # drive resistance of a small gate, which the buffer's input loads


@dataclass(frozen=True, slots=True)
class BufferTree:
    """Loads that the driver and one buffer of each level see, and how many buffers there are."""

    driver_load_pf: float
    level_loads_pf: tuple[float, ...] = ()
    count: int = 0


class Buffering:
    """Plans buffer trees with the buffer of `library` that is fastest on a typical load."""

    def __init__(self, library: Library, used: bool = True) -> None:
        cells = library.cells.values() if used else ()
        found = [(cell, arc) for cell in cells if (arc := _buffer_arc(cell))]
        self.cell: Cell | None = None
        if found:
            self.cell, self.arc = min(found, key=lambda pair: _cost(*pair))
            self._input = self.cell.inputs[0].capacitance_pf
            self._limit = min(_crisp_load(self.arc), self.cell.outputs[0].max_load_pf)

    def plan(self, load_pf: float, limit_pf: float) -> BufferTree:
        """Return the tree for a net of `load_pf` whose driver is rated for `limit_pf` (0: any)."""
        levels: list[float] = []
        count, load = 0, load_pf
        while self.cell and limit_pf and load > limit_pf:
            width = math.ceil(load / self._limit)
            levels.append(load / width)
            count += width
            if width == 1:
                load = self._input
                break
            load = width * self._input
        return BufferTree(load, tuple(reversed(levels)), count)

    def along(self, tree: BufferTree, rising: bool, slew_ns: float) -> tuple[float, float]:
        """Return delay and final slew of an edge that runs through every level of `tree`."""
        delay = 0.0
        for load in tree.level_loads_pf:
            delay += (self.arc.rise if rising else self.arc.fall)(slew_ns, load)
            slew_ns = (self.arc.rise_slew if rising else self.arc.fall_slew)(slew_ns, load)
        return delay, slew_ns


def _buffer_arc(cell: Cell) -> Arc | None:
    """Return the only arc of a plain buffer, else None."""
    if len(cell.inputs) != 1 or len(cell.outputs) != 1 or cell.sequential or not cell.usable:
        return None
    same = cell.outputs[0].function.strip("() ") == cell.inputs[0].name
    return cell.arcs[0] if same and len(cell.arcs) == 1 else None


def _crisp_load(arc: Arc) -> float:
    """Return the load at which the slower edge takes `_CRISP_SLEW_NS`; slews are linear in it."""
    light, heavy = _TYPICAL_LOAD_PF / 10, _TYPICAL_LOAD_PF
    loads = []
    for table in (arc.rise_slew, arc.fall_slew):
        first, last = table(_TYPICAL_SLEW_NS, light), table(_TYPICAL_SLEW_NS, heavy)
        if last > first:
            loads.append(light + (_CRISP_SLEW_NS - first) * (heavy - light) / (last - first))
    return max(min(loads, default=heavy), light)


def _cost(cell: Cell, arc: Arc) -> float:
    worst = max(arc.rise(_TYPICAL_SLEW_NS, _TYPICAL_LOAD_PF), arc.fall(0.2, _TYPICAL_LOAD_PF))
    return worst + _INPUT_WORTH_NS_PER_PF * cell.inputs[0].capacitance_pf
