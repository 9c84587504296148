"""Toggles of every net of a mapped module, glitches included, from the rates of its registers.

One clock edge is simulated in a thousand random cases at once, 64 in a machine word: sources
change with their measured rates, and the changes run through the gates with the gates' own delays.
A pulse shorter than a gate's delay dies in it (inertial delay).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.liberty import Library
from boards.netlist import Bit, Module
from boards.timing.records import ModuleTiming

from .functions import compile_function
from .words import Word

__all__ = ["GateSimulator", "toggle_rates"]

_WORDS = 16
_QUANTUM_NS = 0.025

Vector = NDArray[np.uint64]


class GateSimulator:
    """The gates of one module with their delays, in `CASES` independent cases at once.

    Members
    -------
    values : dict
        What every net is at; a vector of `CASES` bits.
    """

    CASES = 64 * _WORDS

    def __init__(self, timing: ModuleTiming, library: Library) -> None:
        self._gates = _gates(timing, library)
        self._timing = timing
        self.values: dict[Bit, Vector] = {}

    @property
    def driven(self) -> set[Bit]:
        """Nets that a gate drives."""
        return {gate.output for gate in self._gates}

    def settle(self, values: Mapping[Bit, Vector]) -> None:
        """Start anew from `values` of all nets that no gate drives."""
        self.values = dict(values)
        for gate in _ordered(self._gates):
            self.values[gate.output] = _evaluate(gate, self.values)

    def step(self, values: Mapping[Bit, Vector]) -> dict[Bit, int]:
        """Change nets to `values` when registers do; return toggles by net, over all cases."""
        counts: defaultdict[Bit, int] = defaultdict(int)
        events = [(_steps(_arrival(self._timing, bit)), bit, new) for bit, new in values.items()]
        _run(self._gates, self.values, events, counts)
        return counts


@dataclass(slots=True)
class _Gate:
    function: Callable[..., Any]
    inputs: tuple[Bit, ...]
    output: Bit
    delay: int


def toggle_rates(
    timing: ModuleTiming,
    library: Library,
    source_rate: Callable[[Bit], float],
    quiet: frozenset[Bit] = frozenset(),
    seed: int = 0,
    words: Sequence[Word] = (),
) -> dict[Bit, float]:
    """Return toggles per cycle of every net that a cell of the module drives or that enters it.

    Parameters
    ----------
    timing : ModuleTiming
        The module with the delays of its gates.
    library : Library
        Functions of the cells.
    source_rate : callable
        Toggles per cycle of a net that no gate drives: registers, inputs, outputs of children.
    quiet : frozenset
        Clock nets, which are accounted for elsewhere.
    seed : int
        Of the random cases.
    words : sequence of Word
        Nets among those that change together; what no word holds changes on its own.
    """
    gates = GateSimulator(timing, library)
    sources = sorted(_sources(timing.module) - gates.driven - quiet)
    random = np.random.default_rng(seed)
    values: dict[Bit, Vector] = {
        bit: random.integers(0, 2**64, _WORDS, dtype=np.uint64, endpoint=False) for bit in sources
    }
    after: dict[Bit, Vector] = {
        bit: values[bit] ^ _flips(source_rate(bit), random) for bit in sources
    }
    for word in words:
        for bit, (old, new) in word.draw(_WORDS, random).items():
            if bit in after:
                values[bit], after[bit] = old, new
    values |= {bit: random.integers(0, 1, _WORDS, dtype=np.uint64) for bit in quiet}
    gates.settle(values)
    counts = gates.step(after)
    return {bit: counts[bit] / gates.CASES for bit in (*sources, *gates.driven)}


def _gates(timing: ModuleTiming, library: Library) -> list[_Gate]:
    gates = []
    for instance in timing.module.instances:
        cell = library.cells.get(instance.type)
        if cell is None or cell.sequential:
            continue
        names = tuple(pin.name for pin in cell.inputs)
        for pin in cell.outputs:
            bit = instance.pins.get(pin.name)
            if pin.function and isinstance(bit, int):
                inputs = tuple(instance.pins.get(name, "x") for name in names)
                function = compile_function(pin.function, names)
                gates.append(_Gate(function, inputs, bit, max(1, _steps(_delay(timing, bit)))))
    return gates


def _delay(timing: ModuleTiming, bit: Bit) -> float:
    delays = [arc.delay for edge in (0, 1) for arc in timing.edges.get((bit, edge), ())]
    return sum(delays) / len(delays) if delays else 0.0


def _arrival(timing: ModuleTiming, bit: Bit) -> float:
    return max(0.0, *(timing.arrivals.get((bit, edge), 0.0) for edge in (0, 1)))


def _steps(time_ns: float) -> int:
    return round(time_ns / _QUANTUM_NS)


def _sources(module: Module) -> set[int]:
    """Return all nets of the module."""
    pins = (bit for instance in module.instances for bit in instance.pins.values())
    return {bit for bit in (*pins, *module.inputs.values()) if isinstance(bit, int)}


def _ordered(gates: Sequence[_Gate]) -> list[_Gate]:
    """Return the gates so that every one comes after those that drive it."""
    drivers = {gate.output: gate for gate in gates}
    waiting = {gate.output: sum(bit in drivers for bit in gate.inputs) for gate in gates}
    followers = _followers(gates)
    ready = [gate for gate in gates if not waiting[gate.output]]
    for gate in ready:
        for follower in followers[gate.output]:
            waiting[follower.output] -= 1
            if not waiting[follower.output]:
                ready.append(follower)
    return ready


def _followers(gates: Sequence[_Gate]) -> defaultdict[Bit, list[_Gate]]:
    followers: defaultdict[Bit, list[_Gate]] = defaultdict(list)
    for gate in gates:
        for bit in gate.inputs:
            followers[bit].append(gate)
    return followers


def _evaluate(gate: _Gate, values: Mapping[Bit, Vector]) -> Vector:
    result = gate.function(*(_value(bit, values) for bit in gate.inputs))
    if isinstance(result, np.ndarray) and result.shape == (_WORDS,):
        return result
    return np.full(_WORDS, np.asarray(result).astype(np.uint64))


def _value(bit: Bit, values: Mapping[Bit, Vector]) -> Any:
    found = values.get(bit)
    if found is None:
        return np.uint64(0xFFFFFFFFFFFFFFFF) if bit == "1" else np.uint64(0)
    return found


def _flips(rate: float, random: np.random.Generator) -> Vector:
    """Return a vector in which the share `rate` of the bits, at most all, is set."""
    bits = random.random((_WORDS, 64)) < rate
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint64)[:, 0]


def _run(
    gates: Sequence[_Gate],
    values: dict[Bit, Vector],
    events: Sequence[tuple[int, Bit, Vector]],
    counts: defaultdict[Bit, int],
) -> None:
    """Let `events` run through the gates until nothing moves; count toggles by net."""
    followers = _followers(gates)
    pending: defaultdict[Bit, list[tuple[int, Vector]]] = defaultdict(list)
    due: defaultdict[int, set[Bit]] = defaultdict(set)
    times: list[int] = []

    def schedule(time: int, bit: Bit, value: Vector) -> None:
        pending[bit].append((time, value))
        if time not in due:
            heapq.heappush(times, time)
        due[time].add(bit)

    for time, bit, value in events:
        schedule(time, bit, value)
    while times:
        now = heapq.heappop(times)
        moved: dict[Bit, _Gate] = {}
        for bit in due.pop(now):
            _, value = pending[bit].pop(0)
            changed = int(np.bitwise_count(value ^ values[bit]).sum())
            if changed:
                counts[bit] += changed
                values[bit] = value
                moved.update((gate.output, gate) for gate in followers[bit])
        for bit, gate in moved.items():
            value = _evaluate(gate, values)
            pending[bit] = _swallow(pending[bit], value, values[bit])
            schedule(now + gate.delay, bit, value)


def _swallow(
    pending: Sequence[tuple[int, Vector]], value: Vector, current: Vector
) -> list[tuple[int, Vector]]:
    """Return `pending` without the changes that the newer `value` undoes before they happen."""
    kept = []
    for time, waiting in pending:
        undone = (waiting ^ value) & (waiting ^ current)
        current = waiting ^ undone
        kept.append((time, current))
    return kept
