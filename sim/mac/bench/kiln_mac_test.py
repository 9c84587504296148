"""The cocotb side of a multiply-accumulate unit's verification: a producer and a consumer.

It needs nothing but cocotb. It reads ``mac.json`` in the working folder: elements and results in
hexadecimal, and in how many of a hundred cycles each peer is willing. It leaves ``status.json``:
the cycle of each result, which results are wrong, and what fault there was.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

IDLE = 5000  # cycles in which nothing moves
TAIL = 64  # cycles after the last result, in which a surplus one would show


class Producer:
    """Offers elements in order; what it once offered, it keeps offering."""

    def __init__(self, dut: Any, elements: list[Any], percent: int) -> None:
        self._dut, self._elements, self._percent = dut, elements, percent
        self._gaps = random.Random(1)
        self.sent, self.offering = 0, False

    def drive(self) -> None:
        if not self.offering and self.sent < len(self._elements):
            self.offering = self._gaps.randrange(100) < self._percent
        self._dut.s_axis_tvalid.value = int(self.offering)
        if self.offering:
            word, last = self._elements[self.sent]
            self._dut.s_axis_tdata.value = int(word, 16)
            self._dut.s_axis_tlast.value = last

    def sample(self) -> bool:
        """Return whether an element was taken."""
        taken = self.offering and bool(int(self._dut.s_axis_tready.value))
        if taken:
            self.sent, self.offering = self.sent + 1, False
        return taken


class Consumer:
    """Takes results, and watches that a waiting one stays as it is."""

    def __init__(self, dut: Any, expected: list[Any], percent: int) -> None:
        self._dut, self._expected, self._percent = dut, expected, percent
        self._gaps = random.Random(2)
        self._ready, self._waiting = False, -1
        self.cycles: list[int] = []
        self.wrong: list[int] = []
        self.fault = ""

    @property
    def done(self) -> bool:
        return len(self.cycles) >= len(self._expected)

    def drive(self) -> None:
        self._ready = self._gaps.randrange(100) < self._percent
        self._dut.m_axis_tready.value = int(self._ready)

    def sample(self, cycle: int) -> bool:
        """Return whether a result was taken."""
        valid = bool(int(self._dut.m_axis_tvalid.value))
        word = int(self._dut.m_axis_tdata.value) if valid else -1
        if self._waiting >= 0 and word != self._waiting:
            self.fault = "m_axis changed or fell while it waited for m_axis_tready"
        self._waiting = word if valid and not self._ready else -1
        if not (valid and self._ready):
            return False
        if self.done:
            self.fault = "m_axis offers a result that no dot product asked for"
            return True
        wanted, mask = (int(text, 16) for text in self._expected[len(self.cycles)])
        if (word ^ wanted) & mask:
            self.wrong.append(len(self.cycles))
        self.cycles.append(cycle)
        return True


async def _reset(dut: Any) -> None:
    dut.aresetn.value = 0
    dut.s_axis_tvalid.value = 0
    dut.m_axis_tready.value = 0
    for _ in range(4):
        await FallingEdge(dut.aclk)
    dut.aresetn.value = 1


@cocotb.test()
async def kiln_mac_stream(dut: Any) -> None:
    """Play all elements; fail on a wrong, missing, surplus or changing result."""
    plan = json.loads(Path("mac.json").read_text())
    producer = Producer(dut, plan["elements"], plan["offer"])
    consumer = Consumer(dut, plan["expected"], plan["take"])
    Clock(dut.aclk, 10, unit="ns").start()
    await _reset(dut)
    cycle = idle = tail = 0
    while tail < TAIL and not consumer.fault:
        producer.drive()
        consumer.drive()
        await Timer(2, unit="ns")  # what is seen now is what the next rising edge sees
        moved = [producer.sample(), consumer.sample(cycle)]
        idle = 0 if any(moved) else idle + 1
        tail += consumer.done
        if idle > IDLE:
            consumer.fault = "nothing moved on any stream"
        await FallingEdge(dut.aclk)
        cycle += 1
    status: dict[str, Any] = {
        "fault": consumer.fault,
        "cycles": consumer.cycles,
        "wrong": consumer.wrong,
    }
    status |= {"sent": producer.sent, "cycle": cycle}
    Path("status.json").write_text(json.dumps(status))
    assert not consumer.fault, f"{consumer.fault} (cycle {cycle})"
    assert not consumer.wrong, f"{len(consumer.wrong)} wrong results, first {consumer.wrong[0]}"
