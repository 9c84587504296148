"""Accumulators: a short loop of one shift by whole steps and one adder, or a segmented adder."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .config import MacConfig
from .pipeline import Bundle, Cutter
from .plan import MacPlan

__all__ = ["FLAGS", "Accumulator", "accumulated", "fall_bits", "falls"]

ZERO = -1  # in a list of sources: none
FLAGS = ("nan", "positive", "negative")


def falls(plan: MacPlan) -> int:
    """Return how many distances an accumulator may be shifted by and keep bits, 0 included."""
    return min(plan.bases + 1, -(-plan.accumulator_bits // plan.step))


def fall_bits(plan: MacPlan) -> int:
    """Return the bits of a distance, all ones standing for what keeps no bits."""
    return falls(plan).bit_length()


def accumulated(
    m: Module, platform: Any, cut: Cutter, config: MacConfig, now: Bundle, key: int = 0
) -> Accumulator:
    """Add the accumulator number `key` to `m`, fed with what `hw.mac.align.aligned` returned."""
    term = Value.cast(now[f"g{key}_term"])
    name = "accumulate" if config.reduce else f"accumulate_{key}"
    sums = Accumulator(config, len(term))
    sums = shared(m, platform, name, sums, instance=f"sum_{key}", key=(config, len(term)))
    m.d.comb += [
        *(getattr(sums, name).eq(now[name]) for name in ("valid", "last", "first", "slot")),
        *(getattr(sums, name).eq(now[f"g{key}_{name}"]) for name in ("carry", *FLAGS)),
        sums.advance.eq(cut.advance),
        sums.term.eq(term),
    ]
    if f"g{key}_fall" in now:
        m.d.comb += sums.fall.eq(now[f"g{key}_fall"])
    return sums


class Accumulator(wiring.Component):
    """Adds terms to the accumulators of a bank; one element per cycle.

    Members
    -------
    valid, last : In(1)
        Whether an element is there, and whether it is its dot product's last.
    slot : In
        Which accumulator of the bank it goes into.
    term, carry : In
        What is added: their sum, signed.
    first : In(1)
        Whether it begins a dot product.
    fall : In(fall_bits)
        Where the window moves, by how many steps the accumulator is shifted right before; with
        all ones it begins anew.
    nan, positive, negative : In(1)
        Flags that stick.
    total, total_nan, total_positive, total_negative : Out
        The sum, a cycle after its last element; with segments, as many cycles as these.
    """

    def __init__(self, config: MacConfig, term_bits: int) -> None:
        self._config, plan = config, config.plan
        self._plan = plan
        ports: dict[str, Any] = {"valid": In(1), "last": In(1), "advance": In(1)}
        ports |= {"term": In(signed(term_bits)), "carry": In(1)}
        ports |= {"slot": In(max((config.bank - 1).bit_length(), 1))}
        ports |= {"first": In(1), "fall": In(fall_bits(plan))}
        ports |= {name: In(1) for name in FLAGS} | {f"total_{name}": Out(1) for name in FLAGS}
        super().__init__({**ports, "total": Out(signed(plan.accumulator_bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self._plan.accumulator_bits
        control = {"valid": self.valid, "first": self.first, "slot": self.slot}
        term = Signal(signed(bits))
        m.d.comb += term.eq(self.term)
        carry: Any = self.carry
        parts: list[Any] = []
        count = self._plan.segments
        for index in range(count):
            low = index * self._config.segment
            high = bits if index == count - 1 else low + self._config.segment
            piece = Value.cast(term)[low:high]
            for turn in range(index):
                piece = self._later(m, f"term_{index}_{turn}", piece)
            total, carry = self._piece(m, index, piece, carry, control, high == bits)
            for turn in range(count - 1 - index):
                total = self._later(m, f"total_{index}_{turn}", total)
            parts.append(total)
            if index < count - 1:
                control = {
                    name: self._later(m, f"{name}_{index}", value, reset=name == "valid")
                    for name, value in control.items()
                }
        m.d.comb += self.total.eq(Cat(*parts))
        self._flags(m)
        return m

    def _piece(
        self, m: Module, index: int, term: Value, carry: Any, control: dict[str, Any], top: bool
    ) -> tuple[Any, Any]:
        """Accumulate one piece; return its sum, and its carry for the next cycle."""
        bank = self._config.bank
        state = [Signal(len(term), name=f"sum_{index}_{at}", reset_less=True) for at in range(bank)]
        held: Any = state[0]
        if bank > 1:
            held = Signal(len(term), name=f"held_{index}")
            m.d.comb += held.eq(Array(state)[control["slot"]])
        before = Signal(len(term), name=f"before_{index}")
        moved = self._fallen(held) if self._plan.bases else Mux(control["first"], 0, held)
        after = Signal(len(term) + (not top), name=f"after_{index}")
        total: Any = before + term + carry
        if self._plan.bases:
            # The same, whole and without its carry. What is subtracted stays the second operand, so
            # that an adder's LUT6 makes the choice above; of a sum, synthesis may swap the two.
            # Below the sum's lowest bit is the inverted carry: its AND with the carry is 0.
            wide = Signal(len(term) + 1, name=f"wide_{index}")
            m.d.comb += wide.eq(Cat(carry, term) - ~Cat(Const(0, 1), before))
            total = Cat(wide[1] | (wide[0] & carry), wide[2:])
        m.d.comb += [before.eq(moved), after.eq(total)]
        with m.If(self.advance & control["valid"]):
            for at in range(bank):
                with m.If(control["slot"] == at if bank > 1 else Const(1)):
                    m.d.sync += state[at].eq(after)
        total = state[0]
        if bank > 1:
            total = self._later(m, f"result_{index}", after[: len(term)])
        return total, None if top else self._later(m, f"carry_{index}", after[-1])

    def _fallen(self, held: Value) -> Any:
        """Shift right by whole steps, rounding down, or begin anew.

        Each bit chooses among what may come: that, and one adder, are all of the loop.
        """
        count, top = falls(self._plan), len(held) - 1
        codes = 1 << fall_bits(self._plan)
        bits = []
        for at in range(len(held)):
            sources: list[int | None] = [None] * codes
            for steps in range(count):
                sources[steps] = min(at + steps * self._plan.step, top)
            sources[-1] = ZERO
            bits.append(_chosen(self.fall, held, sources))
        return Cat(*bits)

    def _flags(self, m: Module) -> None:
        bank, delay = self._config.bank, self._plan.segments - 1
        valid = self.advance & self.valid
        for name in FLAGS:
            state = [Signal(name=f"{name}_{at}") for at in range(bank)]
            held = Array(state)[self.slot] if bank > 1 else state[0]
            now = Signal(name=f"{name}_now")
            m.d.comb += now.eq(held | getattr(self, name))
            with m.If(valid):
                for at in range(bank):
                    with m.If(self.slot == at if bank > 1 else Const(1)):
                        m.d.sync += state[at].eq(now & ~self.last)
            result: Any = self._later(m, f"{name}_result", now)
            for turn in range(delay):
                result = self._later(m, f"{name}_result_{turn}", result)
            m.d.comb += getattr(self, f"total_{name}").eq(result)

    def _later(self, m: Module, name: str, value: Any, *, reset: bool = False) -> Signal:
        later = Signal(Value.cast(value).shape(), name=name, reset_less=not reset)
        with m.If(self.advance):
            m.d.sync += later.eq(value)
        return later


def _chosen(select: Any, held: Value, sources: list[int | None]) -> Any:
    """Return the bit of `held` that `sources` names for `select`; None never occurs."""
    known = {source for source in sources if source is not None}
    if len(known) == 1:
        at = known.pop()
        return Const(0, 1) if at == ZERO else held[at]
    half, top = len(sources) // 2, len(select) - 1
    low, high = sources[:half], sources[half:]
    pairs = list(zip(low, high, strict=True))
    if all(a is None or b is None or a == b for a, b in pairs):
        return _chosen(select[:top], held, [a if b is None else b for a, b in pairs])
    return Mux(select[top], _chosen(select[:top], held, high), _chosen(select[:top], held, low))
