"""One slot's operand taken apart, whatever its mode."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.numerics import Decoder, NumberFormat, Posit

from .gating import Alive, Modes, label, widened
from .pipeline import Bundle, Cutter
from .plan import MacPlan, ModePlan, Slot

__all__ = ["CUTS", "SlotDecoder", "any_of", "looked_up", "slot_fields", "specials"]

CUTS = ("positive", "run", "unpacked")
"""Cuts inside, all of which every slot has: operands stay beside each other."""
FIELDS = ("sign", "significand", "place", "zero", "inf", "nan")
TABLE_BITS = 4
"""Bits of the widest code that is looked up: each output is then one LUT6 with the mode."""


@functools.lru_cache(maxsize=256)
def specials(format: NumberFormat) -> tuple[bool, bool]:
    """Return whether a format has infinities, and NaN or NaR."""
    parts = format.parts(format.codes)
    return bool(parts.inf.any()), bool(parts.nan.any())


def slot_fields(slot: Slot) -> dict[str, int]:
    """Return the width of each field of `FIELDS` that a slot's operands differ in.

    A place that all have in common is left out, and so is what no format of the slot knows; a
    zero has to be told from other numbers where it may not move the window, or meet an infinity.
    """
    known = [specials(mode.format) for mode in slot.modes]
    inf, nan = (any(flags) for flags in zip(*known, strict=True))
    fields = {"sign": 1, "significand": slot.significand_bits}
    if len(slot.places) > 1:
        fields["place"] = slot.places[-1].bit_length()
    if slot.moves or inf:
        fields["zero"] = 1
    return fields | ({"inf": 1} if inf else {}) | ({"nan": 1} if nan else {})


class SlotDecoder(wiring.Component):
    """Takes the operand of a slot apart.

    All posit formats share one decoder, since their codes are left-aligned and zeros behind a
    posit change nothing; they differ in where the exponent ends. Codes of 4 bits are looked up.
    Every other format has its own decoder.

    Members
    -------
    code : In(slot.width)
        The port's bits, up to the slot's top; narrower operands are at the top.
    mode : In(mode_bits)
        Which format it is in.
    advance : In(1)
        Whether the registers load.
    load_CUT_MODES : In(1)
        If `held`: whether those load that are alive in these modes only, see `hw.mac.gating`.
    o : Out(StructLayout)
        The fields of `slot_fields`, as of `NumberFormat.unpacked`, but for the significand, which
        is as wide as the slot's widest, left-aligned, and 0 where the slot is idle, and ``place``,
        which is the scale with half of the mode's bias added. Latency: the registered ones of
        `CUTS`.
    """

    def __init__(self, slot: Slot, plan: MacPlan, *, gated: bool, held: bool = False) -> None:
        self._slot, self._plan, self._gated, self._held = slot, plan, gated, held
        self._place_bits = max(slot.places[-1].bit_length(), 1)
        self._wanted = slot_fields(slot)
        layout = data.StructLayout(self._wanted)
        super().__init__(
            {
                "code": In(slot.width),
                "mode": In(plan.mode_bits),
                "advance": In(1),
                "o": Out(layout),
                **{name: In(1) for name, _, _ in self.loads},
            }
        )

    @property
    def loads(self) -> list[tuple[str, str, Modes]]:
        """Names of the inputs that enable registers, each with its cut and modes."""
        if not self._held:
            return []
        every = frozenset(range(len(self._plan.modes)))
        sets = {*self._posit_modes(0), self._short_modes, *map(self._only, self._slot.modes)}
        return [
            (f"load_{name}_{label(modes)}", name, modes)
            for name in CUTS
            if name in self._plan.cuts
            for modes in sorted(sets - {every, frozenset()}, key=sorted)
        ]

    def load(self, cut: str, modes: Modes) -> Any:
        """Return the input that enables registers which are alive in `modes`."""
        [modes] = widened(self._plan, [modes])
        if len(modes) == len(self._plan.modes):
            return self.advance
        return getattr(self, f"load_{cut}_{label(modes)}")

    def alive(self, cut: str, name: str, width: int) -> Alive | None:
        """Return None: each register's modes are named where it is made."""
        return None

    def _posit_modes(self, low: int) -> Alive:
        """Return the modes in which each bit of a left-aligned posit, from `low` on, is alive."""
        modes = self._shared
        bits = max((mode.format.bits for mode in modes), default=0)
        sets = [
            frozenset(mode.index for mode in modes if at >= bits - mode.format.bits)
            for at in range(low, bits)
        ]
        return widened(self._plan, sets)

    @property
    def _shared(self) -> tuple[ModePlan, ...]:
        """Posits that are taken apart by one decoder."""
        return tuple(mode for mode in self._slot.posits if mode.format.bits > TABLE_BITS)

    @property
    def _short_modes(self) -> Modes:
        short = [mode.index for mode in self._slot.modes if mode.format.bits <= TABLE_BITS]
        return widened(self._plan, [frozenset(short)])[0]

    def _only(self, mode: ModePlan) -> Modes:
        return widened(self._plan, [frozenset({mode.index})])[0]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cut = Cutter(m, self.advance, self._plan.cuts, self if self._held else None)
        busy = any_of(self.mode == mode.index for mode in self._slot.modes)
        idle = len(self._slot.modes) < len(self._plan.modes)
        code = Mux(busy, self.code, 0) if self._gated and idle else self.code
        found: list[tuple[tuple[ModePlan, ...], Bundle]] = []
        shared = self._shared
        if shared:
            found.append((shared, self._posit(m, cut, shared, code)))
        for mode in self._slot.modes:
            if mode not in shared:
                found.append(((mode,), self._other(m, cut, mode, code)))
        mode = self._delayed(cut, "mode", self.mode)
        for name in self._wanted:
            chosen: Any = Const(0, len(self.o[name]))
            if len(found) == 1 and not idle:
                chosen = found[0][1][name]
            else:
                for modes, bundle in found:
                    here = any_of(mode == x.index for x in modes)
                    chosen |= Mux(here, bundle[name], 0)
            m.d.comb += self.o[name].eq(chosen)
        return m

    def _delayed(self, cut: Cutter, name: str, value: Any, modes: Modes | None = None) -> Any:
        for at in CUTS:
            value = cut.register(at, name, value, alive=modes)
        return value

    def _other(self, m: Module, cut: Cutter, mode: ModePlan, code: Any) -> Bundle:
        """Decode one format by itself; registers follow, or go before where it is looked up."""
        format = mode.format
        start = self._slot.width - mode.container
        own = code[start : start + format.bits]
        pad = self._slot.significand_bits - format.significand_bits
        if format.bits <= TABLE_BITS:
            short = code[self._slot.width - TABLE_BITS : self._slot.width]
            short = self._delayed(cut, f"{format.name}_code", short, self._short_modes)
            bundle = _tabled(format, mode.half, short[: format.bits])
            bundle["significand"] = Cat(Const(0, pad), bundle["significand"])
            return bundle
        decoder = Decoder(format)
        m.submodules[f"decode_{format.name}"] = decoder
        m.d.comb += decoder.code.eq(own)
        o = decoder.o
        bundle = {name: o[name] for name in FIELDS if name != "place"}
        bundle["place"] = (o.scale + mode.half)[: self._place_bits]
        bundle["significand"] = Cat(Const(0, pad), bundle["significand"])
        return {
            name: self._delayed(cut, f"{format.name}_{name}", value, self._only(mode))
            for name, value in bundle.items()
        }

    def _posit(self, m: Module, cut: Cutter, modes: tuple[ModePlan, ...], code: Any) -> Bundle:
        """Decode all posits: as `Posit.decoder`, with the exponent's width chosen late."""
        bits = max(mode.format.bits for mode in modes)
        aligned = Signal(bits, name="aligned")
        m.d.comb += aligned.eq(self._aligned_posit(modes, bits, code))
        sign = aligned[-1]
        body = Signal(bits - 1, name="body")
        m.d.comb += body.eq((aligned[:-1] ^ sign.replicate(bits - 1)) + sign)
        all_bits = self._posit_modes(0)
        some = all_bits[-1]  # alive whichever posit it is

        def later(name: str, bundle: Bundle, wide: str) -> Bundle:
            """Registers; what is called `wide` is left-aligned."""
            aligned_bits = all_bits[: len(Value.cast(bundle[wide]))]
            return {
                key: cut.register(name, key, value, alive=aligned_bits if key == wide else some)
                for key, value in bundle.items()
            }

        now = later("positive", {"sign": sign, "body": body}, "body")
        mode = cut.register("positive", "posit_mode", self.mode)
        body = Value.cast(now["body"])
        rising = body[-1]
        differing = body[:-1] ^ rising.replicate(bits - 2)
        count = Signal(range(bits - 1), name="count")  # of what is like the regime's first bit
        m.d.comb += count.eq(bits - 2)
        for at in range(bits - 2):  # the last assignment that applies is the highest one's
            with m.If(differing[at]):
                m.d.comb += count.eq(bits - 3 - at)
        now = {"sign": now["sign"], "rising": rising, "count": count, "rest": body[:-2]}
        now["special"] = ~body.any()
        now = later("run", now, "rest")
        mode = cut.register("run", "posit_mode", mode)
        rest = Value.cast(now["rest"])
        for stage in range(len(count)):
            shifted = Signal(bits - 3, name=f"rest_{1 << stage}")
            step = min(1 << stage, bits - 3)
            taken = Cat(Const(0, step), rest[: bits - 3 - step])
            m.d.comb += shifted.eq(Mux(now["count"][stage], taken, rest))
            rest = shifted
        falling = ~Value.cast(now["rising"])
        regime = Signal(len(count) + 1, name="regime")
        m.d.comb += regime.eq(Cat(now["count"], Const(0, 1)) ^ falling.replicate(len(regime)))
        now = {"sign": now["sign"], "special": now["special"], "rest": rest, "regime": regime}
        now = later("unpacked", now, "rest")
        mode = cut.register("unpacked", "posit_mode", mode)
        regime, rest = Value.cast(now["regime"]), Value.cast(now["rest"])
        significand, place = self._fields(modes, mode, rest, regime)
        return {
            "sign": now["sign"],
            "significand": Mux(now["special"], 0, significand),
            "place": place,
            "zero": now["special"] & ~now["sign"],
            "inf": Const(0, 1),
            "nan": now["special"] & now["sign"],
        }

    def _aligned_posit(self, modes: tuple[ModePlan, ...], bits: int, code: Any) -> Value:
        """Return the posit at the top of `bits` bits, what lies below it cleared."""
        if len(self._slot.modes) == 1:
            start = self._slot.width - self._slot.modes[0].container
            return Value.cast(code)[start : start + bits]
        result: Any = Const(0, bits)
        for mode in modes:
            start = self._slot.width - mode.container
            own = Value.cast(code)[start : start + mode.format.bits]
            own = Cat(Const(0, bits - mode.format.bits), own)
            result |= Mux(self.mode == mode.index, own, 0)
        return Value.cast(result)

    def _fields(
        self, modes: tuple[ModePlan, ...], mode: Any, rest: Value, regime: Value
    ) -> tuple[Any, Any]:
        """Return significand and place: ``rest`` holds exponent and fraction, left-aligned."""
        width = self._slot.significand_bits - 1
        significand: Any = Const(0, width)
        place: Any = Const(0, self._place_bits)
        groups: dict[tuple[int, int], list[ModePlan]] = {}
        for plan in modes:
            assert isinstance(plan.format, Posit)
            groups.setdefault((plan.format.es, plan.half), []).append(plan)
        for (es, half), members in groups.items():
            own = max(plan.format.significand_bits for plan in members) - 1
            padded = Cat(Const(0, width + es), rest)  # so that there is enough of it
            fraction = padded[len(padded) - es - own : len(padded) - es] if own else Const(0, 0)
            exponent = padded[len(padded) - es :]
            found = Cat(Const(0, width - own), fraction)
            most = max(plan.format.max_scale for plan in members)
            whole = _biased(Cat(exponent, regime), half, self._place_bits, most)
            if len(groups) > 1:
                here = any_of(mode == plan.index for plan in members)
                found, whole = Mux(here, found, 0), Mux(here, whole, 0)
            significand, place = significand | found, place | whole
        return Cat(significand[:width], Const(1, 1)), place


