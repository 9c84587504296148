"""Power from switching activity: of mapped ASIC netlists, of FPGA designs, and in closed form."""

from .activity import Activity
from .analytic import Buffer, EnergyModel, energy_model
from .asic import asic_power
from .coefficients import fabric, memory_energy, memory_power
from .fpga import fpga_power
from .report import PowerReport

__all__ = [
    "Activity",
    "Buffer",
    "EnergyModel",
    "PowerReport",
    "asic_power",
    "energy_model",
    "fabric",
    "fpga_power",
    "memory_energy",
    "memory_power",
]
