"""Products into the window: the base that they ask for, shifts, signs, and the sum of lanes."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed

from .accumulate import fall_bits, falls
from .config import MacConfig
from .gating import Modes
from .pipeline import Bundle, Cutter
from .plan import MacPlan, Slot
from .slots import CONTROL
from .tables import term, term_place

__all__ = ["aligned"]


def aligned(m: Module, cut: Cutter, config: MacConfig, now: Bundle) -> Bundle:
    """Return the control signals and what each accumulator adds.

    For accumulator k (one, or one for each slot) there are ``gk_term``, signed, ``gk_carry``, the
    flags ``gk_nan``, ``gk_positive`` and ``gk_negative``, and, where a window moves, ``gk_fall``
    and ``gk_base``.
    """
    plan, now = config.plan, dict(now)
    groups = [list(range(len(plan.slots)))]
    if not config.reduce:
        groups = [[index] for index in groups[0]]
    _ask(m, plan, groups, now)
    now = cut("candidate", now, reset=("valid",))
    _settle(m, cut, config, groups, now)
    now = cut("fine", now, reset=("valid",))
    _measure(m, plan, groups, now)
    now = cut("distance", now, reset=("valid",))
    _place(m, plan, groups, now)
    now = cut("aligned", now, reset=("valid",))
    for key, group in enumerate(groups):
        now |= _sum(m, cut, plan, key, group, now)
    if "paired" in cut.cuts:  # the sums have passed it inside
        straight = {n: v for n, v in now.items() if not n.endswith(("_term", "_carry"))}
        now |= cut("paired", straight, reset=("valid",))
    kept = (*CONTROL, "first")
    now = {name: value for name, value in now.items() if name in kept or name[0] == "g"}
    return cut("reduced", now, reset=("valid",))


def _computed(plan: MacPlan, group: list[int]) -> list[int]:
    """Return the slots of a group whose products are computed, not looked up."""
    return [index for index in group if not plan.slots[index].tabled]


def _ask(m: Module, plan: MacPlan, groups: list[list[int]], now: Bundle) -> None:
    """Split distances into whole steps and the rest; find what base each product asks for."""
    for key, group in enumerate(groups):
        for index in _computed(plan, group):
            shift = Value.cast(now.pop(f"{index}_shift"))
            now[f"{index}_fine"] = shift[: _fine_bits(plan)]
            whole = shift[_fine_bits(plan) :]
            now[f"{index}_whole"] = whole
            if plan.slots[index].moves:
                above = Signal(signed(len(whole) + 1), name=f"above_{index}")
                m.d.comb += above.eq(whole - plan.spare)
                now[f"{index}_asked"] = _asked(plan, above, now[f"{index}_live"])
                now[f"{index}_whole"] = above
        now |= _flags(key, group, now)
        for index in group:
            for name in ("live", "nan", "inf"):
                now.pop(f"{index}_{name}", None)


def _settle(
    m: Module, cut: Cutter, config: MacConfig, groups: list[list[int]], now: Bundle
) -> None:
    """Find the bases."""
    plan = config.plan
    now["first"] = _first(m, cut, config, now)
    for key, group in enumerate(groups):
        moving = [index for index in group if plan.slots[index].moves]
        asked = [now.pop(f"{index}_asked") for index in moving]
        if asked:
            now |= _base(m, cut, config, key, asked, now)


def _measure(m: Module, plan: MacPlan, groups: list[list[int]], now: Bundle) -> None:
    """Find how many whole steps products and accumulators have to be shifted by.

    Products are shifted by less than a step, here and not before: until then they are narrower.
    """
    for key, group in enumerate(groups):
        for index in _computed(plan, group):
            slot = plan.slots[index]
            base = now[f"g{key}_base"] if slot.moves and plan.bases else None
            now[f"{index}_steps"] = _steps(plan, slot, now.pop(f"{index}_whole"), base)
            product, fine = now.pop(f"{index}_product"), now.pop(f"{index}_fine")
            now[f"{index}_near"] = _left(m, product, fine, plan.step - 1, f"near_{index}")
        if f"g{key}_base" in now:
            rise = now[f"g{key}_base"] - now.pop(f"g{key}_before")
            now[f"g{key}_rise"] = rise[: plan.bases.bit_length()]


def _place(m: Module, plan: MacPlan, groups: list[list[int]], now: Bundle) -> None:
    """Shift products by whole steps, or look them up."""
    for key, group in enumerate(groups):
        if plan.bases:
            rise = now.pop(f"g{key}_rise", Const(0, 1))
            now[f"g{key}_fall"] = _fall(plan, now["first"], rise)
        for index in group:
            slot = plan.slots[index]
            if slot.tabled:
                now[f"{index}_term"] = term(slot, now["mode"], now.pop(f"{index}_index"))
                continue
            near, steps = now.pop(f"{index}_near"), now.pop(f"{index}_steps")
            now[f"{index}_term"] = _placed(m, plan, slot, near, steps, index)


def _fine_bits(plan: MacPlan) -> int:
    return plan.step.bit_length() - 1


def _asked(plan: MacPlan, above: Signal, live: Any) -> Any:
    """Return the base that a product asks for: 0 unless it reaches above the window's top."""
    bits = plan.bases.bit_length()
    return Mux(live & ~above[-1], above[:bits], 0)


