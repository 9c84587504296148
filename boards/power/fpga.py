"""Power of an FPGA design: what each module uses, how busy it is, and cited coefficients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from boards.metrics import Fidelity

from .activity import Activity
from .coefficients import Fabric, fabric
from .report import PowerReport

__all__ = ["fpga_power"]

_RANDOM_RATE = 0.5
"""Toggle rate of random operands, for which the DSP coefficient holds."""


def fpga_power(
    family: str,
    modules: Mapping[str, Mapping[str, float]],
    activity: Mapping[str, float],
    *,
    device_lut: float | None = None,
    inputs: str = "",
) -> PowerReport:
    """Return the estimated power of an FPGA design.

    Parameters
    ----------
    family : str
        ``ecp5``, ``ice40`` or ``xcup``.
    modules : mapping of str to mapping
        Resources (``lut``, ``ff``, ``dsp``, ``bram``, ``spram``, ``uram``) of every module, all
        its instances together and its children left out. One entry of any name will do.
    activity : mapping of str to float
        Record of a simulated tile, see `boards.power.activity`.
    device_lut : float, optional
        Size of the device, to which static power is proportional. Default: the family's largest
        device of which it is known.
    inputs : str
        Digest of the design.
    """
    coefficients, record = fabric(family), Activity(activity)
    total: defaultdict[str, float] = defaultdict(float, clock=coefficients.clock_pj)
    by_module = {}
    for name, used in modules.items():
        energy = _module(coefficients, name, used, record)
        by_module[name] = sum(energy.values())
        for cause, value in energy.items():
            total[cause] += value
    source = "simulated activity" if record.measured else "assumed activity"
    return PowerReport(
        energy_pj=dict(total),
        static_mw=coefficients.device_static_mw(device_lut),
        uncertainty=dict.fromkeys((*total, "static"), coefficients.uncertainty),
        fidelity=Fidelity.ESTIMATED,
        conditions=f"{source}; {coefficients.source}",
        inputs=inputs,
        modules_pj=by_module,
    )


def _module(
    coefficients: Fabric, name: str, used: Mapping[str, float], record: Activity
) -> dict[str, float]:
    rate = record.module(name)
    lut, ff, dsp = (used.get(resource, 0.0) for resource in ("lut", "ff", "dsp"))
    busy = min(1.0, rate / _RANDOM_RATE)
    blocks = {kind: used.get(kind, 0.0) for kind in ("bram", "spram", "uram")}
    accesses = _accesses(record, name)
    return {
        "clock": ff * coefficients.ff_clock_fj * 1e-3,
        "registers": ff * rate * coefficients.ff_fj * 1e-3,
        "logic": lut * rate * coefficients.glitches * coefficients.lut_fj * 1e-3,
        "multipliers": dsp * busy * coefficients.dsp_pj,
        "memories": sum(
            count * accesses * getattr(coefficients, f"{kind}_pj") for kind, count in blocks.items()
        ),
    }


def _accesses(record: Activity, module: str) -> float:
    """Return accesses per cycle and block: the mean of the module's memories, else one."""
    kinds = (":read", ":write")
    keys = [key for key in record.rates if key.startswith(f"{module}.") and key.endswith(kinds)]
    memories = {key.rpartition(":")[0] for key in keys}
    return sum(record.rates[key] for key in keys) / len(memories) if memories else 1.0
