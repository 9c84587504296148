"""Checks before a campaign: the netlist does what the sources do, and no unknown value counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boards.cache import Cache, Entry, cache_key
from boards.frozen import Frozen, Port, Sources
from hw.contracts import ConfigError, KilnError
from sim.cosim.tools import tool_identity
from sim.faults.experiment import Experiment, Observation

from .simulate import ONES, RANDOM, ZEROS, pack, simulate, unpack

__all__ = ["Agreement", "check_netlist"]

_OTHERS = ((ONES, 1), (RANDOM, 1), (RANDOM, 2))
_OWN = [Path(__file__).with_name(name) for name in ("check.py", "simulate.py", "driver.cpp")]
Rows = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was compared.

    Members
    -------
    cycles : int
        In which every output was equal.
    unknown : int
        Bits of outputs in these cycles that depend on uninitialised state, and do not count.
    recalled : bool
        Whether the answer came from the cache.
    """

    cycles: int
    unknown: int
    recalled: bool


def check_netlist(
    sources: Sources,
    experiment: Experiment,
    outputs: Sequence[Mapping[str, int]],
    *,
    start: int = 0,
    allow_unknown: bool = False,
    cache: Cache | None = None,
) -> Agreement:
    """Compare a netlist's outputs with those of the original sources on Verilator.

    The sources run four times: with all that is uninitialised, and every x, as zeros, ones, and
    twice at random. Outputs that are not equal in all four depend on it. (Three other
    values may miss such an output; they never accuse one wrongly.)

    Parameters
    ----------
    outputs : sequence of dict of str to int
        Of every cycle, from an engine's ``trace()``.
    start : int
        First cycle in which outputs count: when the stimulus has ended its reset.
    allow_unknown : bool
        Go on, with zeros, where unknown values reach outputs that count.

    Raises
    ------
    ConfigError
        An output that counts depends on an uninitialised state, or Verilator refuses the sources.
    KilnError
        The netlist and the sources differ.
    """
    cache = Cache() if cache is None else cache
    key = cache_key(
        sources=sources.digest,
        netlist=hashlib.sha256(repr(experiment.netlist).encode()).hexdigest(),
        inputs=hashlib.sha256(repr([sorted(s.items()) for s in experiment.inputs]).encode())
        .hexdigest(),
        outputs=hashlib.sha256(repr([sorted(s.items()) for s in outputs]).encode()).hexdigest(),
        observation=repr(experiment.observation), start=start, allow_unknown=allow_unknown,
        tools=tool_identity(), checker=[path.read_text("utf-8") for path in _OWN],
    )  # fmt: skip
    recalled = True

    def make() -> Entry:
        nonlocal recalled
        recalled = False
        unknown = _compare(sources, experiment, outputs, start, allow_unknown)
        return Entry(payload={"unknown": unknown})

    entry = cache.remember("original", key, make)
    return Agreement(experiment.cycles, int(entry.payload["unknown"]), recalled)


def _compare(
    sources: Sources,
    experiment: Experiment,
    outputs: Sequence[Mapping[str, int]],
    start: int,
    allow_unknown: bool,
) -> int:
    """Return how many bits are unknown and do not count."""
    netlist, steps = experiment.netlist, experiment.inputs
    golden = simulate(sources, netlist, steps, unknown=ZEROS)
    unknown = np.zeros_like(golden)
    for value, seed in _OTHERS:
        unknown |= golden ^ simulate(sources, netlist, steps, unknown=value, seed=seed)
    wrong = (pack(netlist.outputs, outputs) ^ golden) & ~unknown
    for cycle in np.flatnonzero(wrong.any(axis=1)):
        raise KilnError(_difference(netlist, int(cycle), wrong, golden, outputs))
    if not allow_unknown:
        _refuse_unknown(experiment, outputs, unknown, start)
    return int(np.unpackbits(unknown).sum())


def _difference(
    netlist: Frozen, cycle: int, wrong: Rows, golden: Rows, outputs: Sequence[Mapping[str, int]]
) -> str:
    bits = unpack(netlist.outputs, wrong[cycle])
    name = next(name for name, value in bits.items() if value)
    was = unpack(netlist.outputs, golden[cycle])[name]
    return (
        f"cycle {cycle}: output {name!r} of {netlist.top} is {outputs[cycle][name]:#x} in the "
        f"frozen netlist and {was:#x} in the original sources on Verilator. A campaign would "
        "describe another design. Look for what simulates otherwise than it is built: incomplete "
        "sensitivity lists, asynchronous set and reset at once, blocking assignments in clocked "
        "blocks; if there is none, please report it"
    )


def _refuse_unknown(
    experiment: Experiment, outputs: Sequence[Mapping[str, int]], unknown: Rows, start: int
) -> None:
    netlist = experiment.netlist
    for cycle in range(start, experiment.cycles):
        if not unknown[cycle].any():
            continue
        bits = unpack(netlist.outputs, unknown[cycle])
        seen = {**outputs[cycle], **experiment.inputs[cycle]}
        for name in _counting(experiment.observation, seen, netlist.outputs):
            if bits[name]:
                raise ConfigError(
                    f"{_place(netlist, name)}output {name!r} is X in cycle {cycle} (bits "
                    f"{bits[name]:#x}): it depends on a state that was never initialised; reset "
                    "that state, hold the reset longer, name a valid signal for the output in the "
                    "--observe file, or set allow_unknown = true there to take X as 0"
                )


def _counting(
    observation: Observation, seen: Mapping[str, int], ports: Sequence[Port]
) -> Iterator[str]:
    """Yield the outputs that count in a cycle."""
    yield from (*observation.control, *observation.detectors, *observation.correctors)
    for watched in observation.data:
        gates = [name for name in (watched.valid, watched.ready) if name]
        if all(seen.get(name, 0) for name in gates):
            yield watched.port


def _place(netlist: Frozen, output: str) -> str:
    """Return where what drives an output is written, if that is a flip-flop or memory."""
    bits = {bit for port in netlist.outputs if port.name == output for bit in port.bits}
    for flop in netlist.flops:
        if flop.source and bits & set(flop.q):
            return f"{flop.source}: "
    for cell in netlist.cells:
        if cell.source and bits & set(cell.output):
            return f"{cell.source}: "
    for memory in netlist.memories:
        if memory.source and any(bits & set(data) for _, data in memory.reads):
            return f"{memory.source}: "
    return ""
