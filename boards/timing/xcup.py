"""Estimated clocks of AMD UltraScale+, for which no open router exists."""

from __future__ import annotations

from boards.metrics import Fidelity, Metrics
from boards.netlist import Netlist

from .analysis import TimingReport
from .fabric import analyse_fabric, fabric_table

__all__ = ["analyse_xcup", "xcup_metrics"]


def analyse_xcup(netlist: Netlist) -> TimingReport:
    """Return the timing of a netlist from ``synth_xilinx -family xcup``, an estimate."""
    return analyse_fabric(netlist, "xcup")


def xcup_metrics(report: TimingReport) -> Metrics:
    """Return the clock as an estimate, with what the same method does on ECP5 beside it."""
    table, peer = fabric_table("xcup"), fabric_table("ecp5")
    note = (
        f"+-{table['uncertainty']:.0%}, nets by fan-out; the same method on ECP5 against nextpnr: "
        f"{peer['method_error_mean']:+.0%} in the mean, {peer['method_error_worst']:+.0%} at worst "
        f"over {peer['method_designs']} designs"
    )
    return report.metrics(Fidelity.ESTIMATED, note)
