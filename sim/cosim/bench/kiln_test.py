"""The cocotb side of a co-simulation: hands jobs to `kiln_tb.v` and names what goes wrong.

It needs nothing but cocotb, so that it is copied beside every design that is kept. It reads
``jobs.json`` in the working folder; ``result.txt`` (written by the test bench) and
``status.json`` are what it leaves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.handle import Immediate
from cocotb.triggers import ClockCycles, First, RisingEdge, ValueChange

FAULTS = {
    1: "nothing moved on any stream",
    2: "m_axis_tvalid fell before m_axis_tready",
    3: "m_axis changed while it waited for m_axis_tready",
    4: "m_axis offers a row that no job asked for",
}
STREAMS = ("a", "b", "o")
TAIL = 8  # cycles after the last job, in which a surplus row would show


def _bits(pattern: str) -> int:
    """Return the periodic pattern ("1" = willing, first cycle first) as the test bench takes it."""
    return int(pattern[::-1], 2) if pattern else 0


def _configure(tb: Any, plan: dict[str, Any]) -> None:
    tb.serial.value = Immediate(int(plan["serial"]))
    tb.total_jobs.value = Immediate(len(plan["jobs"]))
    memory = plan.get("memory")
    tb.memory_enabled.value = Immediate(int(memory is not None))
    for name, value in (memory or {}).items():
        getattr(tb, f"memory_{name}").value = Immediate(value)


def _present(tb: Any, index: int, job: dict[str, Any]) -> None:
    """Offer `job` to the engine: from the next cycle on, its command is valid."""
    tb.job_cmd.value = Immediate(int(job["command"], 16))
    tb.job_a_words.value = Immediate(job["a_words"])
    tb.job_b_words.value = Immediate(job["b_words"])
    tb.hang_limit.value = Immediate(job["hang_limit"])
    for stream in STREAMS:
        pattern = job["stalls"][stream]
        getattr(tb, f"{stream}_pattern").value = Immediate(_bits(pattern))
        getattr(tb, f"{stream}_period").value = Immediate(len(pattern))
    tb.jobs_given.value = Immediate(index + 1)


def _state(tb: Any) -> dict[str, int]:
    """Return what the streams are doing, for the error that names a stall."""
    state = {
        name: int(getattr(tb, name).value)
        for name in (
            "cycle",
            "jobs_given",
            "jobs_taken",
            "jobs_done",
            "rows_done",
            "cmd_valid",
            "cmd_ready",
            "a_valid",
            "a_ready",
            "b_valid",
            "b_ready",
            "o_valid",
            "o_ready",
        )
    }
    for stream in ("a", "b"):
        source = getattr(tb, stream)
        state[f"{stream}_left"] = int(source.left.value)
        state[f"{stream}_taken"] = int(source.taken.value)
    return state


async def _play(tb: Any, jobs: list[dict[str, Any]], serial: bool) -> None:
    counter = tb.jobs_done if serial else tb.jobs_taken
    for index, job in enumerate(jobs):
        _present(tb, index, job)
        while int(counter.value) <= index:
            await First(ValueChange(counter), RisingEdge(tb.finished))
            if int(tb.fault.value):
                return
        if serial:
            await ClockCycles(tb.aclk, job["idle_after"])
    if not int(tb.finished.value):
        await RisingEdge(tb.finished)


@cocotb.test()
async def kiln_jobs(tb: Any) -> None:
    """Run every job of the plan; fail with the state of the streams if one does not end."""
    plan = json.loads(Path("jobs.json").read_text())
    tb.aresetn.value = 0
    Clock(tb.aclk, 10, unit="ns").start()
    await ClockCycles(tb.aclk, 4)
    _configure(tb, plan)  # after the initial blocks, which would overwrite it
    tb.aresetn.value = 1
    await ClockCycles(tb.aclk, 2)
    await _play(tb, plan["jobs"], plan["serial"])
    await ClockCycles(tb.aclk, TAIL)
    fault = int(tb.fault.value)
    status = {"fault": FAULTS.get(fault, ""), "state": _state(tb)}
    Path("status.json").write_text(json.dumps(status))
    assert not fault, f"{FAULTS[fault]}: {status['state']}"
