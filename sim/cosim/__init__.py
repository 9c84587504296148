"""Co-simulation: exported Verilog under cocotb on Verilator, against the golden model."""

from .coverage import Coverage, ModuleCoverage
from .errors import CosimBuildError, CosimError, CosimProtocolError, CosimStallError
from .model import CompiledModel, compile_model
from .package import bench_files
from .result import CosimResult, JobResult
from .run import run_jobs
from .stimulus import GemmCase
from .verify import VerifiedCase, VerifyResult, verify_design
from .warm_up import warm_up

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
    "VerifiedCase",
    "VerifyResult",
    "bench_files",
    "compile_model",
    "run_jobs",
    "verify_design",
    "warm_up",
]
