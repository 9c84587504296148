"""Frozen netlists do what their sources do, cycle by cycle, and keep the names of their state."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from boards.frozen import Frozen, Sources, freeze, sources_of, write_verilog
from hw.contracts import ConfigError
from sim.faults.original.simulate import simulate

HERE = Path(__file__).parent
PLAIN, KINDS = HERE / "plain.v", HERE / "kinds.sv"


def random_inputs(netlist: Frozen, cycles: int) -> list[dict[str, int]]:
    """Return random inputs, resets seldom; set and clear are never released at once."""
    rng = random.Random(1)
    steps: list[dict[str, int]] = []
    for cycle in range(cycles):
        step = {port.name: rng.getrandbits(len(port.bits)) for port in netlist.inputs}
        step["arst_n"] = int(cycle >= 2 and rng.random() > 0.1)
        step["clr"] = int(cycle < 2 or rng.random() < 0.1)
        step["set"] = int(not step["clr"] and rng.random() < 0.2)
        steps.append(
            {name: value for name, value in step.items() if name in netlist_names(netlist)}
        )
    return steps


def netlist_names(netlist: Frozen) -> set[str]:
    return {port.name for port in netlist.inputs}


def agree(sources: Sources, netlist: Frozen) -> None:
    steps = random_inputs(netlist, 2000)
    original = simulate(sources, netlist, steps)
    written = simulate(sources_of(write_verilog(netlist)), netlist, steps)
    np.testing.assert_array_equal(original, written)
    assert len(np.unique(original, axis=0)) > 500


def test_everything_that_slang_reads_is_lowered_exactly() -> None:
    sources = sources_of([PLAIN, KINDS])
    netlist = freeze(sources, "kinds")
    agree(sources, netlist)
    assert {flop.name for flop in netlist.flops} == {
        "banks.u_memories.late", "u_resets.a", "u_resets.b", "u_resets.e", "u_resets.s",
        "u_words.now.state", "u_words.now.tag",
    }  # fmt: skip
    sizes = {memory.name: (memory.size, memory.width) for memory in netlist.memories}
    assert sizes == {
        "banks.u_memories.mem": (12, 8),
        "banks.u_memories.rom": (16, 8),
        "banks.u_memories.off": (8, 8),
    }
    place = {flop.name: flop.source.rpartition("/")[2] for flop in netlist.flops}
    assert place["u_resets.a"] == "plain.v:3"


def test_what_slang_refuses_read_verilog_reads() -> None:
    sources = sources_of([PLAIN], defines={"SET_AND_CLEAR": "1"})
    netlist = freeze(sources, "resets")
    agree(sources, netlist)
    assert {flop.name for flop in netlist.flops} == {"a", "b", "e", "s"}


def test_both_readers_find_the_same_state() -> None:
    text = PLAIN.read_text()
    agree(sources_of(text), freeze(text, "memories"))
    one, other = freeze(text, "memories"), freeze([PLAIN], "memories")
    assert {(f.name, len(f.q)) for f in one.flops} == {(f.name, len(f.q)) for f in other.flops}
    assert [(m.name, m.init) for m in one.memories] == [(m.name, m.init) for m in other.memories]


def test_a_written_netlist_keeps_its_names() -> None:
    netlist = freeze([PLAIN, KINDS], "kinds")
    again = freeze(write_verilog(netlist), "kinds")
    assert {f.name for f in again.flops} == {f.name for f in netlist.flops}
    assert {m.name for m in again.memories} == {m.name for m in netlist.memories}


def test_parts_of_a_register_are_named_by_their_bits() -> None:
    text = (
        "module x(input clk, input [3:0] d, output [3:0] y); reg [3:0] r; assign y = ~r;"
        "always @(posedge clk) r[1:0] <= d[1:0];\n"
        "always @(posedge clk) r[3:2] <= d[3:2]; endmodule"
    )
    assert {flop.name for flop in freeze(text, "x").flops} == {"r[1:0]", "r[3:2]"}


def test_parameters_and_macros(tmp_path: Path) -> None:
    source = tmp_path / "wide.v"
    (tmp_path / "width.vh").write_text("`define BASE 3\n")
    source.write_text(
        '`include "width.vh"\n'
        "module wide #(parameter W = 2) (input clk, input [W+`BASE+`MORE-1:0] d, output reg q);"
        "always @(posedge clk) q <= ^d; endmodule"
    )
    netlist = freeze([source], "wide", defines={"MORE": "4"}, parameters={"W": "9"})
    assert len(netlist.inputs[0].bits) == 16


def refused(tmp_path: Path, body: str, ports: str = "input clk, input d, output reg q") -> str:
    """Return why a module is refused."""
    source = tmp_path / "bad.v"
    source.write_text(f"module bad({ports});\n{body}\nendmodule\n")
    with pytest.raises(ConfigError) as error:
        freeze([source], "bad")
    return str(error.value).replace(str(source), "bad.v")


@pytest.mark.parametrize(
    ("body", "ports", "said"),
    [
        ("always @* if (clk) q = d;", "input clk, input d, output reg q", "bad.v:2: q: a latch"),
        (
            "always @(negedge clk) q <= d;", "input clk, input d, output reg q",
            "bad.v:2: q: a flip-flop on the falling edge",
        ),
        (
            "wire a, b; assign a = b ^ d;\nassign b = ~a;\nassign y = b;", "input d, output y",
            "bad.v:2: a combinational loop, through bad.v:2, bad.v:3",
        ),
        (
            "wire g = clk & d;\nalways @(posedge g) q <= d;", "input clk, input d, output reg q",
            "bad.v:3: q has no clock from an input port",
        ),
        (
            "reg p;\nalways @(posedge clk) p <= d;\nalways @(posedge d) q <= p;",
            "input clk, input d, output reg q",
            "2 clocks: 'clk' of p (bad.v:3); 'd' of q (bad.v:4)",
        ),
        ("assign y = d ? clk : 1'bz;", "input clk, input d, output y", "bad.v:2: "),
        ("assign io = d;", "input d, inout io", "bad.v:1: io: an inout port"),
        ("missing u(.d(d));", "input d", "bad.v:2: unknown module 'missing'"),
        ("assign y = d +;", "input d, output y", "bad.v:2: expected expression"),
        (
            "assign y = d;\nassign y = ~d;", "input d, output y", "bad.v:3: ",
        ),
        (
            "always @(posedge clk) q <= d ^ clk;", "input clk, input d, output reg q",
            "bad.v:2: ",
        ),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named_with_its_place(
    tmp_path: Path, body: str, ports: str, said: str
) -> None:
    assert said in refused(tmp_path, body, ports)


def test_a_misspelt_top_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no module 'kind' .*did you mean 'kinds'"):
        freeze([PLAIN, KINDS], "kind")
    with pytest.raises(ConfigError, match=r"nowhere\.v is missing"):
        freeze([tmp_path / "nowhere.v"], "x")
    source = tmp_path / "rom.v"
    source.write_text(
        "module rom(input [1:0] a, output [7:0] q);\nreg [7:0] m [0:3];\n"
        'initial $readmemh("rom.hex", m);\nassign q = m[a];\nendmodule\n'
    )
    with pytest.raises(ConfigError, match=r"rom\.v:3: rom\.hex is neither"):
        freeze([source], "rom")
    (tmp_path / "rom.hex").write_text("11 22\n33 44\n")
    assert freeze([source], "rom").memories[0].init == (0x11, 0x22, 0x33, 0x44)
