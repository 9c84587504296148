"""From decoded operands to the exact product of every slot, with its place and flags."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from .config import MacConfig
from .decode import CUTS, any_of, slot_fields
from .gating import rows_alive
from .multiply import GROUP, Row, add_in_pairs, add_rows, booth_rows, grouped, rows
from .operand import taken_apart
from .pipeline import Bundle, Cutter, choose
from .plan import MacPlan, Slot
from .tables import table_fields

__all__ = ["CONTROL", "multiplied", "products"]

LOGIC_BITS = 4
"""Bits up to which a product is not worth a multiplier block."""
CONTROL = ("valid", "last", "mode", "output", "slot")


def products(m: Module, platform: Any, cut: Cutter, config: MacConfig, element: Bundle) -> Bundle:
    """Return the control signals and, for slot i, ``i_product``, ``i_sign``, ``i_shift`` ...

    `element` has the control signals, ``a`` and ``b``.
    """
    now = cut("input", element, reset=("valid",))
    operands = {
        f"{side}_{name}": value
        for side in "ab"
        for name, value in taken_apart(
            m, platform, cut, config, side, now[side], now["mode"]
        ).items()
    }
    control = {name: now[name] for name in CONTROL if name in now}
    for name in CUTS:
        control = cut(name, control, reset=("valid",))
    now = cut("decoded", control | operands, reset=("valid",))
    return multiplied(m, cut, config, now)


def multiplied(m: Module, cut: Cutter, config: MacConfig, now: Bundle) -> Bundle:
    """Return what `products` does; `now` has ``a_`` and ``b_`` before `operand_layout`'s names."""
    now = _paired(config.plan, now)
    return cut("product", _multiply(m, cut, config, now), reset=("valid",))


def _paired(plan: MacPlan, now: Bundle) -> Bundle:
    """Return control and, for each slot, what its two operands say together, and significands."""
    found = {name: now[name] for name in CONTROL if name in now}
    for index, slot in enumerate(plan.slots):
        names = table_fields(slot) if slot.tabled else slot_fields(slot)
        a, b = ({name: now[f"{side}_{index}_{name}"] for name in names} for side in "ab")
        none = Const(0, 1)
        sides = [{name: side.get(name, none) for name in ("zero", "inf", "nan")} for side in (a, b)]
        one, other = sides
        found[f"{index}_sign"] = a["sign"] ^ b["sign"]
        found[f"{index}_nan"] = one["nan"] | other["nan"]
        if slot.tabled:
            found[f"{index}_index"] = Cat(a["index"], b["index"])
            continue
        found[f"{index}_nan"] |= (one["inf"] & other["zero"]) | (one["zero"] & other["inf"])
        found[f"{index}_inf"] = one["inf"] | other["inf"]
        found[f"{index}_live"] = ~(one["zero"] | other["zero"])
        found[f"{index}_shift"] = _shift(slot, plan, now.get("mode"), a, b)
        found |= {f"{index}_a": a["significand"], f"{index}_b": b["significand"]}
    return found


def _shift(slot: Slot, plan: MacPlan, mode: Any, a: Bundle, b: Bundle) -> Any:
    """Return the biased sum of two scales."""
    left = {mode.index: mode.bias - 2 * mode.half for mode in slot.modes}
    over = choose(mode, [left.get(at, 0) for at in range(len(plan.modes))])
    if "place" not in a:
        return _constant(2 * slot.places[0], over, plan.shift_bits)
    shift = a["place"] + b["place"]
    if not isinstance(over, int) or over:
        shift = shift + over
    return shift[: plan.shift_bits]


def _constant(both: int, over: Any, bits: int) -> Any:
    return Const(both + over, bits) if isinstance(over, int) else (both + over)[:bits]


def _multiply(m: Module, cut: Cutter, config: MacConfig, now: Bundle) -> Bundle:
    plan = config.plan
    factors = {at: (now.pop(f"{at}_a"), now.pop(f"{at}_b")) for at in _computed(plan)}
    partial: dict[str, list[Row]] = {}
    joint = _joint(plan) if config.sharing == "shared" else None
    if joint:
        partial["joint"] = _joint_rows(m, plan, joint, now["mode"], factors)
    for index, (a, b) in factors.items():
        if not joint or index not in joint:
            partial[str(index)] = _rows(a, b, config)
    widths = {
        name: 2 * plan.slots[int(name)].significand_bits for name in partial if name != "joint"
    }
    if joint:
        widths["joint"] = 2 * _joint_bits(plan, joint)
    if "partial" in cut.cuts:
        partial = {
            name: _half_summed(m, cut, plan, found, widths[name], name)
            for name, found in partial.items()
        }
    results = cut("partial", now, reset=("valid",))
    for name, found in partial.items():
        whole = Signal(widths[name], name=f"product_{name}")
        add = add_in_pairs if "partial" in cut.cuts else add_rows
        m.d.comb += whole.eq(add(m, found, widths[name], f"sum_{name}"))
        if joint and name == "joint":
            results |= _split(plan, joint, whole, results["mode"])
        else:
            results[f"{name}_product"] = whole
    return results


