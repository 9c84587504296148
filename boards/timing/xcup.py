"""Estimated clocks of AMD UltraScale+, for which no open router exists."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any

from boards.metrics import Fidelity, Metrics
from boards.netlist import Netlist

from .analysis import TimingReport
from .fabric import analyse_fabric, fabric_table

__all__ = ["analyse_xcup", "method_error", "xcup_metrics"]


def analyse_xcup(netlist: Netlist) -> TimingReport:
    """Return the timing of a netlist from ``synth_xilinx -family xcup``, an estimate."""
    return analyse_fabric(netlist, "xcup")


def xcup_metrics(report: TimingReport) -> Metrics:
    """Return the clock as an estimate, with what the same method does on ECP5 beside it."""
    note = f"+-{fabric_table('xcup')['uncertainty']:.0%}, nets by fan-out; {method_error()}"
    return report.metrics(Fidelity.ESTIMATED, note)


def method_error() -> str:
    """Return how far the method is off where routed clocks are known; plus is too fast."""
    found = _method()
    return (
        f"the same method on {found['designs']} routed ECP5 designs: {found['mean']:+.1%} mean, "
        f"{found['spread']:.1%} spread, {found['lowest']:+.0%} to {found['highest']:+.0%}"
    )


@lru_cache(maxsize=1)
def _method() -> dict[str, Any]:
    """Return what bench/timing_method.py measured."""
    text = resources.files("boards.timing").joinpath("method.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
