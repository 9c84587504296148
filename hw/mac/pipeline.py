"""Registers at the cuts of a pipeline that are asked for; elsewhere values pass through."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value

from .gating import Alive, Gates, Loads, Modes

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
    gates : Loads, optional
        Knows which registers need not load; by default all do.
    """

    def __init__(
        self, m: Module, advance: Any, cuts: frozenset[str], gates: Loads | None = None
    ) -> None:
        self.m, self.advance, self.cuts, self.gates = m, advance, cuts, gates

    def __call__(
        self, cut: str, bundle: Mapping[str, Any], *, reset: tuple[str, ...] = ()
    ) -> Bundle:
        """Return `bundle` behind the cut; the values named in `reset` are cleared by reset."""
        later = {
            name: self.register(cut, name, value, reset=name in reset)
            for name, value in bundle.items()
        }
        control = cut in self.cuts and {"valid", "mode"} <= bundle.keys()
        if isinstance(self.gates, Gates) and control:
            self.gates.passes(cut, bundle, later)
        return later

    def register(
        self,
        cut: str,
        name: str,
        value: Any,
        *,
        reset: bool = False,
        alive: Alive | Modes | None = None,
    ) -> Any:
        """Return one value behind the cut; `alive` in place of what the gates know of `name`.

        Where that is not registered it still gets a name: written out again wherever it is used,
        it would double from cut to cut.
        """
        if cut not in self.cuts:
            return self._named(f"{cut}_{name}", value)
        value = Value.cast(value)
        if self.gates is not None and alive is None:
            alive = self.gates.alive(cut, name, len(value))
        if self.gates is None or alive is None:
            return self.always(f"{cut}_{name}", value, reset=reset)
        if isinstance(alive, frozenset):
            alive = [alive] * len(value)
        later = Signal(value.shape(), name=f"{cut}_{name}", reset_less=not reset)
        for modes, low, high in _runs(alive[: len(value)]):
            with self.m.If(self.gates.load(cut, modes)):
                self.m.d.sync += later[low:high].eq(value[low:high])
        return later

    def _named(self, name: str, value: Any) -> Any:
        expression = Value.cast(value)
        if isinstance(expression, Signal | Const):
            return value
        named = Signal(expression.shape(), name=name)
        self.m.d.comb += named.eq(expression)
        return named

    def always(self, name: str, value: Any, *, reset: bool = False) -> Signal:
        """Return `value` a cycle later."""
        return self._later(name, value, self.advance, reset)

    def wanted(self, name: str, value: Any, load: Any) -> Signal:
        """Return `value` a cycle later if `load` is set, else what was there."""
        return self._later(name, value, self.advance & load, False)

    def _later(self, name: str, value: Any, load: Any, reset: bool) -> Signal:
        later = Signal(Value.cast(value).shape(), name=name, reset_less=not reset)
        with self.m.If(load):
            self.m.d.sync += later.eq(value)
        return later


def _runs(alive: Alive) -> list[tuple[Modes, int, int]]:
    """Return neighbouring bits that are alive in the same modes: first and one past the last."""
    found, low = [], 0
    for modes, bits in groupby(alive):
        high = low + len(list(bits))
        found.append((modes, low, high))
        low = high
    return found


def choose(select: Any, values: list[Any]) -> Any:
    """Return ``values[select]``; values that all modes agree on cost nothing."""
    if all(isinstance(v, int) and v == values[0] for v in values):
        return values[0]
    result = values[-1]
    for index in reversed(range(len(values) - 1)):
        result = Mux(select == index, values[index], result)
    return result
