"""One job on engine and memory, cycle by cycle: what the closed form is tested against."""

from __future__ import annotations

from hw.matrix import MatrixConfig, MatrixJob
from sim.memory import MemoryState, MemoryTiming

__all__ = ["simulate_job"]


def simulate_job(config: MatrixConfig, job: MatrixJob, memory: MemoryTiming) -> int:
    """Return the exact cycles of `job` on an idle engine with an idle memory.

    Both models equal co-simulation; a few microseconds per cycle.
    """
    sizes = (-(-config.a_bits // 8), -(-config.b_bits // 8))
    state = MemoryState(memory, sizes, (job.a_words, job.b_words))
    return config.cycles(job, memory=state).total