def _flags(key: int, group: list[int], now: Bundle) -> Bundle:
    nan: Any = Const(0, 1)
    positive: Any = Const(0, 1)
    negative: Any = Const(0, 1)
    for index in group:
        inf = now.get(f"{index}_inf", Const(0, 1))
        nan = nan | now[f"{index}_nan"]
        positive = positive | (inf & ~now[f"{index}_sign"])
        negative = negative | (inf & now[f"{index}_sign"])
    return {f"g{key}_nan": nan, f"g{key}_positive": positive, f"g{key}_negative": negative}


def _first(m: Module, cut: Cutter, config: MacConfig, now: Bundle) -> Any:
    """Return whether an element is the first of its dot product: known long before the sum."""
    fresh = [Signal(name=f"fresh_{at}", init=1) for at in range(config.bank)]
    with m.If(cut.advance & now["valid"]):
        for at, register in enumerate(fresh):
            with m.If(now["slot"] == at if config.bank > 1 else Const(1)):
                m.d.sync += register.eq(now["last"])
    return Array(fresh)[now["slot"]] if config.bank > 1 else fresh[0]


def _fall(plan: MacPlan, first: Any, rise: Any) -> Any:
    """Return what becomes of the accumulator where its window rises: as `Accumulator.fall`."""
    bits = fall_bits(plan)
    anew = first | (Value.cast(rise) >= falls(plan))
    return Mux(anew, (1 << bits) - 1, rise)[:bits]


def _base(
    m: Module, cut: Cutter, config: MacConfig, key: int, asked: list[Any], now: Bundle
) -> Bundle:
    """Return the base with this element and before it; the loop is one cycle."""
    plan = config.plan
    bits = plan.bases.bit_length()
    state = [Signal(bits, name=f"base_{key}_{at}") for at in range(config.bank)]
    before = state[0]
    if config.bank > 1:
        before = Signal(bits, name=f"base_{key}")
        m.d.comb += before.eq(Array(state)[now["slot"]])
    most = asked[0]
    for other in asked[1:]:
        larger = Signal(bits, name=f"asked_{key}_{len(now)}")
        m.d.comb += larger.eq(Mux(other > most, other, most))
        most = larger
    after = Signal(bits, name=f"base_after_{key}")
    m.d.comb += after.eq(Mux(Value.cast(most) > before, most, before))
    with m.If(cut.advance & now["valid"]):
        for at, register in enumerate(state):
            with m.If(now["slot"] == at if config.bank > 1 else Const(1)):
                m.d.sync += register.eq(Mux(now["last"], 0, after))
    return {f"g{key}_base": after, f"g{key}_before": before}


def _steps(plan: MacPlan, slot: Slot, whole: Any, base: Any) -> Any:
    """Return whole steps to shift: right, below the window's top, or, if it never moves, left.

    `whole` is the biased sum of scales in steps; if the slot's window moves, less `plan.spare`.
    """
    if not slot.moves:
        least = slot.shifts[0] // plan.step
        most = slot.shifts[-1] // plan.step - least
        return (Value.cast(whole) - least)[: most.bit_length()]
    steps = -Value.cast(whole) if base is None else base - whole
    bits = plan.most_steps.bit_length()
    far = Value.cast(steps) > plan.most_steps
    return Mux(far, plan.most_steps, steps[:bits])


