"""Format plans: what an engine with a set of formats computes which operator in."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from boards.target import Target
from dse.workloads import Trace, Workload
from dse.workloads.counts import linears
from hw.contracts import ConfigError, Operand, OperatorKind, Phase
from hw.matrix import FORMAT_SETS, MatrixConfig, mixed_config
from hw.numerics import find_format
from sim.quality.assignment import Assignment
from sim.system import TraceModel, config_columns

from .choose import LimitError, choose
from .costs import Costs
from .groups import GROUPS, Group, layers_of, operator_class, shares, split_operators
from .readings import Meter, Reading
from .sensitivities import Sensitivities

__all__ = [
    "FormatPlan",
    "assigned_trace",
    "format_sets",
    "group_seconds",
    "make_plans",
    "recorded_trace",
]

_REFERENCE = {"rows": 8, "cols": 8, "a_depth": 2048, "b_depth": 2048, "banks": 1}
_REFERENCE_MHZ = 120.0
"""The design on which formats' times are compared: only their ratios matter."""
_MOST_READINGS = 8  # of mixtures, for each set of formats
_TRIES = 3  # to leave room for the rounding of results


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatPlan:
    """A set of formats, who uses which, and what that does to quality.

    Members
    -------
    formats : str
        The engine's formats, names with ``+`` between.
    trace : Trace
        The workload with a format on every GEMM.
    groups : mapping of str to str
        Format of each group that the workload has, such as ``ffn_up.first``.
    stored_bytes : int
        Bytes of weights and KV cache in memory, each code in its container.
    assignment : str
        As `sim.quality.assignment.Assignment.parse` reads it, rounding of results included.
    reading : Reading
        What it was measured to lose.
    source : str
        ``"stand-in"`` or ``"measured"``.
    """

    formats: str
    trace: Trace
    groups: Mapping[str, str]
    stored_bytes: int
    assignment: str
    reading: Reading
    source: str

    @property
    def modes(self) -> frozenset[str]:
        """Formats that operators really use."""
        return frozenset(op.format for op in self.trace.operators if op.format)


def stored_bytes(workload: Workload, trace: Trace, formats: Mapping[Group, str]) -> int:
    """Return the bytes of weights and KV cache in memory, each code in its container.

    All experts are stored, whoever is read; what is in no GEMM (embeddings that the LM head does
    not share, norms, biases) is stored as the LM head's weights are. Keys and values are read by
    attention alone, and have the mean width of what it reads.
    """
    model, bits = workload.model, 0.0
    left = trace.weights
    for linear in linears(model):
        elements = linear.k * linear.n * linear.copies
        for third, layers in shares(layers_of(linear.name, model), model.layers):
            group = Group(operator_class(linear.name), third)
            bits += elements * layers * find_format(formats[group]).container_bits
            left -= elements * layers
    bits += left * find_format(formats[Group("lm_head")]).container_bits
    return int(np.ceil((bits + _mean_bits(trace, Operand.KV_CACHE) * trace.kv_peak) / 8))


def _mean_bits(trace: Trace, right: Operand) -> float:
    """Return the mean bits of an operand, by how often one pass reads it."""
    reads = [
        (op.right_elements * op.count, find_format(op.format).container_bits)
        for op in trace.operators
        if op.kind is OperatorKind.GEMM and op.right is right
    ]
    total = sum(count for count, _ in reads)
    return sum(count * bits for count, bits in reads) / total if total else 0.0


def format_sets(formats: Sequence[str]) -> tuple[str, ...]:
    """Return the sets of `FORMAT_SETS` that these formats make up.

    Raises `ConfigError` where there is none.
    """
    chosen = set(formats)
    found = tuple(name for name in FORMAT_SETS if chosen.issuperset(name.split("+")))
    if not found:
        known = sorted({name for names in FORMAT_SETS for name in names.split("+")})
        raise ConfigError(
            f"formats={','.join(formats)} are those of no engine that can be searched; "
            f"choose from {', '.join(known)}, or all"
        )
    return found


def assigned_trace(workload: Workload, formats: Mapping[Group, str]) -> Trace:
    """Return the workload's trace with a format on every GEMM."""
    trace = workload.trace()
    split = split_operators(trace.operators, workload.model)
    gemms = [
        replace(op, format=formats[group]) for group, members in split.items() for op in members
    ]
    others = [op for op in trace.operators if op.kind is not OperatorKind.GEMM]
    ordered = sorted([*gemms, *others], key=lambda op: op.phase is Phase.DECODE)
    return replace(trace, operators=tuple(ordered))


