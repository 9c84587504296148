"""Experiments on designs of different kinds, for tests and benches of the fault engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from boards.frozen import freeze
from hw.export import export
from hw.mac import MacConfig
from hw.matrix import MatrixConfig
from sim.faults.experiment import Experiment, observe
from sim.mac.stimulus import random_stimulus

__all__ = ["DESIGNS", "corners", "histogram", "mac", "matrix", "packetiser", "triple", "verilog"]

DESIGNS = Path(__file__).parent / "designs"
Steps = list[dict[str, int]]


def verilog(name: str) -> str:
    """Return the Verilog of one of the designs written by hand."""
    return (DESIGNS / f"{name}.v").read_text("utf-8")


def packetiser(cycles: int = 60, *, seed: int = 1) -> Experiment:
    """A state machine and a FIFO, an asynchronous reset, memory of 64 bits."""
    rng = np.random.default_rng(seed)
    steps: Steps = [{"out_ready": 1}, {"out_ready": 1}]
    while len(steps) < cycles:
        step = {"rst_n": 1, "out_ready": int(rng.random() < 0.7)}
        if rng.random() < 0.5:
            step |= {"in_valid": 1, "in_data": int(rng.integers(256))}
        steps.append(step)
    return _experiment("packetiser", steps)


def histogram(cycles: int = 60, *, seed: int = 2) -> Experiment:
    """A memory of 1536 bits with enables for its bytes and contents, and a table."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 64, 6)  # rows past the end of the memory as well
    steps: Steps = [{"reset": 1}, {"reset": 1}]
    while len(steps) < cycles:
        key, ask = (int(value) for value in rng.choice(keys, 2))
        lane, valid = int(rng.integers(4)), int(rng.random() < 0.7)
        steps.append({"key": key, "ask": ask, "lane": lane, "key_valid": valid})
    return _experiment("histogram", steps)


def corners(cycles: int = 40, *, seed: int = 6) -> Experiment:
    """Wide words in registers, and in a memory with two writers."""
    rng = np.random.default_rng(seed)
    steps: Steps = [{}]
    while len(steps) < cycles:
        row, other, ask, write = (int(value) for value in rng.integers(0, [6, 6, 8, 4]))
        data = int.from_bytes(rng.bytes(9), "little") >> 2 if rng.random() < 0.7 else 0
        step = {"rst_n": 1, "d": data, "row": row, "other": other, "ask": ask, "write": write}
        steps.append({**step, "go": int(rng.random() < 0.6)})
    netlist = freeze(verilog("corners"), "corners")
    seen = observe(netlist)
    numbers = [  # some lie on both sides of bit 64
        replace(w, field_bits=13, signed=True) if w.port == "total" else w for w in seen.data
    ]
    return Experiment(netlist, steps, replace(seen, data=tuple(numbers)))


def triple(cycles: int = 20, *, seed: int = 3) -> Experiment:
    """An accumulator in three copies, with a voter."""
    rng = np.random.default_rng(seed)
    steps: Steps = [{"reset": 1}]
    while len(steps) < cycles:
        steps.append({"in_valid": int(rng.integers(2)), "in_data": int(rng.integers(256))})
    return _experiment("triple", steps)


def matrix(config: MatrixConfig, shape: tuple[int, int, int], mode: str = "") -> Experiment:
    """One product on a matrix engine, nobody ever waiting."""
    job = config.plan(*shape, mode)
    A, B = config.random(job, np.random.default_rng(1))
    bits = config.numbers.port_bits
    streams: Mapping[str, Any] = {"a": config.pack_a(job, A), "b": config.pack_b(job, B)}
    longest = max(map(len, streams.values()))
    steps: Steps = []
    for cycle in range(24 + config.stages + job.elements + longest):
        step = {"aresetn": int(cycle >= 2), "m_axis_tready": 1}
        if cycle == 3:
            step |= {"s_axis_cmd_tvalid": 1, "s_axis_cmd_tdata": config.descriptor(job)}
        for name, words in streams.items():
            if 3 <= cycle < 3 + len(words):
                value = _joined(words[cycle - 3], bits)
                step |= {f"s_axis_{name}_tdata": value, f"s_axis_{name}_tvalid": 1}
        steps.append(step)
    netlist = freeze(export(config, "kiln_x").verilog, "kiln_x")
    return Experiment(netlist, steps, observe(netlist))


def mac(config: MacConfig, dots: int = 2, *, seed: int = 4) -> Experiment:
    """Dot products of random codes on a multiply-accumulate unit, with pauses."""
    rng = np.random.default_rng(seed)
    steps: Steps = [{}, {}]
    for data, last in random_stimulus(config, dots, seed=seed).elements:
        step = {"aresetn": 1, "m_axis_tready": 1}
        while rng.random() < 0.2:
            steps.append(step)
        valid = {"s_axis_tvalid": 1, "s_axis_tdata": data, "s_axis_tlast": last}
        steps.append({**step, **valid})
    steps += [{"aresetn": 1, "m_axis_tready": 1}] * 12
    netlist = freeze(export(config, "kiln_mac").verilog, "kiln_mac")
    return Experiment(netlist, steps, observe(netlist))


def _experiment(name: str, steps: Steps) -> Experiment:
    netlist = freeze(verilog(name), name)
    return Experiment(netlist, steps, observe(netlist))


def _joined(lanes: Any, bits: int) -> int:
    return sum((int(value) & (1 << bits) - 1) << (bits * at) for at, value in enumerate(lanes))
