"""Faults through cocotb: flips that propagate, on handles of any design.

It needs nothing but cocotb, so that it can be copied beside anyone's test bench. There:

    from kiln_faults import find, flip

    await flip(find(dut, "core.fifo.head"), 1 << 3)      # bit 3 of a register
    await flip(find(dut, "core.fifo.mem")[12], 1)        # bit 0 of a row of a memory

A register that is an output port of the top module itself keeps no deposit on Verilator, which
copies it to the port: give the design a module around it, as `sim.faults.cocotb` does.

`kiln_faults` is a test as well: it plays the experiment in ``plan.json`` and leaves one file for
each fault, written by a copy of the simulator's process that is forked where the fault begins.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import cocotb
from cocotb.handle import Immediate
from cocotb.triggers import Timer

HALF = Timer(1, "ns")
FLIP, STUCK_0, STUCK_1 = range(3)


def find(top: Any, name: str) -> Any:
    """Return the handle of a hierarchical name; dots and brackets may be part of names."""
    parts = name.split(".")
    handle, begin = top, 0
    while begin < len(parts):
        for end in range(len(parts), begin, -1):
            found = _child(handle, ".".join(parts[begin:end]))
            if found is not None:
                handle, begin = found, end
                break
        else:
            raise AttributeError(f"{top._name} has no {name}; compile it with its signals public")
    return handle


def is_known(top: Any, name: str) -> bool:
    """Return whether there is a handle of that name."""
    try:
        find(top, name)
    except AttributeError:
        return False
    return True


def _child(handle: Any, name: str) -> Any:
    """Return a child, or None; ``name[3]`` may be a name or an element."""
    if not hasattr(handle, "_get"):
        return None
    found = handle._get(name)
    if found is None and (element := re.fullmatch(r"(.*)\[(\d+)\]", name)):
        array = handle._get(element[1])
        found = None if array is None else array[int(element[2])]
    return found


async def flip(handle: Any, bits: int) -> None:
    """Invert bits of a signal, and let the design settle."""
    set_bits(handle, bits, int(handle.value) ^ bits)
    await HALF


def set_bits(handle: Any, bits: int, value: int) -> None:
    """Deposit those `bits` of `value`, at once."""
    now = int(handle.value)
    handle.value = Immediate((now & ~bits) | (value & bits))


class Runner:
    """Plays an experiment; cycles begin with the clock at 0."""

    def __init__(self, bench: Any, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.clock = find(bench, plan["clock"]) if plan["clock"] else None
        self.inputs = [find(bench, name) for name in plan["inputs"]]
        self.outputs = [find(bench, name) for name in plan["outputs"]]
        self.words = [find(bench.dut, name) for name, _ in plan["words"]]
        self.rows = [rows for _, rows in plan["words"]]
        self.steps: list[list[int]] = plan["steps"]

    def feed(self, cycle: int) -> None:
        before = self.steps[cycle - 1] if cycle else [None] * len(self.inputs)
        for handle, value, old in zip(self.inputs, self.steps[cycle], before, strict=True):
            if value != old:
                handle.value = Immediate(value)

    async def wake(self) -> None:
        """Settle with inputs inverted: a reset that is active from the start has an edge then."""
        if self.clock is not None:
            self.clock.value = Immediate(0)
        for handle, value in zip(self.inputs, self.steps[0], strict=True):
            handle.value = Immediate(~value & (1 << len(handle)) - 1)
        await HALF

    async def begin(self, cycle: int) -> None:
        if self.clock is not None:
            self.clock.value = Immediate(0)
        self.feed(cycle)
        await HALF

    async def end(self) -> None:
        if self.clock is not None:
            self.clock.value = Immediate(1)
        await HALF

    def seen(self) -> list[int]:
        return [int(handle.value) for handle in self.outputs]

    def state(self) -> list[list[int]]:
        found = []
        for handle, rows in zip(self.words, self.rows, strict=True):
            elements = [handle[at + low(handle)] for at in range(rows)] if rows else [handle]
            found.append([int(element.value) for element in elements])
        return found

    def place(self, word: int, row: int) -> Any:
        handle = self.words[word]
        return handle[row + low(handle)] if self.rows[word] else handle

    def put(self, fault: dict[str, Any], first: bool) -> bool:
        """Deposit a fault; return whether there was anything to do."""
        if fault["model"] == FLIP and not first:
            return False
        for word, row, bits in fault["hits"]:
            handle = self.place(word, row)
            ones = {FLIP: ~int(handle.value), STUCK_0: 0, STUCK_1: -1}[fault["model"]]
            set_bits(handle, bits, ones)
        return True

    async def run(self, cycle: int, fault: dict[str, Any] | None) -> dict[str, Any]:
        """Play from a cycle that has begun to the end; return what was seen."""
        seen = []
        for now in range(cycle, len(self.steps)):
            if now > cycle:
                await self.begin(now)
            if fault and now < fault["until"] and self.put(fault, now == cycle):
                await HALF
            seen.append(self.seen())
            await self.end()
        return {"seen": seen, "state": self.state()}


def low(handle: Any) -> int:
    """Return the lowest index of a memory."""
    return int(min(handle.range.left, handle.range.right))


def leave(path: Path, found: dict[str, Any]) -> None:
    path.write_text(json.dumps(found))


@cocotb.test()
async def kiln_faults(bench: Any) -> None:
    """Run the experiment, and every fault in a process of its own."""
    plan = json.loads(Path("plan.json").read_text())
    unknown = [name for name, _ in plan["words"] if not is_known(bench.dut, name)]
    if unknown:
        Path("unknown.json").write_text(json.dumps(unknown))
        return
    runner = Runner(bench, plan)
    faults = plan["faults"]
    at = 0
    await runner.wake()
    for cycle in range(len(runner.steps)):
        await runner.begin(cycle)
        jobs: list[tuple[str, Any]] = [("golden", None)] if not cycle else []
        while at < len(faults) and faults[at]["cycle"] == cycle:
            jobs.append((str(at), faults[at]))
            at += 1
        for name, fault in jobs:
            child = os.fork()
            if not child:
                leave(Path(name), await runner.run(cycle, fault))
                os._exit(0)
            assert not os.waitpid(child, 0)[1], f"the process of fault {name} failed"
        await runner.end()
    Path("done").touch()
