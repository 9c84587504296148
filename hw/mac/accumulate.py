"""Accumulators: a short loop of one shift by whole steps and one adder, or a segmented adder."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .config import MacConfig
from .plan import MacPlan

__all__ = ["FLAGS", "Accumulator", "fall_codes"]

FLAGS = ("nan", "positive", "negative")


def fall_codes(plan: MacPlan) -> int:
    """Return how many things may happen to an accumulator before a term is added."""
    return min(plan.bases + 1, -(-plan.accumulator_bits // plan.step)) + 2


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
    fall : In
        Where the window moves, what happens to the accumulator before: it is shifted right by so
        many steps; with the last but one code, by all of its bits; with the last, it begins anew.
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
        ports |= {"first": In(1), "fall": In((fall_codes(plan) - 1).bit_length())}
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
        if self._plan.bases:
            self._fall(m, before, Value.cast(held).as_signed())
        else:
            m.d.comb += before.eq(Mux(control["first"], 0, held))
        after = Signal(len(term) + 1, name=f"after_{index}")
        m.d.comb += after.eq((Cat(Const(1, 1), before) + Cat(carry, term))[1:])
        with m.If(self.advance & control["valid"]):
            for at in range(bank):
                with m.If(control["slot"] == at if bank > 1 else Const(1)):
                    m.d.sync += state[at].eq(after)
        total = state[0]
        if bank > 1:
            total = self._later(m, f"result_{index}", after[: len(term)])
        return total, None if top else self._later(m, f"carry_{index}", after[-1])

    def _fall(self, m: Module, before: Signal, held: Any) -> None:
        """Shift right by whole steps, rounding down, or begin anew."""
        codes = fall_codes(self._plan)
        with m.Switch(self.fall):
            for steps in range(codes - 2):
                with m.Case(steps):
                    m.d.comb += before.eq(held >> (steps * self._plan.step))
            with m.Case(codes - 2):
                m.d.comb += before.eq(held[-1].replicate(len(before)))
            with m.Default():
                m.d.comb += before.eq(0)

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
