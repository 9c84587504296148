"""Bits that never change: found exactly, and not demanded of synthesis."""

from __future__ import annotations

import itertools
import random

import pytest

from boards.frozen import Cell, Frozen, freeze
from boards.protect import ManifestError, Plan, map_sky130, protect
from boards.protect.constants import constants
from boards.protect.ternary import Maybe, evaluate
from sim.faults.experiment import Experiment, observe
from sim.faults.lanes import LanesEngine

SCHEMES = ("dwc", "tmr", "parity", "secded", "lockstep")
DESIGNS = {
    "upper half": "input [3:0] d, output [7:0] o); reg [7:0] cfg; "
    "always @(posedge clk) cfg <= {4'b0, d}; assign o = cfg;",
    "with reset and enable": "input rst, input en, input [3:0] d, output [7:0] o); reg [7:0] cfg; "
    "reg on; always @(posedge clk) if (rst) begin cfg <= 0; on <= 0; end "
    "else if (en) begin cfg <= {4'b0, d}; on <= 1'b0; end assign o = cfg ^ {8{on}};",
    "held for ever": "input [3:0] d, output [7:0] o); reg [7:0] cfg = 8'h50; reg [3:0] key = 9; "
    "always @(posedge clk) begin key <= key; cfg <= {cfg[7:4], d}; end "
    "assign o = {cfg[7:4] ^ key, cfg[3:0]};",
    "each by the other": "input [3:0] d, output [7:0] o); reg a = 0, b = 0; reg [7:0] cfg; "
    "always @(posedge clk) begin a <= b & d[0]; b <= a | (a & d[1]); "
    "cfg <= {3'b0, d} + 1 + a; end assign o = cfg;",
}


def design(name: str) -> Frozen:
    return freeze(f"module core(input clk, {DESIGNS[name]} endmodule", "core")


def trace(netlist: Frozen) -> list[int]:
    rng = random.Random(4)
    names = [port.name for port in netlist.inputs]
    steps = [
        {n: rng.getrandbits(4) if n == "d" else int(rng.random() < 0.4) for n in names}
        for _ in range(40)
    ]
    return [s["o"] for s in LanesEngine(Experiment(netlist, steps, observe(netlist))).trace()]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["with reset and enable", "held for ever"])
def test_constant_bits_do_not_fail_the_build(name: str, scheme: str) -> None:
    plain = design(name)
    made = protect(plain, Plan(flops={"": scheme}))
    assert trace(made.netlist) == trace(plain)
    assert trace(freeze(made.verilog, "core")) == trace(plain)
    map_sky130(made.verilog, "core", made.manifest, flat=True)


@pytest.mark.parametrize("scheme", ["dwc", "tmr", "lockstep"])
def test_a_missing_replica_fails_it_all_the_same(scheme: str) -> None:
    made = protect(design("with reset and enable"), Plan(flops={"": scheme}))
    bare = made.verilog.replace("(* keep *)", "").replace("(* keep_hierarchy *)", "")
    with pytest.raises(ManifestError, match=r"flip-flops wanted|1 wanted, 0 found"):
        map_sky130(bare, "core", made.manifest, flat=True)


def constant_flops(name: str) -> dict[str, int]:
    netlist = design(name)
    known = constants(netlist)
    return {
        flop.name: sum((bit in known) << at for at, bit in enumerate(flop.q))
        for flop in netlist.flops
    }


def test_bits_are_found_exactly() -> None:
    assert constant_flops("upper half") == {"cfg": 0xF0}
    assert constant_flops("with reset and enable") == {"cfg": 0xF0, "on": 1}
    assert constant_flops("held for ever") == {"cfg": 0xF0, "key": 0xF}
    # 4 bits and a carry
    assert constant_flops("each by the other") == {"a": 1, "b": 1, "cfg": 0xE0}


def test_what_changes_once_is_no_constant() -> None:
    text = """module core(input clk, input [3:0] d, output [3:0] o); reg once = 0; reg [3:0] q = 1;
    always @(posedge clk) begin once <= 1; q <= {d[3:2], 2'b0}; end assign o = q ^ once;
    endmodule"""
    netlist = freeze(text, "core")
    known = constants(netlist)
    assert [[bit in known for bit in f.q] for f in sorted(netlist.flops, key=lambda f: f.name)] == [
        [False],
        [False, True, False, False],
    ]


def test_a_register_that_is_not_protected_keeps_its_bits() -> None:
    made = protect(design("held for ever"), Plan(flops={"cfg": "tmr"}))
    assert {f.name: len(f.q) for f in made.netlist.flops if "$" not in f.name} == {
        "cfg": 4,
        "key": 4,
        "protect.error_corrected0": 1,
    }


