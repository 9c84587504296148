"""The model of a block that Kiln does not know: its own `cycles`, its own prediction of area.

A block from outside the repository takes part in a search if its configuration class offers,
beside the Block contract, ``space()`` (a `SearchSpace`) and ``predict(family)``, a mapping
with ``lut`` (or ``area_um2``) and ``clock_mhz``. Nothing here is vectorised: every design is
asked once per distinct operator, so that a space of some thousands of designs is the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boards.power import energy_model
from boards.target import Target
from dse.workloads import Trace
from hw.contracts import ConfigError, Operator, Phase, SearchSpace
from sim.system import host_of
from sim.system.host import operator_seconds

from .distributions import scaled_knobs
from .limits import AREA, Limits, area_violation

__all__ = ["BlockModel", "block_space"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_DESIGNS = 5000
_DEFAULT_BITS = 8


def block_space(block: type[Any]) -> SearchSpace[Any]:
    """Return the search space that a block's configuration class offers."""
    for needed in ("space", "predict"):
        if not callable(getattr(block, needed, None)):
            raise ConfigError(
                f"block {block.__name__} offers no {needed}(), which a search needs; "
                "docs/extending.md shows one that does"
            )
    space = block.space()
    if not isinstance(space, SearchSpace):
        raise ConfigError(
            f"block {block.__name__}: space() gives {space!r}; let it give a SearchSpace"
        )
    return space


class BlockModel:
    """Area, clock, power and trace latency of every design of a plugged-in block.

    Parameters
    ----------
    space : SearchSpace
        The block's space.
    trace : Trace
        The workload; operators that the block has no jobs for run on the host.
    target : Target
        Gives budget, memory, host, family.
    limits : Limits
        The user's limits.
    """

    def __init__(
        self, space: SearchSpace[Any], trace: Trace, target: Target, limits: Limits
    ) -> None:
        if len(space) > _MOST_DESIGNS:
            raise ConfigError(
                f"space of {len(space)} designs is too large to be asked one by one; "
                f"hold some knobs with --fix until {_MOST_DESIGNS} or fewer are left"
            )
        self._trace, self._target, self._limits = trace, target, limits
        configs = [space.decode(point) for point in space]
        predicted: list[dict[str, float]] = [dict(c.predict(target.family)) for c in configs]
        area = AREA.get(target.family, "lut")
        self.knobs: Floats = scaled_knobs(space)
        self._work = np.array([self._cycles_and_bytes(config) for config in configs])
        self._host = self._host_seconds(configs[0])
        energy = energy_model(target.family, target.budget.get("lut"))
        clock = np.array([float(p["clock_mhz"]) for p in predicted])
        self.figures = {
            "area": np.array([float(p[area]) for p in predicted]),
            "clock_mhz": np.minimum(clock, target.clock.max_mhz),
            "power_mw": energy.power_mw(
                clock_mhz=clock,
                macs=0.0,
                operand_bits=_DEFAULT_BITS,
                ff=np.array([p.get("ff", p.get("lut", 0.0)) for p in predicted]),
            ),
        }
        self.seconds: Floats = np.full(len(configs), 60.0)

    def quantities(self, points: Ints, figures: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return every objective column at `points`, given their area, clock and power."""
        first, later = (
            self._phase_ms(np.asarray(points), figures["clock_mhz"], phase) for phase in Phase
        )
        trace, power = self._trace, np.asarray(figures["power_mw"])
        runs = max(1, trace.prefills)
        tokens = trace.batch * (trace.prefills + trace.decode_steps)
        latency = (first + later) / runs
        rate = tokens * 1e3 / (first + later)
        energy = power * latency / 1e6
        return {
            "latency_ms": latency,
            "ttft_ms": first / runs,
            "tpot_ms": later / max(1, trace.decode_steps),
            "tokens_per_s": rate,
            "energy_j": energy,
            "tokens_per_joule": tokens / runs / energy,
            "tokens_per_s_per_area": rate / figures["area"],
            "area": np.asarray(figures["area"]),
            "power_mw": power,
        }

    def violations(self, points: Ints, quantities: Mapping[str, Floats]) -> dict[str, Floats]:
        """Return by how much budget and limits are missed, as log-ratios."""
        found = area_violation(self._target, quantities["area"])
        user = self._limits.violations(quantities["latency_ms"], quantities["power_mw"])
        return {**found, **user}

    def trace_of(self, config: Any) -> Trace:
        """Return the workload as a configuration computes it."""
        return self._trace

    def causes(self, config: Any, clock_mhz: float) -> dict[str, Any]:
        """Return the time of every operator on one design, as ``trace.json`` holds it."""
        rows = [self._row(config, op, clock_mhz) for op in self._trace.operators]
        return {"clock_mhz": clock_mhz, "operators": rows}

    def _row(self, config: Any, op: Operator, clock_mhz: float) -> dict[str, Any]:
        jobs = config.jobs(op)
        if jobs is None:
            ms = operator_seconds(host_of(self._target), op) * op.count * 1e3
            block, cause = "host", "host"
        else:
            cycles = sum(config.cycles(job).total for job in jobs)
            ms = max(cycles / clock_mhz / 1e3, self._memory_ms(_bytes(op))) * op.count
            block = type(config).__name__
            cause = "compute" if cycles / clock_mhz / 1e3 * op.count >= ms else "memory"
        shape = {"m": op.m, "k": op.k, "n": op.n, "count": op.count, "context": op.context}
        return {
            "name": op.name,
            "kind": op.kind.value,
            "phase": op.phase.value,
            **shape,
            "block": block,
            "ms": ms,
            "bottleneck": cause,
            "causes_ms": {cause: ms},
            "macs": op.macs * op.count,
            "bytes": _bytes(op) * op.count,
        }

    def _cycles_and_bytes(self, config: Any) -> list[list[float]]:
        """Return cycles, and bytes moved, of both phases."""
        totals = {phase: [0.0, 0.0] for phase in Phase}
        for op in self._trace.operators:
            if (jobs := config.jobs(op)) is not None:
                totals[op.phase][0] += op.count * sum(config.cycles(job).total for job in jobs)
                totals[op.phase][1] += op.count * _bytes(op)
        return [totals[phase] for phase in Phase]

    def _host_seconds(self, config: Any) -> dict[Phase, float]:
        host, seconds = host_of(self._target), dict.fromkeys(Phase, 0.0)
        for op in self._trace.operators:
            if config.jobs(op) is None:
                seconds[op.phase] += op.count * operator_seconds(host, op)
        return seconds

    def _phase_ms(self, points: Ints, clock_mhz: Floats, phase: Phase) -> Floats:
        """Return the time of a phase: compute or memory, whichever takes longer, and the host."""
        cycles, moved = self._work[points, list(Phase).index(phase)].T
        engine = np.maximum(cycles / clock_mhz / 1e3, self._memory_ms(moved))
        return np.asarray(engine + self._host[phase] * 1e3)

    def _memory_ms(self, moved: Any) -> Any:
        return moved / self._target.memory.bytes_per_s * 1e3


def _bytes(op: Operator) -> float:
    """Return what one run moves at least: operands of 8 bits once, results of 32 bits once."""
    return float(op.left_elements + op.right_elements + 4 * op.output_elements)
