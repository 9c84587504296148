"""Registers behind read ports of memories with a code: every pair of schemes, every upset."""

from __future__ import annotations

import random

import numpy as np
import pytest

from boards.frozen import Frozen, freeze
from boards.protect import Plan, protect
from boards.protect.manifest import Manifest
from sim.faults.experiment import Experiment, observe
from sim.faults.fault import FLIP, exhaustive
from sim.faults.lanes import LanesEngine
from sim.faults.outcome import CLASSES, classify
from sim.faults.sites import FLOP, MEMORY, list_sites

TEXT = """module core(input clk, input we, input re, input [1:0] wa, input [1:0] ra, input [3:0] d,
  output reg [3:0] q{port});
  reg [3:0] mem [0:3];
  initial q = 5;
  always @(posedge clk) begin if (we) mem[wa] <= d; {read} end
  {more}
endmodule"""
READS = {"always": "q <= mem[ra];", "enabled": "if (re) q <= mem[ra];"}
SCHEMES = ("none", "parity", "secded", "tmr", "dwc", "lockstep")
CYCLES = range(4, 30)


def design(read: str, *, port: str = "", more: str = "") -> Frozen:
    return freeze(TEXT.format(read=READS[read], port=port, more=more), "core")


def steps() -> list[dict[str, int]]:
    rng = random.Random(1)
    filling = [{"we": 1, "wa": at, "d": rng.getrandbits(4), "re": 0} for at in range(4)]
    return filling + [
        {
            "we": int(rng.random() < 0.2),
            "wa": rng.randrange(4),
            "ra": rng.randrange(4),
            "re": int(rng.random() < 0.5),
            "d": rng.getrandbits(4),
        }
        for _ in range(32)
    ]


def classes(netlist: Frozen, kind: int, name: str = "") -> list[str]:
    """Return the class of every single upset, of one register or all and the memory's bits.

    What is first wrong in the last cycle of all would be detected a cycle later: left out.
    """
    sites = list_sites(netlist, kinds=(kind,))
    faults = exhaustive(sites, CYCLES, model=FLIP)
    words = [w.name for w in (netlist.flops, netlist.memories)[kind]]  # type: ignore[attr-defined]
    mine = [at for at, word in enumerate(words) if word.startswith(name)]
    faults = faults[np.isin(faults["place"]["word"], mine)]
    found = LanesEngine(Experiment(netlist, steps(), observe(netlist))).inject(faults)
    in_time = np.minimum(found["data"], found["control"]) != len(steps()) - 1
    return [CLASSES[c] for c in classify(found[in_time])]


BAD = ("SDC", CLASSES[5])


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("code", ["none", "parity", "secded", "lockstep"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_upset_of_a_protected_bit_is_missed(scheme: str, code: str, read: str) -> None:
    plain = design(read)
    flops = {} if scheme == "none" else {"": scheme}
    memories = {} if code == "none" else {"": code}
    made = protect(plain, Plan(flops=flops, memories=memories))
    want = LanesEngine(Experiment(plain, steps(), observe(plain))).trace()
    got = LanesEngine(Experiment(made.netlist, steps(), observe(made.netlist))).trace()
    assert [s["q"] for s in got] == [s["q"] for s in want]
    assert not any(s.get("error_detected", 0) or s.get("error_corrected", 0) for s in got)
    register, stored = classes(made.netlist, FLOP, "q"), classes(made.netlist, MEMORY)
    if scheme != "none" or code in ("parity", "secded"):
        assert not set(BAD) & set(register)
    if code != "none":
        assert not set(BAD) & set(stored)
    if scheme in ("tmr", "secded") or code == "secded":
        assert set(register) <= {"corrected", "detected"} if scheme == "lockstep" else {"corrected"}
    if code == "secded":
        assert set(stored) <= {"corrected", "masked", "dormant"}
    if scheme == code == "none":
        assert register.count("SDC")
        assert stored.count("SDC")


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("scheme", ["tmr", "secded", "dwc", "parity"])
def test_the_manifest_says_whose_code_a_read_register_has(scheme: str, read: str) -> None:
    made = protect(design(read), Plan(flops={"": scheme}, memories={"mem": "secded"}))
    assert dict(made.by_memory) == {"q": "mem"}
    assert Manifest.from_json(made.manifest.to_json()).by_memory == {"q": "mem"}
    other = protect(design(read), Plan(flops={"": scheme}, memories={"mem": "parity"}))
    assert not other.by_memory


@pytest.mark.parametrize("code", ["parity", "secded"])
@pytest.mark.parametrize(
    "more", ["assign now = mem[ra];", "reg [3:0] t; always @(posedge clk) t <= mem[ra];"]
)
def test_what_else_reads_behind_a_port_is_checked_as_well(more: str, code: str) -> None:
    text = more if "now" in more else f"{more} assign now = t;"
    netlist = design("always", port=", output [3:0] now", more=text)
    data = {bit for m in netlist.memories for _, word in m.reads for bit in word}
    assert len(data) == 4 * len(netlist.memories[0].reads)
    made = protect(netlist, Plan(memories={"mem": code}))
    found = classes(made.netlist, MEMORY)
    assert not set(BAD) & set(found)
    assert found.count("corrected" if code == "secded" else "detected") > 100
