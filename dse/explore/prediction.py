"""What the model says of a design before anything is measured, each figure with its source."""

from __future__ import annotations

from typing import Any

from boards.metrics import Fidelity, Figure
from surrogates.additive import FITTED_BY, fit_note
from surrogates.mixed import FITTED_BY as MIXED_BY
from surrogates.mixed import NOTE as MIXED_NOTE
from surrogates.mixed import TOOL as MIXED_TOOL

from .block_model import BlockModel
from .format_model import FormatModel

__all__ = ["RESOURCE_UNITS", "predicted_figure", "predicted_resources"]

RESOURCE_UNITS = {"ff": "FF", "dsp": "DSP", "bram": "block"}
"""Resources beside the objectives' area that the additive model predicts."""

_SYSTEM = "kiln-system"
_POWER = "kiln-power"


def predicted_figure(column: str, value: float, unit: str, model: Any, family: str) -> Figure:
    """Return one predicted figure.

    Area and clock come from the additive model or from the block's own ``predict``, power from the
    energy model, times from the trace model at the predicted clock.
    """
    tool, conditions = _source(column, model, family)
    return Figure(
        value=float(f"{value:.6g}"),
        unit=unit,
        fidelity=Fidelity.PREDICTED,
        tool=tool,
        conditions=conditions,
    )


def predicted_resources(model: Any, index: int) -> dict[str, tuple[float, str]]:
    """Return (value, unit) of every resource that `model` predicts beside the area."""
    known = {} if isinstance(model, BlockModel) else getattr(model, "predicted", {})
    return {
        name: (float(known[name][index]), unit)
        for name, unit in RESOURCE_UNITS.items()
        if name in known
    }


def _source(column: str, model: Any, family: str) -> tuple[str, str]:
    if column == "power_mw":
        return _POWER, "energy per count at predicted area, clock and use of the array"
    if column not in (*RESOURCE_UNITS, "area", "clock_mhz"):
        return _SYSTEM, "at the predicted clock; memory and host as the target states them"
    if isinstance(model, BlockModel):
        return "block", "said by the plugged-in block's own predict()"
    if isinstance(model, FormatModel):
        made = f"{MIXED_NOTE}; made by {MIXED_BY} --family {family}"
        return MIXED_TOOL, made
    return "kiln-additive", f"{fit_note(family)}; made by {FITTED_BY} --family {family}"
