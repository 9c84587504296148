"""Stimulus and outputs as the program of the referee reads and writes them."""

from __future__ import annotations

from collections.abc import Sequence

from boards.frozen import Port
from sim.faults.experiment import Experiment

__all__ = ["input_bytes", "read_outputs"]


def _sized(port: Port) -> int:
    """Return the bytes of a port as Verilator holds it: 1, 2, 4, 8, or a multiple of 4."""
    width = len(port.bits)
    for size in (8, 16, 32, 64):
        if width <= size:
            return size // 8
    return -(-width // 32) * 4


def input_bytes(experiment: Experiment) -> bytes:
    """Return the inputs of all cycles, each cycle at least one byte."""
    ports = experiment.netlist.inputs
    if not ports:
        return bytes(experiment.cycles)
    return b"".join(
        step.get(port.name, 0).to_bytes(_sized(port), "little")
        for step in experiment.inputs
        for port in ports
    )


def read_outputs(data: bytes, ports: Sequence[Port], cycles: int) -> list[dict[str, int]]:
    """Return the outputs of all cycles."""
    steps, at = [], 0
    for _ in range(cycles):
        step = {}
        for port in ports:
            step[port.name] = int.from_bytes(data[at : at + _sized(port)], "little")
            at += _sized(port)
        steps.append(step)
    return steps
