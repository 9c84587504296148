"""Shared modules: one class, many instances, and what cannot be shared is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, DomainRenamer, Elaboratable, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.contracts import ConfigError, KilnError
from hw.export import export, shared

from .toys import Array, Pe

pytestmark = pytest.mark.usefixtures("collect")


class Parent(wiring.Component):
    """Calls `build` to fill its module."""

    def __init__(self, build: Callable[[Module, Any], Any]) -> None:
        self.build = build
        super().__init__({"x": In(3), "y": Out(9)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        pe = self.build(m, platform)
        m.d.comb += [pe.a.eq(self.x), self.y.eq(pe.z)]
        return m


def counts(rows: int, cols: int) -> dict[str, int]:
    design = export(Array(rows, cols), "array")
    return {module.name: module.count for module in design.modules}


def test_instances_multiply_through_their_parents() -> None:
    assert counts(3, 4) == {
        "array_pe": 9,
        "array_pe_right": 3,
        "array_row": 3,
        "array_core": 1,
        "array": 1,
    }


def test_the_text_of_a_class_does_not_grow_with_the_array() -> None:
    small, large = export(Array(2, 2), "array"), export(Array(2, 8), "array")
    assert small.module("array_pe") == large.module("array_pe") or (
        small.module("array_pe").verilog == large.module("array_pe").verilog
    )


def test_children_are_listed_with_their_parent() -> None:
    design = export(Array(3, 4), "array")
    assert design.module("array_row").children == {"array_pe": 3, "array_pe_right": 1}
    assert design.module("array_core").children == {"array_row": 3}
    assert design.modules[-1].name == design.top == "array"


def test_simulation_and_export_name_instances_alike() -> None:
    shared_text = export(Array(2, 3), "array").module("array_row").verilog
    flat_text = export(Array(2, 3), "array", flat=True).verilog
    assert "array_pe pe_1 (" in shared_text
    assert "core.row_1.pe_1.z" in flat_text


def test_in_simulation_the_component_itself_is_used() -> None:
    array = Array(1, 1)
    simulator = Simulator(array)
    simulator.add_clock(1e-6)
    sums = []

    async def bench(ctx: Any) -> None:
        ctx.set(array.i.valid, 1)
        for step in range(3):
            ctx.set(array.i.p.a[0], 3)
            ctx.set(array.i.p.b[0], -2)
            ctx.set(array.i.p.first, step == 0)
            await ctx.tick()
            sums.append(ctx.get(array.o.p.data[0]))

    simulator.add_testbench(bench)
    simulator.run()
    assert sums == [-6, -12, -18]


def test_one_name_with_two_configurations_is_refused() -> None:
    def build(m: Module, platform: Any) -> Any:
        shared(m, platform, "pe", Pe(3, right=True))
        return shared(m, platform, "pe", Pe(3))

    with pytest.raises(KilnError, match=r"'pe' is asked for with two configurations.*own class"):
        export(Parent(build))


def test_a_key_decides_where_attributes_cannot_be_compared() -> None:
    def build(m: Module, platform: Any, **key: Any) -> Any:
        first, second = Pe(3, right=True), Pe(3, right=True)
        first.note, second.note = object(), object()
        shared(m, platform, "pe", first, **key)
        return shared(m, platform, "pe", second, **key)

    with pytest.raises(KilnError, match="'note' of type object cannot be compared; pass key="):
        export(Parent(build))
    design = export(Parent(lambda m, platform: build(m, platform, key="same")), "parent")
    assert design.module("parent_pe").count == 2


@pytest.mark.parametrize("wrap", [ResetInserter(Signal()), DomainRenamer("fast")])
def test_transformers_around_a_shared_module_are_refused(wrap: Any) -> None:
    class Wrapped(Elaboratable):
        def elaborate(self, platform: Any) -> Module:
            m = Module()
            shared(m, platform, "pe", Pe(3, right=True))
            return m

    def build(m: Module, platform: Any) -> Any:
        m.domains.fast = ClockDomain()
        m.submodules.wrapped = wrap(Wrapped())
        return shared(m, platform, "pe", Pe(3, right=True))

    with pytest.raises(KilnError, match="lies inside a ResetInserter"):
        export(Parent(build))


def test_a_wrapped_component_is_refused() -> None:
    def build(m: Module, platform: Any) -> Any:
        return shared(m, platform, "pe", ResetInserter(Signal())(Pe(3)))

    with pytest.raises(KilnError, match=r"is not a wiring\.Component"):
        export(Parent(build))


def test_a_class_inside_itself_is_refused() -> None:
    class Nested(wiring.Component):
        def __init__(self) -> None:
            super().__init__({"x": In(1), "y": Out(1)})

        def elaborate(self, platform: Any) -> Module:
            m = Module()
            inner = shared(m, platform, "nested", Nested())
            m.d.sync += self.y.eq(inner.y ^ self.x)
            return m

    with pytest.raises(KilnError, match="'nested' contains itself"):
        export(Nested(), "top")


def test_a_second_clock_is_refused() -> None:
    class Fast(wiring.Component):
        def __init__(self) -> None:
            super().__init__({"y": Out(1)})

        def elaborate(self, platform: Any) -> Module:
            m = Module()
            m.d.fast += self.y.eq(~self.y)
            return m

    with pytest.raises(KilnError, match=r"fast_clk.*use the clock domain 'sync' only"):
        export(Fast())


@pytest.mark.parametrize("name", ["", "7", "a-b", "a b", "_a"])
def test_a_top_that_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no Verilog identifier"):
        export(Array(1, 1), name)


def test_what_has_no_hardware_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no hardware to export"):
        export(object())
