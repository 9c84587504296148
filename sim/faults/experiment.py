"""An experiment: a netlist, what is fed to it in every cycle, and which outputs count when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from boards.frozen import Frozen
from hw.contracts import ConfigError

__all__ = ["Engine", "Experiment", "Observation", "Watched", "observe"]

Step = Mapping[str, int]
"""Values of ports in one cycle, by name; inputs that are not named are 0."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A data output, and when it counts.

    Members
    -------
    port : str
        Output port.
    valid, ready : str
        Ports that must both be 1, in the run without a fault, for the data to count; "" is always.
        `ready` may be an input.
    field_bits : int
        Width of the numbers that lie in the port side by side, 64 at most; 0 is the whole port, or
        its pieces of 64 bits if it is wider.
    signed : bool
        Whether they are signed.
    """

    port: str
    valid: str = ""
    ready: str = ""
    field_bits: int = 0
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """Which outputs count, and as what.

    Members
    -------
    data : tuple of Watched
        Outputs whose wrong values are wrong data.
    control : tuple of str
        Outputs that must be right in every cycle: handshakes, interrupts.
    detectors, correctors : tuple of str
        Outputs of which any bit says that a fault was detected, or corrected. They are no data.
    """

    data: tuple[Watched, ...] = ()
    control: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    correctors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """What every engine runs.

    Inputs are those of the run without a fault in every run: a fault does not change what
    the environment does (it is seen as wrong control, if the design's handshakes change).

    Raises
    ------
    ConfigError
        A name that is no port of the netlist, or a value that its port does not hold.
    """

    netlist: Frozen
    inputs: Sequence[Step]
    observation: Observation
    digest: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        widths = {port.name: len(port.bits) for port in self.netlist.inputs}
        for cycle, step in enumerate(self.inputs):
            for name, value in step.items():
                if name not in widths:
                    raise ConfigError(
                        f"stimulus, cycle {cycle}: {name!r} is no input of "
                        f"{self.netlist.top}; its inputs are {', '.join(widths) or 'none'}"
                    )
                if not 0 <= value < 1 << widths[name]:
                    raise ConfigError(
                        f"stimulus, cycle {cycle}: {name}={value} does not fit its "
                        f"{widths[name]} bits; give 0 to {(1 << widths[name]) - 1}"
                    )
        _check_observation(self.netlist, self.observation)

    @property
    def cycles(self) -> int:
        return len(self.inputs)


class Engine(Protocol):
    """Something that runs an `Experiment` with faults; all give the same outcomes."""

    name: str

    def trace(self) -> list[dict[str, int]]:
        """Return the outputs of every cycle, without a fault."""

    def inject(self, faults: NDArray[np.void]) -> NDArray[np.void]:
        """Return the `OUTCOME` of each `FAULT`, in the order given."""


def _check_observation(netlist: Frozen, observation: Observation) -> None:
    outputs = {port.name for port in netlist.outputs}
    ports = {port.name for port in netlist.ports}
    asked = [w.port for w in observation.data]
    asked += [*observation.control, *observation.detectors, *observation.correctors]
    for name in asked:
        if name not in outputs:
            raise ConfigError(
                f"observation: {name!r} is no output of {netlist.top}; "
                f"its outputs are {', '.join(sorted(outputs)) or 'none'}"
            )
    for watched in observation.data:
        if not 0 <= watched.field_bits <= 64:
            raise ConfigError(
                f"observation: field_bits={watched.field_bits} of {watched.port}: errors are taken "
                "of numbers of up to 64 bits; use 1 to 64, or 0 for the whole port"
            )
        for name in (watched.valid, watched.ready):
            if name and name not in ports:
                raise ConfigError(
                    f"observation: {watched.port} counts with {name!r}, which is no port of "
                    f"{netlist.top}; its ports are {', '.join(sorted(ports))}"
                )


_DETECTORS = ("error_detected", "fault_detected")
_CORRECTORS = ("error_corrected", "fault_corrected")


def observe(netlist: Frozen) -> Observation:
    """Return what port names tell: AXI4-Stream (``x_tdata``, ``x_tvalid``, ``x_tready``),
    ``x_valid`` and ``x_ready`` of one bit each, ``error_detected`` and ``error_corrected``; all
    else counts always.
    """
    ports = {port.name for port in netlist.ports if len(port.bits) == 1}
    data: list[Watched] = []
    control: list[str] = []
    for port in netlist.outputs:
        stem, _, role = port.name.rpartition("_")
        if port.name in _DETECTORS or port.name in _CORRECTORS:
            continue
        if role in ("tvalid", "tready", "valid", "ready"):
            control.append(port.name)
        elif f"{stem}_tvalid" in ports:
            ready = f"{stem}_tready" if f"{stem}_tready" in ports else ""
            data.append(Watched(port.name, f"{stem}_tvalid", ready))
        elif f"{stem}_valid" in ports:
            ready = f"{stem}_ready" if f"{stem}_ready" in ports else ""
            data.append(Watched(port.name, f"{stem}_valid", ready))
        else:
            data.append(Watched(port.name))
    outputs = {port.name for port in netlist.outputs}
    return Observation(
        tuple(data),
        tuple(control),
        tuple(name for name in _DETECTORS if name in outputs),
        tuple(name for name in _CORRECTORS if name in outputs),
    )
