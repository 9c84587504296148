"""Which registers a mode leaves alone: those that are idle in it keep their value.

A register at a cut is *alive* in the modes in which it may differ from what it holds while idle.
It loads if the element before the cut or the one behind it is of such a mode, or if none is behind:
so an idle part takes over its idle value once, with the first element that leaves it idle, and then
stands still, as does the logic behind it. On a fabric that is a clock enable for each cut and set
of modes, on gates a clock gate.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from amaranth.hdl import Module, Signal

from .plan import MacPlan, ModePlan, Slot

__all__ = [
    "Alive",
    "Gates",
    "Loads",
    "Modes",
    "alive",
    "families",
    "label",
    "rows_alive",
    "significant",
    "widened",
]

Modes = frozenset[int]
"""Indices of the modes in which something is alive."""
Alive = Sequence[Modes]
"""One for each bit, lowest first."""

_SLOT = re.compile(r"(?:[ab]_)?(?P<slot>\d+)_(?:[ab]_)?(?P<field>[a-z]\w*)")
_WINDOW = re.compile(r"g\d+_(base|before|rise)|\d+_asked")
_RESULT = {"aligned": r"g\d+_base", "paired": r"g\d+_base", "reduced": r"g\d+_base|mode|output"}
"""What the end of a dot product alone needs, by cut."""
DONE: frozenset[int] = frozenset({-1})
"""In place of modes: what loads with the last element of a dot product only."""


class Loads(Protocol):
    """Knows when registers load."""

    def load(self, cut: str, modes: Modes) -> Any:
        """Return the enable, `advance` included, of registers that are alive in `modes`."""

    def alive(self, cut: str, name: str, width: int) -> Alive | None:
        """Return the modes of each bit of a register, None if all of it always moves."""


class Gates:
    """Enables of the registers of one pipeline, made when they are first asked for.

    Parameters
    ----------
    m : Module
        Where the registers lie.
    advance : Value
        Whether the pipeline moves.
    """

    def __init__(self, m: Module, advance: Any, plan: MacPlan) -> None:
        self._m, self._advance, self._plan = m, advance, plan
        self._wanted: dict[tuple[str, Modes], Signal] = {}
        self._control: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}

    def load(self, cut: str, modes: Modes) -> Any:
        if modes != DONE:
            [modes] = widened(self._plan, [modes])
            if len(modes) == len(self._plan.modes):
                return self._advance
        key = cut, modes
        if key not in self._wanted:
            self._wanted[key] = Signal(name=f"load_{cut}_{label(modes)}")
            if cut in self._control:
                self._drive(key)
        return self._wanted[key]

    def alive(self, cut: str, name: str, width: int) -> Alive | None:
        if cut in _RESULT and re.fullmatch(_RESULT[cut], name):
            return [DONE] * width
        return alive(self._plan, name, width)

    def passes(self, cut: str, before: Mapping[str, Any], behind: Mapping[str, Any]) -> None:
        """Take note of the control before a cut, and behind it."""
        self._control[cut] = before, behind
        for key in self._wanted:
            if key[0] == cut:
                self._drive(key)

    def _drive(self, key: tuple[str, Modes]) -> None:
        cut, modes = key
        before, behind = self._control[cut]
        if modes == DONE:
            moves = before["valid"] & before["last"]
        else:
            moves = _one_of(before["mode"], modes) | _one_of(behind["mode"], modes)
            moves = moves | ~behind["valid"]
        self._m.d.comb += self._wanted[key].eq(self._advance & moves)


def label(modes: Modes) -> str:
    """Return a name for a set of modes."""
    if modes == DONE:
        return "done"
    return "_".join(str(mode) for mode in sorted(modes))


def _one_of(mode: Any, modes: Modes) -> Any:
    found: Any = 0
    for index in sorted(modes):
        found = found | (mode == index)
    return found


def families(plan: MacPlan) -> list[Modes]:
    """Return the sets of modes for which enables are built, the smallest first.

    Modes of as wide containers, or of wider ones, and modes of the narrowest: each further set
    costs an enable at every cut.
    """
    return _families(tuple(mode.container for mode in plan.modes))


@functools.lru_cache(maxsize=256)
def _families(containers: tuple[int, ...]) -> list[Modes]:
    least = min(containers)
    sets = {
        frozenset(index for index, bits in enumerate(containers) if bits >= size)
        for size in containers
    }
    sets.add(frozenset(index for index, bits in enumerate(containers) if bits == least))
    return sorted(sets, key=lambda modes: (len(modes), sorted(modes)))


def _indices(modes: Any) -> Modes:
    return frozenset(mode.index for mode in modes)


def alive(plan: MacPlan, name: str, width: int) -> Alive | None:
    """Return the modes in which each bit of the register called `name` is alive, or None.

    Names are those of `hw.mac.slots` and `hw.mac.align`: ``0_product`` belongs to slot 0.
    """
    found: Alive | None = None
    if _WINDOW.fullmatch(name):
        found = [_indices(mode for mode in plan.modes if not mode.exact)] * width
    elif match := _SLOT.fullmatch(name):
        found = _of_slot(plan, plan.slots[int(match["slot"])], match["field"], width)
    wide = None if found is None else widened(plan, found)
    return wide if wide and any(len(modes) < len(plan.modes) for modes in wide) else None


def widened(plan: MacPlan, found: Alive) -> Alive:
    """Return the smallest family that holds each set."""
    known, everything = families(plan), _indices(plan.modes)
    return [next((k for k in known if modes <= k), everything) for modes in found]


def _of_slot(plan: MacPlan, slot: Slot, field: str, width: int) -> Alive:
    if slot.tabled:
        return [_indices(slot.modes)] * width
    if field == "significand":
        return significant(slot, width, 1)
    if field == "product":
        return significant(slot, width, 2)
    if field == "near":
        return _near(plan, slot, width)
    if field == "term":
        return [_indices(m for m in slot.modes if at in _reach(m)) for at in range(width)]
    if field == "live":
        return [_indices(mode for mode in slot.modes if not mode.exact)] * width
    return [_indices(slot.modes)] * width


def _near(plan: MacPlan, slot: Slot, width: int) -> Alive:
    """Return where a product that is shifted left by less than a step may not be zero."""
    most, reach = 2 * slot.significand_bits, {}
    for mode in slot.modes:
        fine = {shift % plan.step for shift in mode.shifts}
        low = most - 2 * mode.format.significand_bits
        reach[mode.index] = range(low + min(fine), most + max(fine))
    return [frozenset(m for m, bits in reach.items() if at in bits) for at in range(width)]


def significant(slot: Slot, width: int, factors: int) -> Alive:
    """Return where a left-aligned significand, or a product of two, may not be zero."""
    most = slot.significand_bits
    return [
        _indices(m for m in slot.modes if at >= factors * (most - m.format.significand_bits))
        for at in range(width)
    ]


def rows_alive(
    plan: MacPlan, slot: Slot, shifts: Sequence[int], size: int, width: int
) -> list[Alive]:
    """Return the modes in which sums of `size` neighbouring rows of a product are alive.

    The first has the ones of all negative rows in it, if they are Booth's: a one for each row.

    Parameters
    ----------
    shifts : sequence of int
        Of the rows, in the order of `hw.mac.multiply.rows`: of ANDs, or Booth's, ones at the end.
    width : int
        Bits of a sum, or more.
    """
    most = slot.significand_bits
    booth = len(shifts) != most

    def reached(at: int) -> Modes:
        return _indices(m for m in slot.modes if at + booth >= most - m.format.significand_bits)

    alive = [reached(at) for at in shifts]
    if booth:
        alive[-1] = frozenset()
    order = sorted(range(len(shifts)), key=lambda at: shifts[at])
    sums = [order[at : at + size] for at in range(0, len(order), size)]
    modes = [frozenset[int]().union(*(alive[at] for at in part)) for part in sums]
    found = [widened(plan, [each] * width) for each in modes]
    if booth:
        found[0] = widened(plan, [modes[0] | reached(at) for at in range(width)])
    return found


def _reach(mode: ModePlan) -> range:
    """Return the bits of the window in which a product may have a one."""
    format = mode.format
    if not mode.exact:
        return range(1 << 30)
    low = 2 * format.quantum - mode.origin
    return range(low, 2 * format.max_scale + 2 - mode.origin)
