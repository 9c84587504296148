"""From a sum to codes: sign and magnitude, normalised in two steps, rounded once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.numerics import NumberFormat
from hw.numerics.logic import signed_width

from .accumulate import FLAGS
from .config import MacConfig
from .gating import Alive, Modes
from .pipeline import Bundle, Cutter, choose

__all__ = ["CUTS", "Finish"]

CUTS = ("absolute", "group", "coarse", "normal", "measured", "shifted", "rounded", "encoded")
ENCODER = CUTS[-4:-1]
GROUP = 8


class Done:
    """Lets registers load what belongs to a sum that is done."""

    def __init__(self, loads: Mapping[str, Any]) -> None:
        self._loads = loads

    def load(self, cut: str, modes: Modes) -> Any:
        return self._loads[cut]

    def alive(self, cut: str, name: str, width: int) -> Alive | None:
        return [frozenset()] * width


class Finish(wiring.Component):
    """Rounds a sum into the format that is asked for.

    Members
    -------
    total : In(signed(accumulator_bits))
        The sum.
    base : In
        Position of its window, in steps.
    mode, output : In
        Formats of operands and result.
    nan, positive, negative : In(1)
        Whether a NaN or infinities went in.
    advance : In(1)
        Whether the registers load.
    done : In(1)
        Whether there is a sum; with gating, registers that would take over none keep their value.
    code : Out(bits)
        The result. Latency: the registered ones of `CUTS`, and one for a segmented adder.
    """

    def __init__(self, config: MacConfig) -> None:
        self._config, self._plan = config, config.plan
        plan = self._plan
        self._outputs = config.output_formats
        ports: dict[str, Any] = {"total": In(signed(plan.accumulator_bits)), "advance": In(1)}
        ports |= {"base": In(max(plan.bases.bit_length(), 1))}
        ports |= {"mode": In(plan.mode_bits)}
        ports |= {"output": In(max((len(config.outputs) - 1).bit_length(), 1))}
        ports |= {name: In(1) for name in FLAGS} | {"done": In(1, init=1)}
        super().__init__({**ports, "code": Out(max(f.bits for f in self._outputs))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cut = Cutter(m, self.advance, self._plan.cuts, self._gates(m))
        now = self._absolute(m, cut)
        now = cut("absolute", now)
        now = cut("group", self._group(m, now))
        now = cut("coarse", self._coarse(m, now))
        now = cut("normal", self._fine(m, now))
        m.d.comb += self.code.eq(self._encoded(m, cut, now))
        return m

    def _gates(self, m: Module) -> Done | None:
        if not self._config.gating:
            return None
        cut = Cutter(m, self.advance, self._plan.cuts)
        loads, done = {}, self.done
        if self._plan.segments > 1:
            done = cut.always("split_done", done, reset=True)
        for name in CUTS:
            loads[name] = self.advance & done
            done = cut.register(name, "done", done, reset=True)
        return Done(loads)

    def _absolute(self, m: Module, cut: Cutter) -> Bundle:
        names = ("base", "mode", "output", *FLAGS)
        now: Bundle = {name: getattr(self, name) for name in names}
        if not self._plan.bases:
            now["base"] = Const(0, 1)
        now["nan"] = self.nan | (self.positive & self.negative)
        now["inf"] = self.positive | self.negative
        total = Value.cast(self.total)
        if self._config.gating and self._plan.segments == 1:  # so that no sum on its way is negated
            total = total.as_unsigned() & self.done.replicate(len(total))
        sign = total[-1]
        now["sign"] = Mux(now["inf"], self.negative, sign)
        del now["positive"], now["negative"]
        if self._plan.segments == 1:
            now["magnitude"] = Signal(len(total), name="magnitude")
            m.d.comb += now["magnitude"].eq((total ^ sign.replicate(len(total))) + sign)
            return now
        # A piece is inverted, and one is added where all below it are zero: no long carry.
        size = self._config.segment
        pieces = [total[at : at + size] for at in range(0, len(total), size)]
        zero: Any = Const(1, 1)
        now["total"], now["negate"] = total, sign
        for at, piece in enumerate(pieces):
            now[f"zero_{at}"] = zero
            zero = zero & ~piece.any()
        now = {name: cut.always(f"split_{name}", value) for name, value in now.items()}
        total, sign = Value.cast(now.pop("total")), now.pop("negate")
        parts = []
        for at in range(len(pieces)):
            piece = total[at * size : (at + 1) * size]
            one = sign & now.pop(f"zero_{at}")
            parts.append(((piece ^ sign.replicate(len(piece))) + one)[: len(piece)])
        now["magnitude"] = Cat(*parts)
        return now

    @property
    def _kept(self) -> int:
        """Bits of the normalised significand."""
        return max(format.significand_bits for format in self._outputs) + 1

    @property
    def _size(self) -> int:
        """Bits of the groups in which the first one is looked for."""
        return min(self._plan.step, GROUP)

    @property
    def _pad(self) -> int:
        """Zeros below the magnitude, so that its groups lie on whole multiples of their size."""
        return min(mode.origin for mode in self._plan.modes) % self._size

    def _group(self, m: Module, now: Bundle) -> Bundle:
        """Find the first group of bits in which there is a one, and what any of them cuts off."""
        step = self._size
        magnitude = Cat(Const(0, self._pad), now["magnitude"])
        groups = -(-len(magnitude) // step)
        group = Signal(max((groups - 1).bit_length(), 1), name="group")
        for at in range(groups):  # the last assignment that applies is the highest group's
            with m.If(magnitude[at * step : (at + 1) * step].any()):
                m.d.comb += group.eq(at)
        wide = step - 1 + self._kept
        below = [magnitude[: max((at + 1) * step - wide, 0)].any() for at in range(groups)]
        return now | {"group": group, "below": Cat(*below)}

    def _coarse(self, m: Module, now: Bundle) -> Bundle:
        """Bring that group to the top."""
        step, kept = self._size, self._kept
        magnitude, group = Cat(Const(0, self._pad), now.pop("magnitude")), now["group"]
        groups = -(-len(magnitude) // step)
        magnitude = Cat(magnitude, Const(0, groups * step - len(magnitude)))
        wide = step - 1 + kept
        below = Value.cast(now.pop("below"))
        padded = Cat(Const(0, wide), magnitude)
        window, sticky = Signal(wide, name="window"), Signal(name="sticky")
        with m.Switch(group):
            for at in range(groups):
                with m.Case(at) if at < groups - 1 else m.Default():
                    top = (at + 1) * step + wide
                    m.d.comb += [window.eq(padded[top - wide : top]), sticky.eq(below[at])]
        return now | {"window": window, "sticky": sticky}

    def _fine(self, m: Module, now: Bundle) -> Bundle:
        step = self._size
        window, group = Value.cast(now.pop("window")), now.pop("group")
        position = Signal(range(step), name="position")  # of the first one in its group
        head = window[-step:]
        for at in range(step):
            with m.If(head[at]):
                m.d.comb += position.eq(at)
        value = window
        for stage in reversed(range(len(position))):
            distance = 1 << stage
            shifted = Signal(len(value), name=f"normal_{distance}")
            m.d.comb += shifted.eq(
                Mux(position[stage], value, Cat(Const(0, distance), value[:-distance]))
            )
            value = shifted
        origins = [mode.origin - self._pad for mode in self._plan.modes]
        each = self._plan.step // step  # groups in a step of the window
        coarse = Cat(Const(0, each.bit_length() - 1), now.pop("base")) + group
        scale = Cat(position, coarse) + choose(now["mode"], origins)
        low = value[: -self._kept]
        result = Signal(signed(self._scale_bits), name="scale")
        m.d.comb += result.eq(scale)
        return now | {
            "significand": value[-self._kept :],
            "sticky": now["sticky"] | low.any(),
            "scale": result,
        }

    @property
    def _scale_bits(self) -> int:
        plan = self._plan
        top = plan.step * (plan.bases + 1) + plan.accumulator_bits + plan.step
        ends = [mode.origin - self._pad + at for mode in plan.modes for at in (0, top)]
        ends += [s for f in self._outputs for s in (f.min_scale, f.max_scale)]
        return signed_width(*ends)

    def _encoded(self, m: Module, cut: Cutter, now: Bundle) -> Any:
        codes: list[Any] = []
        for format in self._outputs:
            layout = format.normalised(self._kept, self._scale_bits)
            number = Signal(layout, name=f"number_{format.name}")
            for name in ("sign", "significand", "scale", "sticky", "inf", "nan"):
                m.d.comb += number[name].eq(now[name])
            codes.append(self._encode(m, cut, format, number))
        name = "output" if self._config.outputs else "mode"
        select = now[name]
        for at in (*ENCODER, CUTS[-1]):
            select = cut.register(at, f"select_{name}", select)
        return choose(select, codes)

    def _encode(self, m: Module, cut: Cutter, format: NumberFormat, number: Any) -> Any:
        names = iter(range(100))

        def later(value: Any, at: int) -> Any:
            return cut.register(ENCODER[at], f"{format.name}_{next(names)}", value)

        code = Signal(format.bits, name=f"code_{format.name}")
        m.d.comb += code.eq(format.encoder(m, number, later))
        return cut.register(CUTS[-1], f"code_{format.name}", code)
