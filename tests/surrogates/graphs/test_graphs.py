"""Graphs of designs: what is in them, and what they are counted from."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from boards.frozen import freeze
from hw.export import export
from hw.mac import MacConfig
from hw.matrix import MatrixConfig
from surrogates.graphs import FEATURES, KINDS, SUMMARY, ModuleGraph, design_graph, summaries


class Small(wiring.Component):
    """A product, a sum of `terms` more operands, and a register with an enable."""

    def __init__(self, width: int = 8, terms: int = 1) -> None:
        self._terms = terms
        ports = {"a": In(width), "b": In(width), "en": In(1), "o": Out(2 * width)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        value = self.a * self.b
        for _ in range(self._terms):
            value = (value + self.a)[: len(self.o)]
        with m.If(self.en):
            m.d.sync += self.o.eq(value)
        return m


class Rom(wiring.Component):
    """A memory that is written and read."""

    def __init__(self) -> None:
        super().__init__({"address": In(4), "data": In(12), "o": Out(12)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=unsigned(12), depth=16, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [write.addr.eq(self.address), write.data.eq(self.data), write.en.eq(1)]
        m.d.comb += [read.addr.eq(self.address), self.o.eq(read.data)]
        return m


def top_of(component: object, **options: object) -> ModuleGraph:
    design = export(component, "tiny", axi=False, **options)
    return design_graph(design).modules["tiny"]


def feature(graph: ModuleGraph, name: str, kind: str, **only: int) -> list[int]:
    rows = graph.features[graph.kinds == KINDS.index(kind)]
    for other, value in only.items():
        rows = rows[rows[:, FEATURES.index(other)] == value]
    return sorted(rows[:, FEATURES.index(name)].tolist())


def counted(graph: ModuleGraph) -> dict[str, int]:
    return {kind: int((graph.kinds == at).sum()) for at, kind in enumerate(KINDS)}


def test_nodes_are_operators_with_their_widths() -> None:
    graph = top_of(Small())
    found = {kind: count for kind, count in counted(graph).items() if count}
    assert found["multiply"] == found["add"] == found["register"] == found["output"] == 1
    assert feature(graph, "width", "multiply") == [16]
    assert feature(graph, "narrowest", "multiply") == [8]
    assert feature(graph, "width", "register") == [16]
    assert feature(graph, "inputs", "add") == [2]
    assert feature(graph, "constant_bits", "add") == [8]  # what extends the shorter operand


def test_edges_say_who_reads_how_many_bits_of_whom() -> None:
    graph = top_of(Small())
    name = [KINDS[kind] for kind in graph.kinds]
    bits = {(name[a], name[b]): width for a, b, width in graph.edges.tolist()}
    assert bits["multiply", "add"] == 16
    assert bits["register", "output"] == 16
    assert bits["add", "select"] == 16
    assert bits["input", "select"] >= 1  # the enable


@pytest.mark.parametrize("terms", [1, 2, 5])
def test_depth_counts_operators_on_the_longest_way(terms: int) -> None:
    graph = top_of(Small(terms=terms))
    assert feature(graph, "depth", "multiply") == [1]
    assert feature(graph, "depth", "add") == list(range(2, terms + 2))


def test_memories_have_their_words() -> None:
    graph = top_of(Rom())
    assert feature(graph, "words", "memory_read") == feature(graph, "words", "memory_write") == [16]
    assert summaries(graph)[SUMMARY.index("memory_bits")] == 16 * 12


def test_equal_hardware_has_one_digest_whatever_its_name() -> None:
    one, other = (
        design_graph(export(Small(), name, axi=False)).modules[name] for name in ("tiny", "kiln")
    )
    assert one.digest == other.digest
    assert top_of(Small(width=9)).digest != one.digest
    assert top_of(Small(terms=2)).digest != one.digest


def test_work_of_a_product_is_that_of_its_operands() -> None:
    found = dict(zip(SUMMARY, summaries(top_of(Small(width=6))), strict=True))
    assert found["multiply_work"] == 36
    assert found["register_bits"] == 12
    assert found["multiply_nodes"] == 1


@pytest.mark.parametrize(
    "config",
    [
        MatrixConfig(rows=4, cols=4),
        MatrixConfig(rows=4, cols=2, dataflow="ws", result_rows=8),
        MacConfig(modes=("posit8", "int8"), pipeline=2),
    ],
    ids=["os", "ws", "mac"],
)
def test_flip_flops_and_memory_bits_are_those_of_the_frozen_netlist(config: object) -> None:
    design = export(config, "kiln")
    graph, frozen = design_graph(design), freeze(design.verilog, "kiln")
    totals = sum(graph.counts[name] * summaries(module) for name, module in graph.modules.items())
    found = dict(zip(SUMMARY, np.asarray(totals), strict=True))
    reads = sum(
        graph.counts[name] * sum(feature(module, "width", "memory_read", clocked=1))
        for name, module in graph.modules.items()
    )
    bits = found["register_bits"] + reads
    # Yosys takes out bits of a register that nobody reads where others of it are read.
    most = 1.03 if isinstance(config, MacConfig) else 1.001
    assert frozen.flop_bits <= bits <= most * frozen.flop_bits
    assert found["memory_bits"] == sum(m.width * m.size for m in frozen.memories)


def test_a_larger_array_is_the_same_modules_more_often() -> None:
    small, large = (design_graph(MatrixConfig(rows=n, cols=n, result_rows=16)) for n in (4, 16))
    element = "kiln_matrix_pe"
    assert small.modules[element].digest == large.modules[element].digest
    assert (small.counts[element], large.counts[element]) == (12, 240)
    row = large.modules["kiln_matrix_row"]
    assert sorted(row.children.values()) == ["kiln_matrix_pe"] * 16
    nodes = sum(len(module.kinds) for module in large.modules.values())
    assert nodes < 2 * sum(len(module.kinds) for module in small.modules.values())


def test_parents_come_after_their_children() -> None:
    graph = design_graph(MatrixConfig(rows=2, cols=2))
    order = list(graph.modules)
    for name, module in graph.modules.items():
        for child in module.children.values():
            assert order.index(child) < order.index(name)


def test_a_signal_that_is_read_in_parts_counts_its_readers_once() -> None:
    class Parts(wiring.Component):
        def __init__(self) -> None:
            super().__init__({"a": In(8), "o": Out(8)})

        def elaborate(self, platform: object) -> Module:
            m = Module()
            held = Signal(8)
            m.d.sync += held.eq(self.a)
            m.d.comb += self.o.eq(held[:4] + held[4:])
            return m

    graph = top_of(Parts())
    assert feature(graph, "fanout", "register") == [1]
    name = [KINDS[kind] for kind in graph.kinds]
    assert [w for a, b, w in graph.edges.tolist() if name[a] == "register"] == [8]