def _placed(m: Module, plan: MacPlan, slot: Slot, near: Any, steps: Any, index: int) -> Any:
    """Return the product's bits in the window."""
    near = Value.cast(near)
    if slot.moves:
        top = near[-plan.window :] if len(near) >= plan.window else near
        top = Cat(Const(0, plan.window - len(top)), top)
        return _right(m, top, steps, plan, f"far_{index}")
    least = slot.shifts[0] // plan.step
    most = slot.shifts[-1] // plan.step - least
    # Where the product's lowest bit lies in the window if it is not shifted.
    place = plan.step * least - 2 * (slot.significand_bits - 1)
    place += plan.window - plan.step * (plan.spare + 1) - 1
    amount = Cat(Const(0, _fine_bits(plan)), steps) if most else Const(0, 0)
    far = Value.cast(_left(m, near, amount, most * plan.step, f"far_{index}"))
    far = far[-place:] if place < 0 else Cat(Const(0, place), far)
    return far[: plan.window]


def _left(m: Module, value: Any, amount: Any, most: int, name: str) -> Any:
    """Shift left by up to `most`; the result has all bits."""
    value, amount = Value.cast(value), Value.cast(amount)
    reach = 0
    for stage in reversed(range(len(amount))):
        step = 1 << stage
        if step > most:
            continue
        reach = min(reach + step, most)
        if isinstance(amount[stage], Const):
            continue
        shifted = Signal(len(value) + step, name=f"{name}_{step}")
        m.d.comb += shifted.eq(Mux(amount[stage], Cat(Const(0, step), value), value))
        value = shifted
    return value


def _right(m: Module, value: Value, steps: Any, plan: MacPlan, name: str) -> Any:
    """Shift right by whole steps, up to all of it."""
    steps = Value.cast(steps)
    for stage in range(len(steps)):
        distance = min(plan.step << stage, len(value))
        shifted = Signal(len(value), name=f"{name}_{distance}")
        m.d.comb += shifted.eq(Mux(steps[stage], value[distance:], value))
        value = shifted
    return value


Part = tuple[int, Any, Any, Modes]
"""Part of a sum: its lowest bit, signed bits, a carry into that bit that is still to come, and the
modes in which it is not zero."""


def _sum(m: Module, cut: Cutter, plan: MacPlan, key: int, group: list[int], now: Bundle) -> Bundle:
    """Return the signed sum of a group's terms but for one carry, which the next adder takes.

    A negative term is inverted, and the one that it lacks enters as the carry of an adder.
    """
    level: list[Part] = []
    for index in reversed(group):
        sign = Value.cast(now[f"{index}_sign"])
        bits = Value.cast(now[f"{index}_term"])
        slot = plan.slots[index]
        low = term_place(slot) if slot.tabled else 0
        modes = frozenset(mode.index for mode in slot.modes)
        level.append((low, Cat(bits ^ sign.replicate(len(bits)), sign), sign, modes))
    depth = (len(level) - 1).bit_length()
    for turn in range(depth + 1):
        if turn == (depth + 1) // 2:
            level = [
                (
                    low,
                    cut.register("paired", f"{key}_{at}", bits, alive=modes),
                    cut.register("paired", f"{key}_{at}_carry", carry, alive=modes),
                    modes,
                )
                for at, (low, bits, carry, modes) in enumerate(level)
            ]
        if turn == depth:
            break
        pairs = [
            _pair(m, level[at], level[at + 1], f"lanes_{key}_{len(level)}_{at}")
            for at in range(0, len(level) - 1, 2)
        ]
        level = pairs + level[2 * len(pairs) :]
    low, bits, carry, _ = level[0]
    total = Signal(signed(low + len(Value.cast(bits))), name=f"term_{key}")
    m.d.comb += total.eq(Cat(Value.cast(carry).replicate(low), bits))
    return {f"g{key}_term": total, f"g{key}_carry": carry}


def _pair(m: Module, one: Part, other: Part, name: str) -> Part:
    """Add two parts; one's carry enters, the other's is left."""
    low = min(one[0], other[0])
    bits, more = (
        Cat(Value.cast(carry).replicate(at - low), value).as_signed()
        for at, value, carry, _ in (one, other)
    )
    width = max(len(bits), len(more)) + 1
    total = Signal(width, name=name)
    wide = [Cat(value, value[-1].replicate(width - len(value))) for value in (bits, more)]
    m.d.comb += total.eq(wide[0] + wide[1] + one[2])
    return low, total, other[2], one[3] | other[3]
