"""What a cycle computes, step by step: each after what it reads, neighbours close together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from boards.frozen import Bit, Cell, Frozen
from hw.contracts import ConfigError

__all__ = ["Address", "Next", "Output", "Read", "Step", "Write", "ordered"]


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a memory's read port."""

    memory: int
    port: int


@dataclass(frozen=True, slots=True)
class Read:
    """What a memory's read port finds there."""

    memory: int
    port: int


@dataclass(frozen=True, slots=True)
class Next:
    """The next value of a flip-flop word."""

    flop: int


@dataclass(frozen=True, slots=True)
class Write:
    """Address, data and enables of a memory's write port."""

    memory: int
    port: int


@dataclass(frozen=True, slots=True)
class Output:
    """The value of an output port, by its number among the outputs."""

    port: int


Step = Cell | Address | Read | Next | Write | Output


def owner(netlist: Frozen, step: Step) -> str:
    """Return the instance that a step belongs to."""
    match step:
        case Cell():
            name = step.name
        case Next(flop):
            name = netlist.flops[flop].name
        case Address(memory) | Read(memory) | Write(memory):
            name = netlist.memories[memory].name
        case Output():
            return ""
    plain = name.removeprefix("$flatten").replace("\\", "").split("$", 1)[0]
    return re.sub(r"\.[^.]*$", "", plain)


def ordered(netlist: Frozen) -> list[Step]:
    """Return all steps; `ConfigError` for a combinational loop.

    Depth first from each flip-flop, so that what one of them needs lies together.
    """
    driver = _drivers(netlist)
    done: dict[Step | int, bool] = {}  # by id for cells: their hash is slow
    steps: list[Step] = []
    for root in _roots(netlist):
        _visit(netlist, root, driver, done, steps)
    return steps


def _roots(netlist: Frozen) -> Iterator[Step]:
    yield from (Next(at) for at in range(len(netlist.flops)))
    for index, memory in enumerate(netlist.memories):
        yield from (Write(index, port) for port in range(len(memory.writes)))
    yield from (Output(at) for at in range(len(netlist.outputs)))
    yield from netlist.cells  # what nothing reads


def _drivers(netlist: Frozen) -> dict[Bit, Step]:
    found: dict[Bit, Step] = {}
    for cell in netlist.cells:
        found |= dict.fromkeys(cell.output, cell)
    for index, memory in enumerate(netlist.memories):
        for port, (_, data) in enumerate(memory.reads):
            found |= dict.fromkeys(data, Read(index, port))
    return found


def _sources(netlist: Frozen, step: Step) -> Sequence[Bit]:
    match step:
        case Cell():
            return [bit for bits in step.inputs.values() for bit in bits]
        case Next(flop):
            return netlist.flops[flop].d
        case Address(memory, port):
            return netlist.memories[memory].reads[port][0]
        case Write(memory, port):
            return [bit for bits in netlist.memories[memory].writes[port] for bit in bits]
        case Output(port):
            return netlist.outputs[port].bits
        case Read():
            return ()


def _needs(netlist: Frozen, step: Step, driver: dict[Bit, Step]) -> list[Step]:
    if isinstance(step, Read):
        return [Address(step.memory, step.port)]
    found: dict[int | Step, Step] = {}
    for bit in _sources(netlist, step):
        if isinstance(bit, int) and bit in driver:
            source = driver[bit]
            found.setdefault(_key(source), source)
    return list(found.values())


def _key(step: Step) -> int | Step:
    return id(step) if isinstance(step, Cell) else step


def _visit(
    netlist: Frozen,
    root: Step,
    driver: dict[Bit, Step],
    done: dict[Step | int, bool],
    steps: list[Step],
) -> None:
    if _key(root) in done:
        return
    stack = [(root, iter(_needs(netlist, root, driver)))]
    done[_key(root)] = False
    while stack:
        step, needs = stack[-1]
        for need in needs:
            if _key(need) not in done:
                done[_key(need)] = False
                stack.append((need, iter(_needs(netlist, need, driver))))
                break
            if not done[_key(need)]:
                raise ConfigError(
                    f"{_shown(netlist, need)} is part of a combinational loop; "
                    "break it with a register"
                )
        else:
            stack.pop()
            done[_key(step)] = True
            steps.append(step)


def _shown(netlist: Frozen, step: Step) -> str:
    match step:
        case Cell():
            return step.name
        case Address(memory) | Read(memory):
            return netlist.memories[memory].name
    return str(step)
