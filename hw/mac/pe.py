"""Processing element of an array: the unit without what a row or a column can have in common.

Operands come decoded (`hw.mac.operand`), sums leave unrounded for `hw.mac.finish` at the end of
their column.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .accumulate import FLAGS, accumulated
from .align import aligned
from .config import MacConfig
from .decode import specials
from .finish import CUTS as FINISH
from .operand import operand_latency, operand_layout
from .pipeline import Bundle, Cutter
from .plan import MacPlan
from .slots import multiplied

__all__ = ["MacPe", "control_layout", "finish_latency", "pe_latency", "sum_layout"]


def control_layout(plan: MacPlan) -> data.StructLayout:
    """Return what comes with a pair of operands.

    ``valid``: there is one; ``last``: it ends its dot product; ``mode``, where there are several.
    """
    mode = {"mode": plan.mode_bits} if len(plan.modes) > 1 else {}
    return data.StructLayout({"valid": 1, "last": 1, **mode})


def sum_layout(plan: MacPlan) -> data.StructLayout:
    """Return an unrounded sum: ``total``, its window's ``base``, and those of `FLAGS` there are."""
    known = [specials(mode.format) for mode in plan.modes]
    inf, nan = (any(flags) for flags in zip(*known, strict=True))
    fields: dict[str, Any] = {"total": signed(plan.accumulator_bits)}
    if plan.bases:
        fields["base"] = plan.bases.bit_length()
    wanted = {"nan": inf or nan, "positive": inf, "negative": inf}
    return data.StructLayout(fields | {name: 1 for name in FLAGS if wanted[name]})


def pe_latency(plan: MacPlan) -> int:
    """Return the cycles from a pair of operands to the sum with it, in the accumulator."""
    return len(plan.cuts) - operand_latency(plan) - finish_latency(plan) + 1


def finish_latency(plan: MacPlan) -> int:
    """Return the cycles of `hw.mac.finish.Finish`."""
    return len(plan.cuts & set(FINISH))


class MacPe(wiring.Component):
    """Output-stationary element: adds up products, and hands each sum to the drain chain.

    B passes down through a register; A and its control pass right outside, in the row. A sum is at
    ``drain_out`` `pe_latency` + 1 cycles after its last operands; otherwise ``drain_out`` repeats
    ``drain_in``, so that a column's sums flow up, the lowest last, every second cycle. A pair per
    cycle, no stalls; reset forgets what is in flight.

    Parameters
    ----------
    config : MacConfig
        Formats, accumulator and pipeline; one sum of all lanes, one accumulator.
    bottom : bool
        Position: the bottom edge passes no B on and drains nothing from below.

    Members
    -------
    a, b : In(operand_layout)
        Decoded operands.
    control : In(control_layout)
        What they are.
    b_out : Out(operand_layout)
        B for the element below.
    drain_in, drain_out : In, Out(sum_layout)
        The column's chain of sums.
    """

    def __init__(self, config: MacConfig, *, bottom: bool = False) -> None:
        self._config, self._bottom = config, bottom
        operand, result = operand_layout(config.plan), sum_layout(config.plan)
        ports: dict[str, Any] = {"a": In(operand), "b": In(operand)}
        ports |= {"control": In(control_layout(config.plan)), "drain_out": Out(result)}
        if not bottom:
            ports |= {"b_out": Out(operand), "drain_in": In(result)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, plan = self._config, self._config.plan
        if not self._bottom:
            passed = Signal(operand_layout(plan), name="passed", reset_less=True)
            m.d.sync += passed.eq(self.b)
            m.d.comb += self.b_out.eq(passed)
        cut = Cutter(m, Const(1, 1), plan.cuts)
        now = aligned(m, cut, config, multiplied(m, cut, config, self._pair()))
        sums = accumulated(m, platform, cut, config, now)
        done = cut.always("done", now["valid"] & now["last"], reset=True)
        found: Bundle = {name: getattr(sums, f"total_{name}") for name in FLAGS}
        found["total"] = sums.total
        if "g0_base" in now:
            found["base"] = cut.always("base", now["g0_base"])
        self._drain(m, done, found)
        return m

    def _pair(self) -> Bundle:
        """Return control and operands by the names that the unit's stages use."""
        control, fields = self.control, operand_layout(self._config.plan)
        now: Bundle = {"valid": control.valid, "last": control.last}
        one_mode = len(self._config.plan.modes) == 1
        now |= {"mode": Const(0, 1) if one_mode else control.mode}
        now |= {"output": Const(0, 1), "slot": Const(0, 1)}
        for side, operand in (("a", self.a), ("b", self.b)):
            now |= {f"{side}_{name}": operand[name] for name, _ in fields}
        return now

    def _drain(self, m: Module, done: Any, found: Bundle) -> None:
        drain = Signal(sum_layout(self._config.plan), name="drain", reset_less=True)
        if not self._bottom:
            m.d.sync += drain.eq(self.drain_in)
        with m.If(done):
            m.d.sync += [drain[name].eq(found[name]) for name, _ in drain.shape()]
        m.d.comb += self.drain_out.eq(drain)
