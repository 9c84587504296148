"""Registers at the cuts of a pipeline that are asked for; elsewhere values pass through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value

__all__ = ["Bundle", "Cutter", "choose"]

Bundle = dict[str, Any]
"""Values that belong together, by name."""


class Cutter:
    """Registers bundles at cuts.

    Parameters
    ----------
    m : Module
        Where the registers lie.
    advance : Value
        Whether they load; the whole pipeline moves or waits.
    cuts : frozenset of str
        Cuts that are registered.
    """

    def __init__(self, m: Module, advance: Any, cuts: frozenset[str]) -> None:
        self.m, self.advance, self.cuts = m, advance, cuts

    def __call__(
        self, cut: str, bundle: Mapping[str, Any], *, reset: tuple[str, ...] = ()
    ) -> Bundle:
        """Return `bundle` behind the cut; the values named in `reset` are cleared by reset."""
        return {
            name: self.register(cut, name, value, reset=name in reset)
            for name, value in bundle.items()
        }

    def register(self, cut: str, name: str, value: Any, *, reset: bool = False) -> Any:
        """Return one value behind the cut.

        Where that is not registered it still gets a name: written out again wherever it is used,
        it would double from cut to cut.
        """
        if cut not in self.cuts:
            return self._named(f"{cut}_{name}", value)
        return self.always(f"{cut}_{name}", value, reset=reset)

    def _named(self, name: str, value: Any) -> Any:
        expression = Value.cast(value)
        if isinstance(expression, Signal | Const):
            return value
        named = Signal(expression.shape(), name=name)
        self.m.d.comb += named.eq(expression)
        return named

    def always(self, name: str, value: Any, *, reset: bool = False) -> Signal:
        """Return `value` a cycle later."""
        later = Signal(Value.cast(value).shape(), name=name, reset_less=not reset)
        with self.m.If(self.advance):
            self.m.d.sync += later.eq(value)
        return later


def choose(select: Any, values: list[Any]) -> Any:
    """Return ``values[select]``; values that all modes agree on cost nothing."""
    if all(isinstance(v, int) and v == values[0] for v in values):
        return values[0]
    result = values[-1]
    for index in reversed(range(len(values) - 1)):
        result = Mux(select == index, values[index], result)
    return result