BINARY = [
    "$and",
    "$or",
    "$xor",
    "$xnor",
    "$add",
    "$sub",
    "$mul",
    "$lt",
    "$le",
    "$gt",
    "$ge",
    "$eq",
    "$ne",
    "$logic_and",
    "$logic_or",
    "$shl",
    "$shr",
    "$sshl",
    "$sshr",
]
UNARY = [
    "$not",
    "$pos",
    "$neg",
    "$reduce_and",
    "$reduce_or",
    "$reduce_xor",
    "$reduce_xnor",
    "$reduce_bool",
    "$logic_not",
]


@pytest.mark.parametrize("kind", [*BINARY, *UNARY, "$mux", "$pmux"])
def test_what_cells_may_give_holds_all_that_they_give(kind: str) -> None:
    """Evaluated with every value that the known bits leave, against what is claimed."""
    rng = random.Random(kind)
    claimed = 0
    for _ in range(150):
        signed = rng.random() < 0.5
        widths = {"A": rng.randint(1, 4), "B": rng.randint(1, 4)}
        y = rng.randint(1, 6)
        if kind in ("$mux", "$pmux"):
            selects = 1 if kind == "$mux" else 2
            y = rng.randint(1, 3)
            widths = {"A": y, "B": y * selects, "S": selects}
        elif kind in UNARY:
            del widths["B"]
        masks = {p: (rng.getrandbits(w), rng.getrandbits(w)) for p, w in widths.items()}
        words = {
            p: Maybe(((1 << w) - 1) & (~v | free), v | free)
            for (p, w), (v, free) in zip(widths.items(), masks.values(), strict=True)
        }
        nets = iter(range(2, 40))
        cell = Cell(
            "c", kind, {p: tuple(next(nets) for _ in range(w)) for p, w in widths.items()},
            tuple(next(nets) for _ in range(y)),
            {"A_SIGNED": int(signed), "B_SIGNED": int(signed), "WIDTH": y},
        )  # fmt: skip
        may = evaluate(cell, words)
        zeros = ones = 0
        each = [
            [v for v in range(1 << w) if not (v & ~words[p].ones or ~v & words[p].least)]
            for p, w in widths.items()
        ]
        for values in itertools.product(*each):
            known = {
                p: Maybe(~v & ((1 << widths[p]) - 1), v)
                for p, v in zip(widths, values, strict=True)
            }
            exact = reference(kind, dict(zip(widths, values, strict=True)), widths, y, signed)
            assert evaluate(cell, known).ones & ~evaluate(cell, known).zeros & ~exact == 0
            zeros |= ~exact & ((1 << y) - 1)
            ones |= exact
        assert zeros & ~may.zeros == 0
        assert ones & ~may.ones == 0
        claimed += may.is_known
    assert claimed


def reference(kind: str, v: dict[str, int], widths: dict[str, int], y: int, signed: bool) -> int:
    """Return what Verilog says."""
    raw = dict(v)
    if signed and kind not in ("$mux", "$pmux"):
        for pin, w in widths.items():
            if pin == "B" and kind in ("$shl", "$shr", "$sshl", "$sshr"):
                continue
            v[pin] -= (v[pin] >> (w - 1) & 1) << w
    a, b = v["A"], v.get("B", 0)
    wide = max(y, widths["A"])
    full = (1 << widths["A"]) - 1
    odd = raw["A"].bit_count() & 1
    some = raw["A"] != 0, raw.get("B", 0) != 0
    s = v.get("S", 0)
    part = [raw.get("B", 0) >> at * y & ((1 << y) - 1) for at in range(widths.get("S", 0))]
    found = {
        "$and": lambda: a & b, "$or": lambda: a | b, "$xor": lambda: a ^ b,
        "$xnor": lambda: ~(a ^ b), "$add": lambda: a + b, "$sub": lambda: a - b,
        "$mul": lambda: a * b, "$lt": lambda: a < b, "$le": lambda: a <= b,
        "$gt": lambda: a > b, "$ge": lambda: a >= b, "$eq": lambda: a == b,
        "$ne": lambda: a != b, "$logic_and": lambda: all(some), "$logic_or": lambda: any(some),
        "$shl": lambda: a << b, "$sshl": lambda: a << b,
        "$shr": lambda: (a & ((1 << wide) - 1)) >> b, "$sshr": lambda: a >> b,
        "$not": lambda: ~a, "$pos": lambda: a, "$neg": lambda: -a,
        "$reduce_and": lambda: raw["A"] == full, "$reduce_or": lambda: some[0],
        "$reduce_bool": lambda: some[0], "$logic_not": lambda: not some[0],
        "$reduce_xor": lambda: odd, "$reduce_xnor": lambda: 1 - odd,
        "$mux": lambda: part[0] if s else a,
        "$pmux": lambda: (a if not s else 0) | (part[0] * (s & 1)) | (part[1] * (s >> 1)),
    }[kind]()  # fmt: skip
    return int(found) & ((1 << y) - 1)
