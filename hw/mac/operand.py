"""One operand of the port taken apart: every slot's fields, and the bus that carries them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.export import shared

from .config import MacConfig
from .decode import CUTS, SlotDecoder, slot_fields
from .pipeline import Bundle, Cutter
from .plan import MacPlan
from .tables import indexed, table_fields

__all__ = ["Operand", "operand_latency", "operand_layout", "taken_apart"]


def operand_layout(plan: MacPlan) -> data.StructLayout:
    """Return what a decoded operand is: for slot i, its fields, called ``i_sign`` and so on."""
    fields = {
        f"{index}_{name}": bits
        for index, slot in enumerate(plan.slots)
        for name, bits in (table_fields(slot) if slot.tabled else slot_fields(slot)).items()
    }
    return data.StructLayout(fields)


def operand_latency(plan: MacPlan) -> int:
    """Return the cycles of `taken_apart`, the register behind it included."""
    return len(plan.cuts & {"input", *CUTS, "decoded"})


def taken_apart(
    m: Module, platform: Any, cut: Cutter, config: MacConfig, side: str, code: Any, mode: Any
) -> Bundle:
    """Return the fields of `operand_layout` of a port's bits; latency: the registered `CUTS`."""
    plan = config.plan
    found: Bundle = {}
    late = mode  # what is looked up waits as it came: that is narrower
    for name in CUTS:
        late = cut.register(name, f"mode_{side}", late)
    for index, slot in enumerate(plan.slots):
        if slot.tabled:
            short = code[slot.top - 3 : slot.top + 1]
            for name in CUTS:
                short = cut.register(name, f"{index}_{side}_code", short)
            fields = indexed(slot, late, short)
        else:
            fields = _decoded(m, platform, cut, config, side, code, mode, index)
        found |= {f"{index}_{name}": value for name, value in fields.items()}
    return found


def _decoded(
    m: Module,
    platform: Any,
    cut: Cutter,
    config: MacConfig,
    side: str,
    code: Any,
    mode: Any,
    index: int,
) -> Bundle:
    slot = config.plan.slots[index]
    gates = cut.gates
    decoder = SlotDecoder(slot, config.plan, gated=config.gating, held=gates is not None)
    loads = decoder.loads
    name, key = f"decode_{slot.name}", (config, slot.name, gates is not None)
    decoder = shared(m, platform, name, decoder, instance=f"decode_{side}{index}", key=key)
    m.d.comb += [
        decoder.code.eq(code[slot.top + 1 - slot.width : slot.top + 1]),
        decoder.mode.eq(mode),
        decoder.advance.eq(cut.advance),
    ]
    if gates is not None:
        m.d.comb += [getattr(decoder, port).eq(gates.load(at, to)) for port, at, to in loads]
    return {name: decoder.o[name] for name in slot_fields(slot)}


class Operand(wiring.Component):
    """Takes the operand of one port apart, for many units that compute with it.

    Members
    -------
    code : In(port_bits)
        The operand.
    mode : In(mode_bits)
        Its format.
    o : Out(operand_layout(plan))
        Its fields, `operand_latency` later.
    """

    def __init__(self, config: MacConfig) -> None:
        self._config, plan = config, config.plan
        super().__init__(
            {
                "code": In(plan.port_bits),
                "mode": In(plan.mode_bits),
                "o": Out(operand_layout(plan)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        cut = Cutter(m, 1, self._config.plan.cuts)
        now = cut("input", {"code": self.code, "mode": self.mode})
        found = taken_apart(m, platform, cut, self._config, "o", now["code"], now["mode"])
        found = cut("decoded", found)
        m.d.comb += [self.o[name].eq(value) for name, value in found.items()]
        return m
