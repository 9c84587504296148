"""Switching activity: how often the bits of a design change, as a plain record.

A record maps names to rates. ``"module"`` and ``"module.signal"`` give toggles per bit and cycle,
averaged over all instances of the module; ``"module.signal:apart"`` gives how often a pair of its
neighbouring bits starts or ceases to differ, averaged over the pairs; ``"module.memory:read"`` and
``":write"`` give accesses per cycle of one instance of the memory. What a record does not name
falls back to its module's rate, then to the record's ``"*"``, then to `DEFAULT_RATE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from boards.netlist import Bit, Module
from hw.contracts import ConfigError

__all__ = ["DEFAULT_RATE", "Activity"]

DEFAULT_RATE = 0.125
"""One toggle in eight cycles, what vendors' power estimators assume of unknown logic."""


@dataclass(frozen=True)
class Activity:
    """A record with its look-ups.

    Raises
    ------
    ConfigError
        A rate that is negative or no number.
    """

    rates: Mapping[str, float]

    def __post_init__(self) -> None:
        for name, rate in self.rates.items():
            if not isinstance(rate, int | float) or not 0 <= rate < float("inf"):
                raise ConfigError(
                    f"activity: rate {rate!r} of {name!r} is not 0 or more toggles per cycle; "
                    "simulate the tile again"
                )

    @property
    def measured(self) -> bool:
        """Whether anything at all was measured."""
        return bool(self.rates)

    def module(self, name: str) -> float:
        """Return the mean rate of a module's bits."""
        return self.rates.get(name, self.rates.get("*", DEFAULT_RATE))

    def signal(self, module: str, signal: str) -> float:
        """Return the rate of a signal's bits; a single bit may be named ``signal[3]``."""
        for key in (f"{module}.{signal}", f"{module}.{signal.partition('[')[0]}"):
            if key in self.rates:
                return self.rates[key]
        return self.module(module)

    def apart(self, module: str, signal: str) -> float | None:
        """Return how often neighbouring bits of a signal start or cease to differ, if recorded."""
        return self.rates.get(f"{module}.{signal}:apart")

    def bit(self, module: Module, bit: Bit) -> float:
        """Return the rate of a net by any of its names in `module`."""
        for name in module.names.get(bit, ()):
            if (rate := self.rates.get(f"{module.name}.{name}")) is not None:
                return rate
        return self.module(module.name)

    def accesses(self, module: str, memory: str, kind: str, default: float = 1.0) -> float:
        """Return accesses per cycle of a memory; `kind` is ``read`` or ``write``."""
        return self.rates.get(f"{module}.{memory}:{kind}", default)
