"""A test bench as a user would write it, on the FIFO of `packetiser.v`."""

from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
from kiln_faults import find, flip


@cocotb.test()
async def flips_propagate_at_once(dut: Any) -> None:
    """Flip a bit of a register and of a memory's row; logic behind them follows without a clock."""
    dut.rst_n.value = 0
    dut.in_valid.value, dut.in_data.value, dut.out_ready.value = 0, 0x33, 0
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, 2)
    dut.rst_n.value, dut.in_valid.value = 1, 1
    await ClockCycles(dut.clk, 1)
    dut.in_valid.value, dut.out_ready.value = 0, 1
    while int(find(dut, "state").value) != 3:
        await FallingEdge(dut.clk)
    assert int(dut.out_data.value) == 0x33
    row = int(dut.tail.value) & 7
    await flip(find(dut, f"mem[{row}]"), 1 << 7)
    assert int(dut.out_data.value) == 0xB3
    await flip(dut.state, 0b100)
    assert int(dut.error_detected.value) == 1
