"""Where the time of a trace goes on one design: per operator its causes and its bottleneck."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.target import Target
from hw.contracts import Operator, OperatorKind, Phase
from hw.matrix import MatrixConfig

from .host import host_of, operator_seconds
from .model import memory_view
from .shapes import TraceLike, job_shape
from .space import config_columns
from .terms import KNOBS, shape_terms
from .timing import job_cycles

__all__ = ["CAUSES", "OperatorTime", "TraceTime", "job_times", "time_trace"]

Floats = NDArray[np.floating[Any]]

CAUSES = ("compute", "edge", "fill", "memory", "host")
"""What time is spent on: useful work at the array's full rate; steps in which rows, columns or
lanes of the array have nothing to do; fill, drain and spacing of tiles; waiting for the memory;
the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTime:
    """All runs of one operator together (of all contexts, where only the context differs).

    Members
    -------
    name, kind, phase, m, k, n, count, context : see `Operator`
        Of the run in the middle, where contexts differ.
    block : str
        What runs it: ``matrix`` or ``host``.
    ms : float
        Time of all runs.
    cycles : float
        The same in cycles of the engine; 0 on the host.
    causes_ms : dict of str to float
        `CAUSES` that add up to `ms`.
    bottleneck : str
        ``memory`` where most of the time the memory sets the pace whatever the array does, else
        the cause that takes most.
    macs, bytes : float
        Work and traffic of all runs.
    format : str
        Number format, where one was assigned.
    """

    name: str
    kind: str
    phase: str
    m: int
    k: int
    n: int
    count: int
    context: int
    block: str
    ms: float
    cycles: float
    causes_ms: dict[str, float]
    bottleneck: str
    macs: float
    bytes: float
    format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceTime:
    """A whole trace on one design; all times are modelled.

    Members
    -------
    operators : tuple of OperatorTime
        In order of first use, prefill first.
    ttft_ms, tpot_ms, latency_ms, tokens_per_s : float
        Per request; TPOT is 0 for a trace without decode steps.
    clock_mhz, peak_macs_per_cycle, memory_bytes_per_s : float
        The roofline's axes; bandwidth less refresh.
    """

    operators: tuple[OperatorTime, ...]
    ttft_ms: float
    tpot_ms: float
    latency_ms: float
    tokens_per_s: float
    clock_mhz: float
    peak_macs_per_cycle: int
    memory_bytes_per_s: float
    causes_ms: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as ``trace.json`` of a design folder holds it."""
        return asdict(self)


def time_trace(
    trace: TraceLike, config: MatrixConfig, target: Target, clock_mhz: float
) -> TraceTime:
    """Return where the time of `trace` goes, every decode step's context counted by itself.

    The same closed form as `TraceModel`, of which the sums may differ by the rounding of its
    context buckets (less than a tenth of a percent).
    """
    engine = _Engine(config, target, clock_mhz)
    engine.time(op for op in trace.operators if op.kind is OperatorKind.GEMM)
    host = host_of(target)
    rows: list[OperatorTime] = []
    for group in _groups(trace.operators):
        if group[0].kind is OperatorKind.GEMM:
            rows.append(engine.row(group))
        else:
            rows.append(_host_row(group, [operator_seconds(host, op) for op in group]))
    first = sum(row.ms for row in rows if row.phase == Phase.PREFILL)
    later = sum(row.ms for row in rows if row.phase == Phase.DECODE)
    runs = max(1, trace.prefills)
    tokens = trace.batch * (trace.prefills + trace.decode_steps)
    return TraceTime(
        operators=tuple(rows),
        ttft_ms=first / runs,
        tpot_ms=later / max(1, trace.decode_steps),
        latency_ms=(first + later) / runs,
        tokens_per_s=tokens * 1e3 / (first + later),
        clock_mhz=float(clock_mhz),
        peak_macs_per_cycle=config.macs_per_cycle,
        memory_bytes_per_s=target.memory.bytes_per_s,
        causes_ms={phase.value: _sum_causes(rows, phase) for phase in Phase},
    )


def job_times(
    config: MatrixConfig, target: Target, clock_mhz: float, shapes: Sequence[tuple[int, int, int]]
) -> Floats:
    """Return the cycles of isolated jobs ``(m, k, n)`` on one design with the target's memory."""
    columns = config_columns([config])
    m, k, n = np.array(shapes, dtype=np.int64).T
    terms = shape_terms(m, k, n, {name: columns[name] for name in KNOBS})
    return job_cycles(terms, memory_view(target.memory, columns, float(clock_mhz))).total


