"""Experiments that the benches of fault injection share."""

from __future__ import annotations

import numpy as np

from boards.frozen import freeze, sources_of
from hw.export import export
from hw.matrix import MatrixConfig
from hw.matrix.array_os import OsArray
from hw.matrix.pe import PeShape
from sim.faults.experiment import Experiment, Observation, Watched, observe
from sim.faults.stimulus import Settings, kiln_job, kiln_observation, play_kiln

__all__ = ["array", "engine", "scratchpad"]

_NAME = "kiln"


def array(size: int, cycles: int, *, seed: int = 0) -> tuple[Experiment, str]:
    """Return an output-stationary int8 array that computes a tile of 16 products in each of its
    elements, and its Verilog. All columns' results count in every cycle.
    """
    shape = PeShape(operand_bits=8, accum_bits=32, multiplier="lut", pipeline=1)
    verilog = export(OsArray(size, size, shape), _NAME, axi=False).verilog
    netlist, rng = freeze(verilog, _NAME), np.random.default_rng(seed)
    inputs = []
    for cycle in range(cycles):
        a, b = (int.from_bytes(rng.bytes(size), "little") for _ in "ab")
        fed = {"a": a, "b": b} if 1 <= cycle <= 16 else {}
        inputs.append({"rst": int(cycle < 1), "last": int(cycle == 16), **fed})
    drained = Watched("drain", field_bits=32, signed=True)
    return Experiment(netlist, inputs, Observation(data=(drained,))), verilog


def engine(size: int, inner: int = 16) -> tuple[Experiment, int]:
    """Return a whole int8 engine with one tile of `inner` products in each element, and the first
    cycle after reset.
    """
    depth = max(64, size)
    config = MatrixConfig(
        rows=size, cols=size, a_depth=depth, b_depth=depth, result_rows=max(16, size)
    )
    sources = sources_of(export(config, _NAME).verilog)
    netlist = freeze(sources, _NAME)
    job = kiln_job(config, shape=(size, inner, size))
    played = play_kiln(sources, netlist, Settings(), job, "the engine's own job")
    observation = kiln_observation(config, observe(netlist))
    return Experiment(netlist, played.steps, observation), played.start


_SCRATCHPAD = """
module kiln(input clk, input rst, input we, input [16:0] waddr, input [63:0] wdata,
              input re, input [16:0] raddr,
              output reg [63:0] o_data, output reg o_valid, output reg [63:0] sum);
  reg [63:0] mem [0:131071];
  always @(posedge clk) begin
    if (we) mem[waddr] <= wdata;
    o_valid <= re & ~rst;
    o_data <= mem[raddr];
    if (rst) sum <= 0; else if (o_valid) sum <= sum + o_data;
  end
endmodule
"""


def scratchpad(cycles: int, *, seed: int = 0) -> Experiment:
    """Return a memory of 1 MB that is written for half of the cycles, then read and summed."""
    rng, half = np.random.default_rng(seed), cycles // 2
    inputs: list[dict[str, int]] = []
    for cycle in range(cycles):
        step = {"rst": int(cycle < 2)}
        if cycle < half:
            step |= {"we": 1, "waddr": cycle * 7 % 131072, "wdata": int(rng.integers(1 << 63))}
        else:
            step |= {"re": 1, "raddr": (cycle - half) * 7 % 131072}
        inputs.append(step)
    netlist = freeze(_SCRATCHPAD, _NAME)
    return Experiment(netlist, inputs, observe(netlist))
