"""From an element to the exact product of every slot, with its place and flags."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal

from hw.export import shared

from .config import MacConfig
from .decode import CUTS, FIELDS, SlotDecoder, any_of
from .multiply import GROUP, Row, add_in_pairs, add_rows, booth_rows, grouped, rows
from .pipeline import Bundle, Cutter, choose
from .plan import MacPlan, Slot
from .tables import indexed

__all__ = ["CONTROL", "products"]

CONTROL = ("valid", "last", "mode", "output", "slot")


def products(m: Module, platform: Any, cut: Cutter, config: MacConfig, element: Bundle) -> Bundle:
    """Return the control signals and, for slot i, ``i_product``, ``i_sign``, ``i_shift`` ...

    `element` has the control signals, ``a`` and ``b``.
    """
    plan = config.plan
    now = cut("input", element, reset=("valid",))
    decoded: Bundle = {}
    for index, slot in enumerate(plan.slots):
        if slot.tabled:
            short = {side: now[side][slot.top - 3 : slot.top + 1] for side in "ab"}
            found = indexed(slot, plan, now["mode"], short["a"], short["b"])
            for name in CUTS:
                found = {key: cut.register(name, f"{index}_{key}", v) for key, v in found.items()}
            decoded |= {f"{index}_{key}": value for key, value in found.items()}
            continue
        for side in "ab":
            decoder = SlotDecoder(slot, plan, gated=config.gating)
            decoder = shared(
                m,
                platform,
                f"decode_{slot.name}",
                decoder,
                instance=f"decode_{side}{index}",
                key=(config, slot.name),
            )
            at = slot.top + 1 - slot.width
            m.d.comb += [
                decoder.code.eq(now[side][at : slot.top + 1]),
                decoder.mode.eq(now["mode"]),
                decoder.advance.eq(cut.advance),
            ]
            decoded |= {f"{index}_{side}_{name}": decoder.o[name] for name in FIELDS}
    control = {name: now[name] for name in CONTROL if name in now}
    for name in CUTS:
        control = cut(name, control, reset=("valid",))
    now = cut("decoded", control | decoded, reset=("valid",))
    now = _multiply(m, cut, config, now)
    return cut("product", now, reset=("valid",))


def _multiply(m: Module, cut: Cutter, config: MacConfig, now: Bundle) -> Bundle:
    plan = config.plan
    partial: dict[str, list[Row]] = {}
    results = {name: now[name] for name in CONTROL if name in now}
    joint = _joint(plan) if config.sharing == "shared" else None
    if joint:
        partial["joint"] = _joint_rows(m, plan, joint, now)
    for index, slot in enumerate(plan.slots):
        if slot.tabled:
            names = ("index", "sign", "nan")
            results |= {f"{index}_{name}": now[f"{index}_{name}"] for name in names}
        if slot.tabled or (joint and index in joint):
            continue
        a, b = now[f"{index}_a_significand"], now[f"{index}_b_significand"]
        partial[str(index)] = rows(a, b)
    for index, slot in enumerate(plan.slots):
        if not slot.tabled:
            results |= _place(index, slot, plan, now)
    widths = {
        name: 2 * plan.slots[int(name)].significand_bits for name in partial if name != "joint"
    }
    if joint:
        widths["joint"] = 2 * _joint_bits(plan, joint)
    if "partial" in cut.cuts:
        for name, found in partial.items():
            if len(found) > GROUP:
                found = grouped(m, found, widths[name], f"rows_{name}")
                partial[name] = [
                    (at, cut.register("partial", f"{name}_{turn}", bits))
                    for turn, (at, bits) in enumerate(found)
                ]
            else:
                whole = add_rows(m, found, widths[name], f"rows_{name}")
                partial[name] = [(0, cut.register("partial", name, whole))]
    results = cut("partial", results, reset=("valid",))
    for name, found in partial.items():
        whole = Signal(widths[name], name=f"product_{name}")
        add = add_in_pairs if "partial" in cut.cuts else add_rows
        m.d.comb += whole.eq(add(m, found, widths[name], f"sum_{name}"))
        if name == "joint":
            assert joint is not None
            high, low = (2 * plan.slots[index].significand_bits for index in joint)
            narrow = _narrow(plan.slots[joint[0]], results["mode"])
            edge = 2 * _edge(plan, joint)
            lower, upper = whole[-high:edge], whole[edge:]  # the other lane's product, and its own
            results[f"{joint[0]}_product"] = Cat(Mux(narrow, 0, lower), upper)
            results[f"{joint[1]}_product"] = Mux(narrow, whole[:low], 0)
        else:
            results[f"{name}_product"] = whole
    return results


def _place(index: int, slot: Slot, plan: MacPlan, now: Bundle) -> Bundle:
    """Return sign, biased sum of scales, and flags of one slot's product."""
    a, b = ({name: now[f"{index}_{side}_{name}"] for name in FIELDS} for side in "ab")
    left = {mode.index: mode.bias - 2 * mode.half for mode in slot.modes}
    over = choose(now["mode"], [left.get(at, 0) for at in range(len(plan.modes))])
    shift = a["place"] + b["place"]
    if not isinstance(over, int) or over:
        shift = shift + over
    return {
        f"{index}_sign": a["sign"] ^ b["sign"],
        f"{index}_shift": shift[: plan.shift_bits],
        f"{index}_live": ~(a["zero"] | b["zero"]),
        f"{index}_nan": a["nan"] | b["nan"] | (a["inf"] & b["zero"]) | (a["zero"] & b["inf"]),
        f"{index}_inf": a["inf"] | b["inf"],
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


def _joint_rows(m: Module, plan: MacPlan, joint: tuple[int, int], now: Bundle) -> list[Row]:
    """Return the rows of a multiplier in which two lanes lie on the diagonal.

    The high lane's operands are left-aligned already; the low lane's come into the bits that are
    zero then. Rows of one lane do not see the other's operand.
    """
    bits = _joint_bits(plan, joint)
    wide = plan.slots[joint[0]]
    split = _narrow(wide, now["mode"])
    operands = []
    for side in "ab":
        high = Cat(Const(0, bits - wide.significand_bits), now[f"{joint[0]}_{side}_significand"])
        operands.append(high | now[f"{joint[1]}_{side}_significand"])
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
