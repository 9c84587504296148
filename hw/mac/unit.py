"""The multiply-accumulate unit: streams outside, one pipeline inside."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .accumulate import FLAGS, accumulated
from .align import aligned
from .config import MacConfig
from .finish import CUTS, Finish
from .gating import Gates
from .pipeline import Bundle, Cutter
from .slots import products

__all__ = ["MacUnit", "element_layout", "result_layout"]


def element_layout(config: MacConfig) -> data.StructLayout:
    """Layout of what is fed each cycle; fields that have one value only are left out.

    ``a`` and ``b`` hold one operand for each lane, lane 0 lowest; ``mode`` is an index into
    `MacConfig.modes`, ``output`` one into `MacConfig.outputs`, ``slot`` names the accumulator.
    """
    fields: dict[str, Any] = {"a": config.plan.port_bits, "b": config.plan.port_bits}
    fields["mode"] = (len(config.modes) - 1).bit_length()
    fields["output"] = max((len(config.outputs) - 1).bit_length(), 0) if config.outputs else 0
    fields["slot"] = (config.bank - 1).bit_length()
    return data.StructLayout({name: bits for name, bits in fields.items() if bits})


def result_layout(config: MacConfig) -> Any:
    """Shape of a result: a code or, with a sum for each lane, an array of them."""
    bits = max(format.bits for format in config.output_formats)
    return bits if config.reduce else data.ArrayLayout(bits, len(config.plan.slots))


class MacUnit(wiring.Component):
    """Adds up products, and rounds each sum once.

    One element, which is one product for each lane of its mode, every cycle; modes may change
    with every dot product without a bubble. The mode of a dot product's elements must not differ.
    Its result comes `MacConfig.latency` cycles after the element marked ``last``, if the consumer
    lets it; results keep the order of those elements. The accumulator is fresh afterwards.
    While a result waits, nothing moves.

    Members
    -------
    i : In(stream.Signature(StructLayout))
        ``data``, of `element_layout`, and ``last``.
    o : Out(stream.Signature)
        Results, of `result_layout`; narrower codes are in the low bits.
    """

    def __init__(self, config: MacConfig) -> None:
        self.config = config
        payload = data.StructLayout({"data": element_layout(config), "last": 1})
        super().__init__(
            {
                "i": In(stream.Signature(payload)),
                "o": Out(stream.Signature(result_layout(config))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config, plan = self.config, self.config.plan
        valid = Signal()
        advance: Any = Const(1, 1)
        if config.stall:
            advance = Signal(name="advance")
            m.d.comb += advance.eq(~valid | self.o.ready)
        gates = Gates(m, advance, plan) if config.gating else None
        cut = Cutter(m, advance, plan.cuts, gates)
        now = products(m, platform, cut, config, self._element())
        now = aligned(m, cut, config, now)
        groups = 1 if config.reduce else len(plan.slots)
        summed = self._after(cut, "done", now["valid"] & now["last"], reset=True)
        finished = [self._sum(m, platform, cut, now, key, summed) for key in range(groups)]
        done = self._control(cut, summed)
        code = Signal(Value.cast(self.o.payload).shape(), reset_less=True)
        width = len(code) // groups
        for key, found in enumerate(finished):
            with m.If(advance & done if config.gating else advance):
                m.d.sync += code[key * width : (key + 1) * width].eq(found)
        with m.If(advance):
            m.d.sync += valid.eq(done)
        m.d.comb += [
            self.i.ready.eq(advance),
            self.o.valid.eq(valid),
            Value.cast(self.o.payload).eq(code),
        ]
        return m

    def _element(self) -> Bundle:
        element = self.i.payload.data
        fields = {str(name) for name, _ in element_layout(self.config)}
        now: Bundle = {"valid": self.i.valid, "last": self.i.payload.last}
        for name in ("a", "b", "mode", "output", "slot"):
            now[name] = element[name] if name in fields else Const(0, 1)
        return now

    def _after(self, cut: Cutter, name: str, value: Any, *, reset: bool = False) -> Any:
        """Return a value as late as the accumulators' totals."""
        for turn in range(self.config.plan.segments):
            value = cut.always(f"{name}_total_{turn}", value, reset=reset)
        return value

    def _at_end(self, cut: Cutter, name: str, now: Bundle, key: int) -> Any:
        """Return a value as late as the totals; with gating, only that of a last element."""
        if self.config.gating and self.config.plan.segments == 1:
            return cut.wanted(f"{name}_{key}_total", now[name], now["valid"] & now["last"])
        return self._after(cut, f"{name}_{key}", now[name])

    def _control(self, cut: Cutter, done: Any) -> Any:
        """Return whether a result is there, `done` being whether a sum is."""
        if self.config.plan.segments > 1:
            done = cut.always("split_done", done, reset=True)
        for name in CUTS:
            done = cut.register(name, "done", done, reset=True)
        return done

    def _sum(self, m: Module, platform: Any, cut: Cutter, now: Bundle, key: int, done: Any) -> Any:
        """Accumulate and finish one sum; return its code."""
        config = self.config
        sums = accumulated(m, platform, cut, config, now, key)
        finish = Finish(config)
        finish = shared(m, platform, "finish", finish, instance=f"finish_{key}", key=config)
        m.d.comb += [finish.total.eq(sums.total), finish.advance.eq(cut.advance)]
        m.d.comb += finish.done.eq(done)
        m.d.comb += [getattr(finish, name).eq(getattr(sums, f"total_{name}")) for name in FLAGS]
        for name in ("mode", "output"):
            m.d.comb += getattr(finish, name).eq(self._at_end(cut, name, now, key))
        if f"g{key}_base" in now:
            m.d.comb += finish.base.eq(self._at_end(cut, f"g{key}_base", now, key))
        return finish.code
