"""What programs of engines read and write: stimulus, observation, outputs, as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Port
from hw.contracts import ConfigError
from sim.faults.experiment import Experiment

__all__ = ["DATA", "check_cycles", "input_bytes", "read_outputs", "sized", "watched_rows"]

DATA, CONTROL, DETECTOR, CORRECTOR = range(4)


def check_cycles(experiment: Experiment, faults: NDArray[np.void]) -> None:
    """Raise `ConfigError` if a fault comes after the last cycle."""
    late = int(faults["cycle"].max(initial=0))
    if late >= experiment.cycles:
        raise ConfigError(
            f"cycle={late} of a fault is not in the experiment; "
            f"its cycles are 0 to {experiment.cycles - 1}"
        )


def sized(port: Port) -> int:
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
        step.get(port.name, 0).to_bytes(sized(port), "little")
        for step in experiment.inputs
        for port in ports
    )


def read_outputs(data: bytes, ports: Sequence[Port], cycles: int) -> list[dict[str, int]]:
    """Return the outputs of all cycles."""
    steps, at = [], 0
    for _ in range(cycles):
        step = {}
        for port in ports:
            step[port.name] = int.from_bytes(data[at : at + sized(port)], "little")
            at += sized(port)
        steps.append(step)
    return steps


def watched_rows(experiment: Experiment) -> NDArray[np.int32]:
    """Return what is observed: role, port, valid, ready (ports, -1 is none), field, signed."""
    number = {port.name: at for at, port in enumerate(experiment.netlist.ports)} | {"": -1}
    observation = experiment.observation
    rows = [
        (DATA, number[w.port], number[w.valid], number[w.ready], w.field_bits, int(w.signed))
        for w in observation.data
    ]

    def plain(role: int, names: Iterable[str]) -> list[tuple[int, int, int, int, int, int]]:
        return [(role, number[name], -1, -1, 0, 0) for name in names]

    rows += plain(CONTROL, observation.control) + plain(DETECTOR, observation.detectors)
    rows += plain(CORRECTOR, observation.correctors)
    return np.array(rows, dtype=np.int32).reshape(-1, 6)
