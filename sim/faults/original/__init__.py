"""The original sources on Verilator: does the frozen netlist do the same, and does X show?"""

from .check import Agreement, check_netlist
from .session import Session, session
from .simulate import simulate

__all__ = ["Agreement", "Session", "check_netlist", "session", "simulate"]