def _sum_causes(rows: list[OperatorTime], phase: Phase) -> dict[str, float]:
    chosen = [row for row in rows if row.phase == phase]
    return {cause: sum(row.causes_ms.get(cause, 0.0) for row in chosen) for cause in CAUSES}


def _groups(operators: tuple[Operator, ...]) -> list[list[Operator]]:
    """Return operators that differ in nothing but context (and what follows from it) together."""
    groups: dict[tuple[Any, ...], list[Operator]] = {}
    for op in operators:
        shape = tuple(-1 if d == op.context else d for d in (op.m, op.k, op.n))
        key = (op.name, op.format, op.kind, op.phase, op.right, shape)
        groups.setdefault(key, []).append(op)
    ordered = sorted(groups.values(), key=lambda group: group[0].phase is Phase.DECODE)
    return [sorted(group, key=lambda op: op.context) for group in ordered]


def _host_row(group: list[Operator], seconds: list[float]) -> OperatorTime:
    ms = 1e3 * sum(op.count * each for op, each in zip(group, seconds, strict=True))
    return _row(group, "host", ms, 0.0, {"host": ms}, "host", 0.0, 0.0)


def _row(
    group: list[Operator],
    block: str,
    ms: float,
    cycles: float,
    causes: dict[str, float],
    bottleneck: str,
    macs: float,
    moved: float,
) -> OperatorTime:
    middle = group[len(group) // 2]
    return OperatorTime(
        name=middle.name,
        kind=middle.kind.value,
        phase=middle.phase.value,
        m=middle.m,
        k=middle.k,
        n=middle.n,
        count=sum(op.count for op in group),
        context=middle.context,
        block=block,
        ms=ms,
        cycles=cycles,
        causes_ms={cause: causes.get(cause, 0.0) for cause in CAUSES},
        bottleneck=bottleneck,
        macs=macs,
        bytes=moved,
        format=middle.format,
    )


class _Engine:
    """The GEMMs of a trace on one design: cycles of each shape, split into causes."""

    def __init__(self, config: MatrixConfig, target: Target, clock_mhz: float) -> None:
        self._config, self._clock = config, float(clock_mhz)
        self._columns = config_columns([config])
        self._view = memory_view(target.memory, self._columns, self._clock)
        self._shapes: dict[tuple[int, int, int], tuple[dict[str, float], bool, float]] = {}

    def time(self, operators: Iterable[Operator]) -> None:
        """Evaluate every distinct shape."""
        shapes = sorted({job_shape(op) for op in operators})
        if not shapes:
            return
        m, k, n = np.array(shapes, dtype=np.int64).T
        terms = shape_terms(m, k, n, {name: self._columns[name] for name in KNOBS})
        cycles = job_cycles(terms, self._view)
        useful = m * k * n / (self._config.rows * self._config.cols)
        causes = {
            "compute": useful,
            "edge": terms.steps - useful,
            "fill": terms.stall_free - terms.steps,
            "memory": cycles.total - terms.stall_free,
        }
        moved = terms.a_words * -(-self._config.a_bits // 8)
        moved += terms.b_words * -(-self._config.b_bits // 8)
        moved += terms.out_bytes
        for at, shape in enumerate(shapes):
            split = {cause: float(values[at]) for cause, values in causes.items()}
            waits = bool(cycles.memory[at] >= cycles.array[at])
            self._shapes[shape] = (split, waits, float(moved[at]))

    def row(self, group: list[Operator]) -> OperatorTime:
        """Return the time of all runs of a group of operators."""
        causes: dict[str, float] = dict.fromkeys(CAUSES, 0.0)
        cycles = waiting = moved = 0.0
        for op in group:
            split, waits, volume = self._shapes[job_shape(op)]
            total = sum(split.values())
            for cause, value in split.items():
                causes[cause] += op.count * value
            cycles += op.count * total
            waiting += op.count * total * waits
            moved += op.count * volume
        to_ms = 1 / self._clock / 1e3
        bottleneck = "memory" if waiting > cycles / 2 else max(causes, key=lambda c: causes[c])
        in_ms = {cause: value * to_ms for cause, value in causes.items()}
        macs = float(sum(op.macs * op.count for op in group))
        return _row(group, "matrix", cycles * to_ms, cycles, in_ms, bottleneck, macs, moved)
