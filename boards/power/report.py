"""Power as energy per cycle by cause, plus what flows when nothing moves, with an uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from boards.metrics import Fidelity, Figure, Metrics

__all__ = ["PowerReport"]


@dataclass(frozen=True, kw_only=True)
class PowerReport:
    """Power of one design at one activity.

    Members
    -------
    energy_pj : mapping of str to float
        Energy of one clock cycle by cause: ``clock``, ``registers``, ``logic``, ``memories`` ...
    static_mw : float
        Leakage, or the static power of a device.
    uncertainty : mapping of str to float
        Relative uncertainty (one sigma) of each cause, and of ``static``.
    modules_pj : mapping of str to float
        The same energy by module, all instances together.
    """

    energy_pj: Mapping[str, float]
    static_mw: float
    uncertainty: Mapping[str, float]
    fidelity: Fidelity
    conditions: str
    version: str = ""
    inputs: str = ""
    seed: int | None = None
    modules_pj: Mapping[str, float] = field(default_factory=dict)

    @property
    def cycle_pj(self) -> float:
        """Energy of one clock cycle without the static part."""
        return sum(self.energy_pj.values())

    def power_mw(self, clock_mhz: float) -> float:
        """Return the power at `clock_mhz`."""
        return self.cycle_pj * clock_mhz * 1e-3 + self.static_mw

    def sigma_mw(self, clock_mhz: float) -> float:
        """Return the uncertainty of `power_mw`; errors of different causes are independent."""
        parts = [
            self.uncertainty.get(cause, 0.0) * energy * clock_mhz * 1e-3
            for cause, energy in self.energy_pj.items()
        ]
        return math.hypot(*parts, self.uncertainty.get("static", 0.0) * self.static_mw)

    def metrics(self, clock_mhz: float) -> Metrics:
        """Return power, its uncertainty, its static part and the energy of a cycle."""
        kind = self.fidelity.value
        values = {
            "power_mw": (self.power_mw(clock_mhz), "mW"),
            "power_uncertainty_mw": (self.sigma_mw(clock_mhz), "mW"),
            "static_power_mw": (self.static_mw, "mW"),
            "cycle_energy_pj": (self.cycle_pj, "pJ"),
        }
        return Metrics(
            {
                f"{name}_{kind}": Figure(
                    value=value,
                    unit=unit,
                    fidelity=self.fidelity,
                    tool="kiln-power",
                    version=self.version,
                    seed=self.seed,
                    conditions=f"{self.conditions}; at {clock_mhz:g} MHz",
                    inputs=self.inputs,
                )
                for name, (value, unit) in values.items()
            }
        )
