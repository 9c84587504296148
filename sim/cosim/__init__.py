"""Co-simulation: exported Verilog under cocotb on Verilator, against the golden model."""

from .coverage import Coverage, ModuleCoverage
from .errors import CosimBuildError, CosimError, CosimProtocolError, CosimStallError
from .model import CompiledModel, compile_model
from .result import CosimResult, JobResult
from .run import run_jobs
from .stimulus import GemmCase

__all__ = [
    "CompiledModel",
    "CosimBuildError",
    "CosimError",
    "CosimProtocolError",
    "CosimResult",
    "CosimStallError",
    "Coverage",
    "GemmCase",
    "JobResult",
    "ModuleCoverage",
    "compile_model",
    "run_jobs",
]
