"""Time on the host: what no block runs, at the rates that the target states."""

from __future__ import annotations

from collections.abc import Iterable

from boards.target import Target
from hw.contracts import ConfigError, Operator, OperatorKind, Phase
from hw.host import HostConfig

__all__ = ["host_of", "host_seconds", "operator_seconds"]


def host_of(target: Target) -> HostConfig:
    """Return the host executor that `target` states."""
    host = target.host
    return HostConfig(
        rates=tuple((kind, host.elements_per_s(kind.value)) for kind in OperatorKind),
        clock_mhz=host.clock_mhz,
        overhead_us=host.overhead_us,
    )


def operator_seconds(host: HostConfig, op: Operator) -> float:
    """Return the seconds of one run of `op` on the host."""
    jobs = host.jobs(op)
    if jobs is None:
        raise ConfigError(
            f"operator {op.name!r} ({op.kind}) runs on no block, and the host states no rate for "
            f"it; add rates.{op.kind} to [host]"
        )
    return sum(host.seconds(job) for job in jobs)


def host_seconds(host: HostConfig, operators: Iterable[Operator]) -> dict[Phase, float]:
    """Return the seconds of all runs of everything but GEMMs, by phase."""
    seconds = dict.fromkeys(Phase, 0.0)
    for op in operators:
        if op.kind is not OperatorKind.GEMM:
            seconds[op.phase] += op.count * operator_seconds(host, op)
    return seconds
