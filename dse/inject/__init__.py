"""Fault-injection campaigns on a design of Kiln's, or on anyone's Verilog."""

from .campaigns import ENGINES, PLANS, Settled, run_all
from .results import summary, write_results
from .subject import Subject, kiln_subject, verilog_subject

__all__ = [
    "ENGINES",
    "PLANS",
    "Settled",
    "Subject",
    "kiln_subject",
    "run_all",
    "summary",
    "verilog_subject",
    "write_results",
]
