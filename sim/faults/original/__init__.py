"""The original sources on Verilator: does the frozen netlist do the same, and does X show?"""

from .check import Agreement, check_netlist
from .simulate import simulate

__all__ = ["Agreement", "check_netlist", "simulate"]