def _rows(a: Any, b: Any, config: MacConfig) -> list[Row]:
    """Return partial products, or the whole product where a multiplier block computes it."""
    block = config.multiplier == "dsp" and len(Value.cast(a)) > LOGIC_BITS
    return [(0, Value.cast(a) * b)] if block else rows(a, b)


def _half_summed(
    m: Module, cut: Cutter, plan: MacPlan, found: list[Row], width: int, name: str
) -> list[Row]:
    """Return rows in groups that are added, behind the cut inside of a product."""
    if len(found) <= GROUP:
        return [(0, cut.register("partial", name, add_rows(m, found, width, f"rows_{name}")))]
    parts = grouped(m, found, width, f"rows_{name}")
    modes: list[Any] = [None] * len(parts)
    if name != "joint":
        slot, shifts = plan.slots[int(name)], [at for at, _ in found]
        modes = rows_alive(plan, slot, shifts, GROUP, width)
    return [
        (at, cut.register("partial", f"{name}_{turn}", bits, alive=alive))
        for turn, ((at, bits), alive) in enumerate(zip(parts, modes, strict=True))
    ]


def _computed(plan: MacPlan) -> list[int]:
    """Return the slots whose products are computed, not looked up."""
    return [index for index, slot in enumerate(plan.slots) if not slot.tabled]


def _split(plan: MacPlan, joint: tuple[int, int], whole: Signal, mode: Any) -> Bundle:
    """Return the two lanes' products, or the wide one, of the multiplier that slots share."""
    high = 2 * plan.slots[joint[0]].significand_bits
    low = 2 * plan.slots[joint[1]].significand_bits
    narrow = _narrow(plan.slots[joint[0]], mode)
    edge = 2 * _edge(plan, joint)
    lower, upper = whole[-high:edge], whole[edge:]  # the other lane's product, and its own
    return {
        f"{joint[0]}_product": Cat(Mux(narrow, 0, lower), upper),
        f"{joint[1]}_product": Mux(narrow, whole[:low], 0),
    }


def _joint(plan: MacPlan) -> tuple[int, int] | None:
    """Return the two slots that share a multiplier: the widest, and one next to its size.

    Slots of 4 bits keep their own: their products are a handful of gates.
    """
    if len(plan.slots) < 2 or plan.slots[0].width != 16 or plan.slots[1].width != 8:
        return None
    return (0, 1) if plan.slots[1].significand_bits > 2 else None


def _joint_bits(plan: MacPlan, joint: tuple[int, int]) -> int:
    """Return the bits of the shared multiplier: both lanes fit, the low one in even bits."""
    high = max(
        mode.format.significand_bits for mode in plan.slots[joint[0]].modes if mode.container < 16
    )
    return max(plan.slots[joint[0]].significand_bits, _edge(plan, joint) + high)


def _edge(plan: MacPlan, joint: tuple[int, int]) -> int:
    """Return where the high lane begins: even, and two zeros end the low lane's last row."""
    low = plan.slots[joint[1]].significand_bits
    return low + low % 2 + 2


def _narrow(wide: Slot, mode: Any) -> Any:
    """Return whether the widest slot holds a lane of 8 or 4 bits."""
    return any_of(mode == plan.index for plan in wide.modes if plan.container < 16)


def _joint_rows(
    m: Module,
    plan: MacPlan,
    joint: tuple[int, int],
    mode: Any,
    factors: dict[int, tuple[Any, Any]],
) -> list[Row]:
    """Return the rows of a multiplier in which two lanes lie on the diagonal.

    The high lane's operands are left-aligned already; the low lane's come into the bits that are
    zero then. Rows of one lane do not see the other's operand.
    """
    bits = _joint_bits(plan, joint)
    wide = plan.slots[joint[0]]
    split = _narrow(wide, mode)
    operands = [
        Cat(Const(0, bits - wide.significand_bits), high) | low
        for high, low in zip(factors[joint[0]], factors[joint[1]], strict=True)
    ]
    edge = _edge(plan, joint)
    a, b = Signal(bits, name="joint_a"), Signal(bits, name="joint_b")
    below, above = Signal(bits, name="joint_below"), Signal(bits, name="joint_above")
    m.d.comb += [
        a.eq(operands[0]),
        b.eq(operands[1]),
        below.eq(Cat(a[:edge], Mux(split, 0, a[edge:]))),
        above.eq(Cat(Mux(split, 0, a[:edge]), a[edge:])),
    ]
    gates = [below if turn < edge else above for turn in range(0, bits + 1, 2)]
    return booth_rows(a, b, gates=gates)
