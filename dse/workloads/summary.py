"""Workloads in words and plain data, for the command line and reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from hw.contracts import Operator, Phase

from .counts import (
    active_parameters,
    attention_macs_per_context_token,
    kv_bytes_per_token,
    linear_macs_per_token,
    parameters,
)
from .model import ModelSpec
from .scenario import Scenario
from .trace import Trace
from .workload import OperatorList, Workload

__all__ = ["OperatorRow", "describe", "model_counts", "operator_rows"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRow:
    """Operators of one phase and name taken together; shapes that differ are written ``a..b``."""

    phase: str
    name: str
    kind: str
    m: str
    k: str
    n: str
    context: str
    count: int
    macs: int


def operator_rows(trace: Trace) -> Iterator[OperatorRow]:
    """Yield one row per phase and operator name, in order of execution."""
    groups: dict[tuple[Phase, str], list[Operator]] = {}
    for operator in trace.operators:
        groups.setdefault((operator.phase, operator.name), []).append(operator)
    for (phase, name), group in groups.items():
        yield OperatorRow(
            phase=phase.value,
            name=name,
            kind=group[0].kind.value,
            m=_range(op.m for op in group),
            k=_range(op.k for op in group),
            n=_range(op.n for op in group),
            context=_range(op.context for op in group),
            count=sum(op.count for op in group),
            macs=sum(op.macs * op.count for op in group),
        )


def _range(values: Iterable[int]) -> str:
    found = sorted(set(values))
    return str(found[0]) if len(found) == 1 else f"{found[0]}..{found[-1]}"


def model_counts(model: ModelSpec) -> dict[str, int]:
    """Return what the reference table lists of a model, computed from its configuration."""
    return {
        "parameters": parameters(model),
        "active_parameters": active_parameters(model),
        "kv_bytes_per_token_at_16_bits": kv_bytes_per_token(model),
        "linear_macs_per_token": linear_macs_per_token(model),
        "attention_macs_per_context_token": attention_macs_per_context_token(model),
    }


def describe(workload: Workload | OperatorList, weight_bits: int = 8) -> dict[str, Any]:
    """Return a workload with all its operator records as data that JSON can hold."""
    trace = workload.trace()
    footprint = trace.footprint(weight_bits)
    return {
        "name": trace.name,
        **_source(workload),
        "prefills": trace.prefills,
        "decode_steps": trace.decode_steps,
        "batch": trace.batch,
        "totals": {phase.value: dataclasses.asdict(trace.totals(phase)) for phase in Phase},
        "footprint": dataclasses.asdict(footprint) | {"total_bytes": footprint.total_bytes},
        "operators": [dataclasses.asdict(operator) for operator in trace.operators],
    }


def _source(workload: Workload | OperatorList) -> dict[str, Any]:
    if isinstance(workload, OperatorList):
        return {"notes": list(workload.notes)}
    return {
        "model": dataclasses.asdict(workload.model),
        "counts": model_counts(workload.model),
        "scenario": _scenario(workload.scenario),
    }


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return dataclasses.asdict(scenario) | {"longest": scenario.longest}
