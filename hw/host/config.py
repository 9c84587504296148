"""The host executor's configuration: the Block contract without hardware."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from hw.contracts import ConfigError, CycleCount, Operator, OperatorKind, did_you_mean

from .golden import evaluate

__all__ = ["HostConfig", "HostJob"]

Rates = tuple[tuple[OperatorKind, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostJob:
    """One run of an operator on the host: `rows` rows of `width` elements.

    Parameters
    ----------
    kind : OperatorKind
        What is computed.
    rows, width : int
        Shape of the result.
    depth : int
        Length of the dot products of a GEMM; 1 for every other kind.
    """

    kind: OperatorKind
    rows: int
    width: int
    depth: int = 1

    @property
    def elements(self) -> int:
        """Elements that the stated rate counts: results, or multiply-accumulates of a GEMM."""
        return self.rows * self.width * self.depth


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """A processor that runs operators at stated rates; nothing about it is measured by Kiln.

    Parameters
    ----------
    rates : mapping or tuple of pairs
        Elements per second for each operator kind it runs; for a GEMM, multiply-accumulates per
        second. Kinds without a rate are refused, so that no time is silently zero.
    clock_mhz : float
        Clock in which `cycles` counts.
    overhead_us : float
        Once per job: being told, and telling.
    """

    rates: Rates
    clock_mhz: float = 1000.0
    overhead_us: float = 0.0

    def __post_init__(self) -> None:
        pairs = self.rates.items() if isinstance(self.rates, Mapping) else self.rates
        rates = tuple(sorted((_kind(kind), _positive(f"rates.{kind}", r)) for kind, r in pairs))
        object.__setattr__(self, "rates", rates)
        _positive("clock_mhz", self.clock_mhz)
        if not (math.isfinite(self.overhead_us) and self.overhead_us >= 0):
            raise ConfigError(f"overhead_us={self.overhead_us!r} is no time; use 0 or more")

    def rate(self, kind: OperatorKind) -> float | None:
        """Return the elements per second of `kind`, or None if the host does not run it."""
        return dict(self.rates).get(kind)

    def create(self) -> None:
        """Return None: the host is not generated."""
        return None

    def jobs(self, op: Operator) -> tuple[HostJob, ...] | None:
        """Return the one job of a run of `op`, or None where no rate is stated for its kind."""
        if self.rate(op.kind) is None:
            return None
        return (HostJob(kind=op.kind, rows=op.m, width=op.n, depth=op.k),)

    def golden(self, job: HostJob, state: Mapping[str, Any]) -> NDArray[Any]:
        """Return the result of `job` on `state`, in the NumPy arithmetic of `hw.host.golden`."""
        return evaluate(job.kind, (job.rows, job.width), state)

    def seconds(self, job: HostJob) -> float:
        """Return the stated time of `job`."""
        rate = self.rate(job.kind)
        if rate is None:
            raise ConfigError(
                f"rates.{job.kind} is missing: the host cannot run {job.kind}; "
                f"state its elements per second under [host.rates] of the target"
            )
        return self.overhead_us / 1e6 + job.elements / rate

    def cycles(self, job: HostJob, memory: Any = None, stalls: Any = None) -> CycleCount:
        """Return the cycles of `job` in the host's own clock; its rate includes its memory."""
        return CycleCount(compute=math.ceil(self.seconds(job) * self.clock_mhz * 1e6))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> HostConfig:
        """Return the configuration in a TOML table with a sub-table `rates`; refuse other keys."""
        known = {"rates", "clock_mhz", "overhead_us"}
        for key in table:
            if key not in known:
                raise ConfigError(f"[host] has no key {key!r}{did_you_mean(key, known)}")
        if "rates" not in table:
            raise ConfigError("[host] has no rates; state elements per second per operator kind")
        return cls(**table)

    def to_table(self) -> dict[str, Any]:
        """Return what `from_table` reads."""
        rates = {kind.value: rate for kind, rate in self.rates}
        return {"clock_mhz": self.clock_mhz, "overhead_us": self.overhead_us, "rates": rates}


def _kind(name: object) -> OperatorKind:
    try:
        return OperatorKind(str(name))
    except ValueError:
        close = did_you_mean(str(name), [kind.value for kind in OperatorKind])
        raise ConfigError(f"rates.{name}: no such operator kind{close}") from None


def _positive(field: str, value: Any) -> float:
    valid = isinstance(value, int | float) and not isinstance(value, bool)
    if not (valid and math.isfinite(value) and value > 0):
        raise ConfigError(f"{field}={value!r} is not a positive number; use elements per second")
    return float(value)