def _biased(scale: Any, half: int, bits: int, most: int) -> Any:
    """Return a signed scale of at most `most`, plus `half`: never negative, in `bits` bits."""
    scale = Value.cast(scale)
    top = half.bit_length() - 1
    if half != 1 << max(top, 0) or most >= half:
        return (scale.as_signed() + half)[:bits]
    # Of -half to half - 1, adding half inverts the sign; wider scales do not occur.
    extended = Cat(scale, scale[-1].replicate(max(top + 1 - len(scale), 0)))
    return Cat(extended[:top], ~extended[top], Const(0, max(bits - top - 1, 0)))[:bits]


def _tabled(format: NumberFormat, half: int, code: Any) -> Bundle:
    """Return all fields of a short code, each bit looked up."""
    parts = format.parts(format.codes)
    some = ~(parts.zero | parts.inf | parts.nan)
    place = np.where(some, parts.scale + half, 0)
    return {
        "sign": looked_up(code, parts.sign),
        "significand": looked_up(code, parts.significand, format.significand_bits),
        "place": looked_up(code, place, max(int(place.max()).bit_length(), 1)),
        "zero": looked_up(code, parts.zero),
        "inf": looked_up(code, parts.inf),
        "nan": looked_up(code, parts.nan),
    }


def looked_up(index: Any, table: Any, bits: int = 1) -> Any:
    """Return ``table[index]``: for each of its bits, a decision tree over the index's bits."""
    numbers = [int(number) for number in table]
    select = Value.cast(index)
    return Cat(
        *(_decided(select, [number >> bit & 1 for number in numbers]) for bit in range(bits))
    )


def _decided(select: Value, column: list[int]) -> Any:
    if len(set(column)) == 1:
        return Const(column[0], 1)
    half = len(column) // 2
    low, high = column[:half], column[half:]
    top, below = select[len(select) - 1], select[: len(select) - 1]
    if low == high:
        return _decided(below, low)
    if {*low} == {0} and {*high} == {1}:
        return top
    if {*low} == {1} and {*high} == {0}:
        return ~top
    return Mux(top, _decided(below, high), _decided(below, low))


def any_of(bits: Any) -> Any:
    """Return whether any of `bits` is set."""
    result: Any = Const(0, 1)
    for bit in bits:
        result = result | bit
    return result