def recorded_trace(workload: Workload, path: Path, formats: Sequence[str]) -> Trace:
    """Return a workload's trace by a design's ``formats.json``; in the first format without one.

    Assignments are by operator class and third of the layers, so they carry over between models.

    Raises
    ------
    ConfigError
        The file says nothing that can be used.
    """
    if not path.exists():
        return assigned_trace(workload, dict.fromkeys(GROUPS, formats[0]))
    try:
        said = json.loads(path.read_text("utf-8"))["operators"]
        groups = {Group.parse(name): find_format(of).name for name, of in said.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is damaged ({error}); make the design again") from None
    if foreign := set(groups.values()) - set(formats):
        raise ConfigError(f"{path} names formats that the engine lacks: {', '.join(foreign)}")
    rest = dict.fromkeys(GROUPS, formats[0])
    return assigned_trace(workload, rest | groups)


def group_seconds(
    workload: Workload, target: Target, formats: Sequence[str], config: MatrixConfig
) -> Costs:
    """Return the engine's modelled time for each group in each format, on one design."""
    trace = workload.trace()
    split = split_operators(trace.operators, workload.model)
    columns = config_columns([config])
    table: dict[tuple[Group, str], float] = {}
    for group, members in split.items():
        for name in formats:
            part = replace(trace, operators=tuple(replace(op, format=name) for op in members))
            found = TraceModel(part, target, columns).evaluate(_REFERENCE_MHZ)
            table[group, name] = float(
                (found["prefill_engine_ms"] + found["decode_engine_ms"])[0] / 1e3
            )
    return Costs.of("seconds", table)


def make_plans(
    workload: Workload,
    target: Target,
    sets: Iterable[str],
    limit: float,
    meter: Meter,
    sensitivities: Sensitivities,
    *,
    say: Callable[[str], None] = lambda message: None,
) -> tuple[tuple[FormatPlan, ...], dict[str, str]]:
    """Return the plans whose measured loss of quality is within `limit`, and why others are not.

    A set of one format has a uniform plan; of several, the plan of least modelled engine time
    that uses more than one of them.

    Raises
    ------
    ConfigError
        No set has a plan within the limit; of the set that comes nearest to one.
    """
    plans: dict[str, FormatPlan] = {}
    left_out: dict[str, str] = {}
    refused: list[ConfigError] = []
    for name in sets:
        say(f"formats {name}")
        try:
            plan = _plan(workload, target, name, limit, meter, sensitivities)
        except ConfigError as error:
            left_out[name] = str(error)
            refused.append(error)
            continue
        if len(plan.modes) < len(name.split("+")):
            left_out[name] = f"within the limit it uses {', '.join(sorted(plan.modes))} only"
            continue
        plans[name] = plan
    if not plans and refused:
        raise min(refused, key=lambda error: getattr(error, "least", math.inf))
    if not plans:
        raise ConfigError(next(iter(left_out.values())))
    return tuple(plans.values()), left_out


def _plan(
    workload: Workload,
    target: Target,
    name: str,
    limit: float,
    meter: Meter,
    sensitivities: Sensitivities,
) -> FormatPlan:
    formats = tuple(find_format(part).name for part in name.split("+"))
    config = mixed_config(formats=name, multiplier="dsp", pipeline=2, **_REFERENCE)
    costs = group_seconds(workload, target, formats, config)
    window = _window(config)
    room = limit
    for _ in range(_TRIES):
        choice = choose(meter, costs, room, sensitivities, window=window, most=_MOST_READINGS)
        assignment = _rounded(choice.best.assignment, config.result_format)
        reading = meter.read(assignment)
        if np.expm1(reading.worse) <= limit:
            break
        room -= 1.5 * (np.expm1(reading.worse) - limit)
        if room <= 0:
            break
    if np.expm1(reading.worse) > limit:
        raise LimitError(
            f"rounding results into {config.result_format} keeps {name} from a loss of {limit:.3g} "
            f"({np.expm1(reading.worse):.3g} is what is left, {meter.source}); allow more loss",
            reading.worse,
        )
    picked = dict(zip(costs.groups, choice.best.formats, strict=True))
    trace = assigned_trace(workload, picked)
    return FormatPlan(
        formats=name,
        trace=trace,
        stored_bytes=stored_bytes(workload, trace, picked),
        groups={group.name: name for group, name in picked.items()},
        assignment=assignment.text,
        reading=reading,
        source=meter.source,
    )


def _window(config: MatrixConfig) -> int | None:
    """Return the window of a bounded accumulator, None for a quire."""
    mac: Any = config.numbers.mac  # type: ignore[union-attr]  # it has formats
    return mac.alignment if mac.accumulator == "bounded" else None


def _rounded(assignment: Assignment, result: str) -> Assignment:
    """Return an assignment whose sums are rounded into `result`."""

    def into(arithmetic: Any) -> Any:
        return arithmetic and replace(arithmetic, result=result)

    operators = {name: into(arithmetic) for name, arithmetic in assignment.operators.items()}
    return Assignment(default=into(assignment.default), operators=operators)
