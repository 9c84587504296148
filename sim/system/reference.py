"""One job on engine and memory, cycle by cycle, without data: the reference of the closed form."""

from __future__ import annotations

from hw.matrix import MatrixConfig, MatrixJob
from hw.matrix.timing import create_timing
from sim.memory import MemoryState, MemoryTiming

__all__ = ["simulate_job"]


def simulate_job(config: MatrixConfig, job: MatrixJob, memory: MemoryTiming) -> int:
    """Return the cycles of `job` on an idle engine with an idle memory.

    Counted as `MatrixConfig.cycles` counts: from the command's transfer to the last result's,
    both included. The engine is the model that equals Verilator, the memory is the definition in
    `sim.memory`; a few microseconds per cycle.
    """
    engine = create_timing(config, job)
    sizes = (-(-config.a_bits // 8), -(-config.b_bits // 8))
    state = MemoryState(memory, sizes, (job.a_words, job.b_words))
    element = -(-config.accum_bits // 8)
    columns = engine.beat_columns()
    while not engine.done:
        a, b, accepts = state.offers(0), state.offers(1), state.accepts
        takes = (a and engine.a.ready, b and engine.b.ready)
        row = next(columns) * element if engine.offers and accepts else 0
        engine.advance(a, b, accepts)
        state.advance(takes, row)
    return engine.cycle
