"""The lanes engine: without a fault the design's results, with one the same whatever lane it has.

The referee of a fault is the design itself with the fault as its initial value.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from boards.frozen import Frozen, freeze
from hw.contracts import ConfigError
from hw.export import export
from hw.matrix import MatrixConfig, mixed_config
from sim.faults.experiment import Experiment, Observation, Watched, observe
from sim.faults.fault import exhaustive
from sim.faults.lanes import LanesEngine
from sim.faults.outcome import NEVER
from sim.faults.sites import FLOP, list_sites

CONFIG = MatrixConfig(rows=2, cols=2, a_depth=16, b_depth=16, result_rows=4)
MIXED = mixed_config(
    formats="fp4_e2m1+int8", rows=2, cols=2, multiplier="lut", pipeline=2,
    a_depth=16, b_depth=16, banks=1,
)  # fmt: skip


def word(lanes: Any, bits: int) -> int:
    return sum((int(value) & (1 << bits) - 1) << (bits * at) for at, value in enumerate(lanes))


def played(config: MatrixConfig, mode: str = "") -> tuple[list[dict[str, int]], Any, Any]:
    """Return the inputs of one job, nobody ever waiting, and the job with its operands."""
    job = config.plan(2, 8, 2, mode)
    A, B = config.random(job, np.random.default_rng(1))
    bits = config.numbers.port_bits
    streams = {"a": config.pack_a(job, A), "b": config.pack_b(job, B)}
    steps = []
    for cycle in range(24 + config.stages + job.elements):
        step = {"aresetn": int(cycle >= 2), "m_axis_tready": 1}
        if cycle == 3:
            step |= {"s_axis_cmd_tvalid": 1, "s_axis_cmd_tdata": config.descriptor(job)}
        for name, words in streams.items():
            if 3 <= cycle < 3 + len(words):
                step[f"s_axis_{name}_tdata"] = word(words[cycle - 3], bits)
                step[f"s_axis_{name}_tvalid"] = 1
        steps.append(step)
    return steps, job, (A, B)


def frozen(config: MatrixConfig) -> Frozen:
    return freeze(export(config, "kiln_x").verilog, "kiln_x")


@pytest.mark.parametrize(("config", "mode"), [(CONFIG, ""), (MIXED, "int8"), (MIXED, "fp4_e2m1")])
def engine_of(netlist: Frozen, inputs: list[dict[str, int]], lanes: int = 32) -> LanesEngine:
    return LanesEngine(Experiment(netlist, inputs, observe(netlist)), lanes=lanes)


@pytest.mark.parametrize(("config", "mode"), [(CONFIG, ""), (MIXED, "int8"), (MIXED, "fp4_e2m1")])
def test_without_a_fault_the_results_are_the_golden_ones(config: MatrixConfig, mode: str) -> None:
    inputs, job, operands = played(config, mode)
    outputs = engine_of(frozen(config), inputs).trace()
    beats = [step["m_axis_tdata"] for step in outputs if step["m_axis_tvalid"]]
    lane = -(-config.result_bits // 8) * 8
    rows = [[beat >> lane * at & (1 << lane) - 1 for at in range(2)] for beat in beats]
    found = config.unpack(job, np.array(rows, dtype=np.uint64).astype(np.int64))
    np.testing.assert_array_equal(found, config.golden(job, operands))


def test_an_upset_does_what_another_initial_value_does() -> None:
    netlist = frozen(CONFIG)
    inputs, _, _ = played(CONFIG)
    inputs = [{**step, "aresetn": 1} for step in inputs]  # else reset would undo it
    engine = engine_of(netlist, inputs)
    golden = engine.trace()
    faults = exhaustive(list_sites(netlist), range(1))
    outcomes = engine.inject(faults)
    assert len(faults) == netlist.flop_bits
    rng = np.random.default_rng(0)
    for index in rng.choice(len(faults), 2, replace=False):
        at, bit = (int(faults["place"][name][index]) for name in ("word", "bit"))
        flop = netlist.flops[at]
        flops = list(netlist.flops)
        flops[at] = replace(flop, init=flop.init ^ 1 << bit)
        changed = engine_of(replace(netlist, flops=tuple(flops)), inputs).trace()
        assert int(outcomes["data"][index]) == first(golden, changed, "m_axis", data=True)
        assert int(outcomes["control"][index]) == first(golden, changed, "m_axis", data=False)


def first(
    golden: list[dict[str, int]], other: list[dict[str, int]], stem: str, *, data: bool
) -> int:
    """Return the first cycle in which valid data, or a handshake, differ."""
    for cycle, (one, two) in enumerate(zip(golden, other, strict=True)):
        names = [n for n in one if n.endswith(("tvalid", "tready")) != data]
        counted = not data or one[f"{stem}_tvalid"]
        if counted and any(one[name] != two[name] for name in names):
            return cycle
    return NEVER


def test_the_lane_does_not_matter() -> None:
    inputs, _, _ = played(CONFIG)
    netlist = frozen(CONFIG)
    faults = exhaustive(list_sites(netlist, kinds=(FLOP,)), range(6, 12))
    one = engine_of(netlist, inputs).inject(faults)
    other = engine_of(netlist, inputs, lanes=64).inject(faults)
    np.testing.assert_array_equal(one, other)
    some = (one["data"] != NEVER).mean()
    assert 0.02 < some < 0.9
    assert (one["control"] != NEVER).any()


def test_what_is_not_supported_is_refused_by_name() -> None:
    clocks = (
        "module x(input a, input b, input d, output reg p, output reg q);"
        "always @(posedge a) p <= d; always @(posedge b) q <= d; endmodule"
    )
    with pytest.raises(ConfigError, match="2 clocks"):
        freeze(clocks, "x")
    latch = "module x(input g, input d, output reg q); always @* if (g) q = d; endmodule"
    with pytest.raises(ConfigError, match="is not supported"):
        engine_of(freeze(latch, "x"), [])
    loop = "module x(input clk, input d, output y); assign y = ~y & d; endmodule"
    with pytest.raises(ConfigError, match="combinational loop"):
        engine_of(freeze(loop, "x"), [])


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        (Observation(data=(Watched("q", field_bits=65),)), "field_bits=65 of q.*use 1 to 64"),
        (Observation(data=(Watched("p"),)), "'p' is no output of x; its outputs are q"),
        (Observation(data=(Watched("q", valid="v"),)), "'v', which is no port of x"),
        (Observation(control=("d",)), "'d' is no output"),
    ],
)
def test_what_cannot_be_observed_is_refused(observation: Observation, words: str) -> None:
    text = "module x(input clk, input d, output reg q); always @(posedge clk) q <= d; endmodule"
    with pytest.raises(ConfigError, match=words):
        Experiment(freeze(text, "x"), [], observation)
