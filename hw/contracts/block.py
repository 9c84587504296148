"""The Block contract: one frozen configuration object from which everything else is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from amaranth.lib import wiring

from .operator import Operator

__all__ = ["Block", "CycleCount", "Job"]


class Job(Protocol):
    """One command to a block. A job is hashable, so that equal jobs are simulated once."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleCount:
    """Clock cycles of one job with their causes; `total` equals the simulated count.

    Members
    -------
    compute : int
        Cycles in which the block does useful work at its full rate, edge waste included.
    fill : int
        Pipeline fill and drain that nothing overlaps.
    memory : int
        Waiting for operands.
    stall : int
        Waiting for the consumer of the results.
    reconfiguration : int
        Switching between modes or jobs.
    """

    compute: int = 0
    fill: int = 0
    memory: int = 0
    stall: int = 0
    reconfiguration: int = 0

    @property
    def total(self) -> int:
        return self.compute + self.fill + self.memory + self.stall + self.reconfiguration


@runtime_checkable
class Block(Protocol):
    """What every generator's frozen, keyword-only configuration dataclass offers."""

    def create(self) -> wiring.Component | None:
        """Return the Amaranth component, or None for a block without hardware (the host)."""
        ...

    def jobs(self, op: Operator) -> tuple[Job, ...] | None:
        """Return the jobs of one run of `op`, or None if this block cannot run it."""
        ...

    # A job is whatever `jobs` of the same block returned, so its type is the block's own.

    def golden(self, job: Any, state: Any) -> Any:
        """Return the bit-exact NumPy result of `job` on the operands in `state`."""
        ...

    def cycles(self, job: Any, memory: Any = None, stalls: Any = None) -> CycleCount:
        """Return the cycles of `job`, equal to Verilator's count on the exported Verilog."""
        ...
