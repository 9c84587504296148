"""What a target offers beside logic: its memories and the host that runs unmapped operators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from hw.contracts import ConfigError, OperatorKind, did_you_mean

__all__ = ["Host", "Memory", "require_positive"]


def require_positive(owner: object, *names: str, zero: bool = False) -> None:
    """Raise ConfigError unless the named attributes are finite and above (or at) zero."""
    for name in names:
        value = getattr(owner, name)
        if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
            least = "0 or more" if zero else "more than 0"
            raise ConfigError(f"{name}={value} makes no sense; use {least}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One kind of memory, as the controller that exists for it presents it.

    Parameters
    ----------
    kind : str
        Such as ``ddr3``, ``sdram``, ``hbm2``, ``flash``.
    capacity_bytes : int
        Of all channels together.
    bytes_per_cycle : float
        One channel, per cycle of `clock_mhz`, before refresh.
    clock_mhz : float
        The controller's user-side clock.
    latency_ns : float
        From a read's address to its first data, row closed, port idle.
    channels : int
        Independent channels.
    refresh_fraction : float
        Share of time in which refresh keeps the memory busy.
    writable : bool
        False for flash that is only read while the design runs.
    observers : tuple of str
        Who can see addresses and data: ``board`` (probes on the traces), ``host``; empty if none.
    timings_ns : mapping of str to float
        Command timings, where a generator needs them.
    """

    kind: str
    capacity_bytes: int
    bytes_per_cycle: float
    clock_mhz: float
    latency_ns: float
    channels: int = 1
    refresh_fraction: float = 0.0
    writable: bool = True
    observers: tuple[str, ...] = ()
    timings_ns: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        require_positive(self, "capacity_bytes", "bytes_per_cycle", "clock_mhz", "channels")
        require_positive(self, "latency_ns", "refresh_fraction", zero=True)
        if self.refresh_fraction >= 1:
            raise ConfigError(
                f"refresh_fraction={self.refresh_fraction} leaves no time to read; use less than 1"
            )

    @property
    def peak_bytes_per_s(self) -> float:
        """All channels, before refresh."""
        return self.channels * self.bytes_per_cycle * self.clock_mhz * 1e6

    @property
    def bytes_per_s(self) -> float:
        """All channels, less refresh: what a long sequential burst gets."""
        return self.peak_bytes_per_s * (1 - self.refresh_fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The processor that runs operators which no block runs yet, at a stated rate.

    Parameters
    ----------
    title : str
        What it is.
    clock_mhz : float
        Its clock.
    overhead_us : float
        Once per operator: being told, and telling.
    cycles_per_element : mapping of str to float
        Per operator kind (its elements; for ``gemm`` its multiply-accumulates); ``default`` for
        all others.
    """

    title: str
    clock_mhz: float
    overhead_us: float
    cycles_per_element: Mapping[str, float] = field(hash=False)

    def __post_init__(self) -> None:
        require_positive(self, "clock_mhz")
        require_positive(self, "overhead_us", zero=True)
        known = {kind.value for kind in OperatorKind} | {"default"}
        for name, value in self.cycles_per_element.items():
            if name not in known:
                raise ConfigError(f"unknown operator kind {name!r}{did_you_mean(name, known)}")
            if not value > 0:
                raise ConfigError(f"cycles_per_element.{name}={value} makes no sense; use more")
        if "default" not in self.cycles_per_element:
            raise ConfigError("cycles_per_element has no `default`; add `default = 40`")

    def elements_per_s(self, kind: str) -> float:
        """Return how many elements (for ``gemm``, multiply-accumulates) it does per second."""
        cycles = self.cycles_per_element.get(kind, self.cycles_per_element["default"])
        return self.clock_mhz * 1e6 / cycles
